"""The user's own code by import path."""

import sys

import pytest

from evalgate.core.errors import BadInput
from evalgate.load.code.plugins import import_function


def refused(path, root):
    with pytest.raises(BadInput) as caught:
        import_function(path, root)
    return str(caught.value)


def test_a_function_is_imported_from_the_root_and_the_search_path_is_left_as_it_was(tmp_path):
    (tmp_path / "plug_a").mkdir()
    (tmp_path / "plug_a" / "inner.py").write_text(
        "class Kit:\n    @staticmethod\n    def f():\n        return 7\n"
    )
    before = list(sys.path)
    assert import_function("plug_a.inner:Kit.f", tmp_path)() == 7
    assert sys.path == before


def test_each_project_gets_its_own_module_of_a_name(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plug_same.py").write_text(f"def f():\n    return {name!r}\n")
    assert import_function("plug_same:f", tmp_path / "one")() == "one"
    assert import_function("plug_same:f", tmp_path / "two")() == "two"


@pytest.mark.parametrize("path", ["", "plug", "plug:", ":f", "plug.py:f()", "a/b:f", "plug :f", "1a:f"])
def test_what_is_no_import_path(tmp_path, path):
    assert refused(path, tmp_path) == (
        f"{path!r} is not an import path\n    write module:function, as in my_package.graders:same_rows"
    )


@pytest.mark.parametrize(
    ("code", "path", "said"),
    [
        ("x = 1", "plug_b:f", "'plug_b' has no 'f'"),
        ("def grade():\n    pass", "plug_c:grad", "'plug_c' has no 'grad'\n    did you mean 'grade'?"),
        ("f = 5", "plug_d:f", "'plug_d:f' is not a function but int"),
        (
            "import not_there_at_all",
            "plug_e:f",
            (
                "importing 'plug_e' raised ModuleNotFoundError: No module named 'not_there_at_all' (plug_e."
                "py line 1)"
            ),
        ),
        (
            "\n1 / 0",
            "plug_f:f",
            "importing 'plug_f' raised ZeroDivisionError: division by zero (plug_f.py line 2)",
        ),
        ("import sys\nsys.exit(0)", "plug_g:f", "importing 'plug_g' raised SystemExit: 0"),
        ("def f(:", "plug_h:f", "importing 'plug_h' raised"),
        ("", "plug_none:f", "'plug_none:f': there is no module 'plug_none'"),
        ("", "plug_i.inner:f", "there is no module"),
    ],
)
def test_what_can_go_wrong(tmp_path, code, path, said):
    name = path.partition(":")[0].partition(".")[0]
    if name != "plug_none":
        (tmp_path / f"{name}.py").write_text(code)
    assert said in refused(path, tmp_path)
