"""``evalgate init``: a project that works at once, whole or not at all."""

import json
import os
import sys
from pathlib import Path

import pytest

from evalgate.core.cases import Case
from evalgate.load.project import load_project
from evalgate.pipeline.planning.power_warnings import power_warnings
from evalgate.pipeline.starting.starter import starter_texts

FILES = [
    "evalgate.yaml",
    "example_model.py",
    "policies/example/production.yaml",
    "policies/example/shorter-prompt.yaml",
    "suites/example/cases.jsonl",
    "suites/example/suite.yaml",
]
BUDGETS = """\
budgets:
  # 60 independent graded cases carry this budget; a smaller one would stop harmless changes:
  #   proof  1 - 0.05 ** (1 / 60) = 4.9 points, if no answer differs
  #   noise  2.49 * sqrt(0.05 / 60) = 7.2 points, if 5%
  #          of the answers differ by chance; then 4 of 5 harmless changes pass
  # For 4 points you need about 200 cases.
  accuracy: {max_drop: 8pp}
  # Fewer correct answers make each one dearer by the same noise:
  #   8 / (80% correct - 8 points) = 12 %
  cost_per_correct: {max_rise: 12%}
  # A P95 needs 59 calls for an upper limit, ln(0.05) / ln(0.95).
  # Replace: what your users may wait. With real models limit the rise too, as in max_rise: 10%.
  latency_p95: {max: 2s, on_inconclusive: warn}
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def write_cases(here, *cases):
    file = here / "mine.jsonl"
    file.write_text("".join(json.dumps(case) + "\n" for case in cases))
    return str(file)


def test_what_is_written_and_told(here, evalgate):
    code, out, err = evalgate("init", "shop")
    assert (code, err) == (0, "")
    made = files_in(here / "shop")
    (recordings,) = set(made) - set(FILES)
    assert recordings.startswith("suites/example/recordings/")
    assert set(made) == {*FILES, recordings}
    wrote = "".join(f"wrote shop/{name}\n" for name in made)
    assert out == f"{wrote}\nNext in shop:\n  evalgate run\n  evalgate check\n"


def test_the_budgets_show_their_arithmetic(here, evalgate):
    evalgate("init")
    assert BUDGETS in (here / "suites/example/suite.yaml").read_text()


def test_run_is_green_and_check_has_nothing_to_say(here, evalgate, monkeypatch):
    assert evalgate("init")[0] == 0
    code, out, _ = evalgate("run", "--format", "json")
    result = json.loads(out)
    assert (code, result["verdict"]) == (0, "pass")
    assert [each["candidate"] for each in result["comparisons"]] == ["shorter-prompt"]
    assert {check["verdict"] for check in result["comparisons"][0]["checks"]} == {"pass"}
    code, out, _ = evalgate("check")
    assert (code, out.split(" in ")[0]) == (0, "nothing to complain about")
    assert json.loads(evalgate("plan", "--format", "json")[1])["suites"][0]["calls"]["to_make"] == 0


def test_everything_in_the_way_is_listed_and_nothing_is_written(here, evalgate):
    (here / "evalgate.yaml").write_text("mine")
    (here / "policies/example").mkdir(parents=True)
    (here / "suites").write_text("a file")
    code, out, err = evalgate("init")
    assert (code, out) == (2, "")
    assert "3 problems in 3 files" in err
    assert [line.split(":")[0] for line in err.splitlines() if "is there already" in line] == [
        "evalgate.yaml",
        "policies/example",
        "suites",
    ]
    assert files_in(here) == ["evalgate.yaml", "suites"]
    assert (here / "evalgate.yaml").read_text() == "mine"


def test_a_link_that_leads_nowhere_is_in_the_way_too(here, evalgate):
    (here / "evalgate.yaml").symlink_to(here / "nowhere")
    assert evalgate("init")[0] == 2
    assert not (here / "nowhere").exists()


def test_a_file_in_place_of_the_folder_is_refused(here, evalgate):
    (here / "shop").write_text("")
    code, _, err = evalgate("init", "shop")
    assert code == 2
    assert "a file is where the new folder should be" in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_keeps_nothing(here, evalgate):
    shop = here / "shop"
    (shop / "suites").mkdir(parents=True)
    (shop / "suites").chmod(0o555)
    code, _, err = evalgate("init", "shop")
    (shop / "suites").chmod(0o755)
    assert code == 2
    assert "nothing was kept" in err
    assert [path.name for path in shop.rglob("*")] == ["suites"]


def test_what_was_written_is_taken_back_when_the_disk_is_full(here, evalgate, monkeypatch):
    from evalgate.pipeline.starting import init as verb

    real = verb._make_folders

    def full(folder):
        if folder.name == "recordings":
            raise OSError(28, "No space left on device")
        return real(folder)

    monkeypatch.setattr(verb, "_make_folders", full)
    code, _, err = evalgate("init", "shop/deep")
    assert code == 2
    assert "No space left on device; nothing was kept" in err
    assert not (here / "shop").exists()


def labelled(count):
    return [
        {"id": f"c-{n}", "input": f"question {n}", "target": ("yes", "no: never", "it depends")[n % 3]}
        for n in range(count)
    ]


def numbers(count):
    return [{"id": f"c-{n}", "input": f"what is {n} / 8?", "target": n / 8} for n in range(count)]


def conversations(count):
    return [
        {
            "id": f"c-{n}",
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hello!"},
                {"role": "user", "content": f"Who wrote book {n}?"},
            ],
            "target": f"Author {n}",
        }
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("cases", "grader"),
    [
        (labelled(30), 'grader: {kind: choice, labels: ["it depends", "no: never", "yes"]}'),
        (numbers(24), "grader: {kind: number, rel_tolerance: 0.001}"),
        (conversations(65), "grader: {kind: exact, ignore_case: true}"),
        ([{"id": "c", "input": "Why?"}], "grader: {kind: exact, ignore_case: true}"),
    ],
    ids=["choice", "number", "conversations", "ungraded"],
)
def test_own_cases_get_a_grader_that_fits_and_a_green_start(here, evalgate, cases, grader):
    assert evalgate("init", "shop", "--cases", write_cases(here, *cases))[0] == 0
    shop = here / "shop"
    assert (shop / "suites/example/cases.jsonl").read_bytes() == (here / "mine.jsonl").read_bytes()
    assert grader in (shop / "suites/example/suite.yaml").read_text()
    os.chdir(shop)
    code, out, err = evalgate("run", "--format", "json")
    assert code == 0, err
    assert json.loads(out)["blocked"] is False
    counted = json.loads(out)["comparisons"][0]["cases"]
    assert counted["both_right"] == sum("target" in case for case in cases)


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([{"id": "a"}], "mine.jsonl:1"),
        ([{"id": "a", "input": "x", "target": {"rows": 3}}], "init knows no grader for them"),
        ([], "the file holds no cases"),
    ],
)
def test_cases_that_cannot_be_used_are_refused_before_anything_is_written(here, evalgate, cases, said):
    code, _, err = evalgate("init", "shop", "--cases", write_cases(here, *cases))
    assert code == 2
    assert said in err
    assert not (here / "shop").exists()


@pytest.mark.parametrize("count", [1, 5, 19, 20, 58, 59, 300, 5000])
def test_no_budget_is_too_tight_for_the_cases_it_was_made_for(here, evalgate, count):
    cases = [Case(id=f"c-{n}", input="x", target="yes") for n in range(count)]
    for name, text in starter_texts(cases, own=True, server=None).items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    lines = (f'{{"id": "c-{n}", "input": "x", "target": "yes"}}\n' for n in range(count))
    (here / "suites/example/cases.jsonl").write_text("".join(lines))
    (suite,) = load_project(here).suites
    assert power_warnings(suite) == []
    assert suite.rules.limits


def test_grouped_cases_carry_a_wider_budget():
    alone = [Case(id=f"c-{n}", input="x", target="yes") for n in range(100)]
    grouped = [Case(id=f"c-{n}", input="x", target="yes", group=str(n % 10)) for n in range(100)]
    (of_alone, of_grouped) = (
        starter_texts(cases, own=True, server=None)["suites/example/suite.yaml"] for cases in (alone, grouped)
    )
    assert "max_drop: 6pp" in of_alone
    assert "max_drop: 26pp" in of_grouped


def test_a_server_instead_of_the_stand_in(here, evalgate):
    options = ("--origin", "http://127.0.0.1:9999/v1", "--model", "tiny: 2", "--key-env", "TINY_KEY")
    code, out, err = evalgate("init", "--provider", "openai", *options)
    assert (code, err) == (0, "")
    assert out.endswith("\nNext:\n  evalgate plan\n  evalgate record\n")
    assert files_in(here) == [name for name in FILES if name != "example_model.py"]
    (suite,) = load_project(here).suites
    assert suite.baseline.deployments["main"].model == "tiny: 2"
    plan = json.loads(evalgate("plan", "--format", "json")[1])["suites"][0]
    assert plan["calls"]["to_make"] == 120
    assert float(plan["expected_usd"]) < float(plan["worst_usd"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--provider", "function", "--model", "x"), "belong to --provider openai"),
        (("--origin", "127.0.0.1:80"), "does not begin with http"),
        (("--cases", "nowhere.jsonl"), "does not exist"),
    ],
)
def test_wrong_options_are_exit_2(here, evalgate, options, said):
    code, _, err = evalgate("init", *options)
    assert code == 2
    assert said in err
    assert files_in(here) == []


def test_the_stand_in_is_imported_from_no_other_project(here, evalgate):
    evalgate("init", "one")
    evalgate("init", "two", "--cases", write_cases(here, *labelled(30)))
    assert (here / "one/example_model.py").read_text() != (here / "two/example_model.py").read_text()
    assert Path(sys.modules["example_model"].__file__).parent != here / "one"
