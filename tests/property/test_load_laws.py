"""Laws of loading: YAML agrees with JSON, a slip is placed and cured, nothing but BadInput comes out."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput
from evalgate.core.policy_file import PolicyFile
from evalgate.core.project_file import ProjectFile
from evalgate.core.suite_file import SuiteFile
from evalgate.load.syntax.documents import parse_json, validate
from evalgate.load.syntax.yaml_text import parse_yaml

KEYS = {
    SuiteFile: {"policies": "p", "grader": {"kind": "exact"}},
    PolicyFile: {"deployments": {"a": {"provider": "p", "model": "m"}}},
    ProjectFile: {},
    Case: {"id": "a", "input": "x"},
}
printable = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"])
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | printable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(printable, inner, max_size=4),
    max_leaves=12,
)


def problems(load):
    try:
        load()
    except BadInput as bad:
        return bad.problems
    return ()


@given(st.dictionaries(printable, json_values, max_size=4))
def test_json_is_read_as_it_is_meant(value):
    text = json.dumps(value, ensure_ascii=False)
    assert parse_yaml(text, "f.yaml").value == json.loads(text)


@given(st.text())
def test_any_text_is_read_or_refused_with_a_place(text):
    lines = 1 + sum(text.count(end) for end in ("\n", "\r", "\x85", "\u2028", "\u2029"))
    for problem in problems(lambda: parse_yaml(text, "f.yaml")):
        assert problem.file == "f.yaml"
        assert problem.line is not None
        assert 1 <= problem.line <= lines + 1


@given(st.sampled_from(list(KEYS)), st.data())
def test_a_misspelt_key_is_placed_and_cured(kind, data):
    key = data.draw(st.sampled_from(sorted(name for name in kind.model_fields if len(name) > 3)))
    place = data.draw(st.integers(1, len(key) - 1))
    slip = data.draw(st.sampled_from([key[:place] + key[place + 1 :], key[:place] + "q" + key[place:]]))
    assume(slip not in kind.model_fields)
    written = {**KEYS[kind], slip: None}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}\n" for name, value in written.items()]
    with pytest.raises(BadInput) as caught:
        validate(parse_yaml("".join(lines), "f.yaml"), kind, "f.yaml")
    (problem,) = [each for each in caught.value.problems if each.key == slip]
    assert (problem.line, problem.column, problem.message) == (len(lines), 1, "unknown key")
    assert problem.cure == f"did you mean {key!r}?"


@given(
    st.sampled_from(list(KEYS)),
    st.dictionaries(
        st.sampled_from(
            [
                "grader",
                "router",
                "deployments",
                "prompt",
                "kind",
                "budgets",
                "at",
                "messages",
                "providers",
                "cache",
                "slices",
            ]
        )
        | printable,
        json_values,
        max_size=5,
    ),
)
def test_whatever_is_written_is_read_or_refused_in_words(kind, written):
    text = json.dumps({**KEYS[kind], **written})
    for problem in problems(lambda: validate(parse_json(text, "f.json"), kind, "f.json")):
        assert problem.message
        assert "Input should" not in problem.message
        assert "Value error" not in problem.message
