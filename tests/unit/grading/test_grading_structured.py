"""contains, json_equal, json_schema, list_f1 and text_f1: what is right, what is not, and why."""

import sys
import time
from typing import Any

import pytest

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, GraderCrash
from evalgate.core.outcome import Answer, Grade
from evalgate.core.suite_file import (
    ContainsGrader,
    GraderFile,
    JsonEqualGrader,
    JsonSchemaGrader,
    ListF1Grader,
    TextF1Grader,
    Tolerance,
)
from evalgate.grading.grade import grade
from evalgate.grading.json_answer import NO_JSON, found_json, stated_json


def judged(text: str, target: object, grader: GraderFile, correct_at: float = 1) -> Grade:
    found = grade(Case(id="c-1", input="?", target=target), Answer(text), grader, correct_at, None)
    assert found is not None
    return found


def contains(text: str, target: object = None, **keys: Any) -> Grade:
    return judged(text, target, ContainsGrader(kind="contains", **keys))


def equal(text: str, target: object, **keys: Any) -> Grade:
    return judged(text, target, JsonEqualGrader(kind="json_equal", **keys))


def valid(text: str, schema: dict[str, Any]) -> Grade:
    return judged(text, None, JsonSchemaGrader(kind="json_schema", schema=schema))


def listed(text: str, target: object, **keys: Any) -> Grade:
    return judged(text, target, ListF1Grader(kind="list_f1", **keys))


def words(text: str, target: object, **keys: Any) -> Grade:
    return judged(text, target, TextF1Grader(kind="text_f1", **keys))


# contains


def test_contains_counts_requirements_met() -> None:
    found = contains("a b", all=["a", "x"], any=["b", "y"], none=["a", "z"])
    assert found.score == pytest.approx(3 / 5)
    assert found.reason == "lacks 'x'; holds 'a', which must not be there"
    assert contains("A", all=["a"]).score == 0
    assert contains("A", all=["a"], ignore_case=True).correct
    assert contains("cafe\u0301", all=["caf\u00e9"]).correct
    assert contains("x", any=["p", "q"]).reason == "holds none of 2 texts, such as 'p'"


def test_contains_takes_the_target_when_the_grader_says_nothing() -> None:
    assert contains("it is Paris", "Paris").correct
    assert contains("it is 42", 42).correct
    assert contains("a and b", ["a", "b"]).correct
    assert contains("a", ["a", "b"]).score == 0.5
    assert contains("b", {"any": ["a", "b"], "none": ["c"]}).correct
    assert contains("c", {"none": ["c"]}).score == 0
    assert contains("anything", "ignored", all=["any"]).correct


def test_contains_without_anything_to_look_for_gives_no_grade() -> None:
    case = Case(id="c", input="?")
    assert grade(case, Answer("x"), ContainsGrader(kind="contains"), 1, None) is None
    assert grade(case, Answer("x"), ContainsGrader(kind="contains", all=["x"]), 1, None) is not None


@pytest.mark.parametrize("target", [{"al": ["x"]}, {"any": ["x"], "more": 1}])
def test_contains_refuses_a_target_that_says_something_else(target: object) -> None:
    with pytest.raises(BadInput, match=r"case 'c-1': target .* does not say what an answer must contain"):
        contains("x", target)


# finding JSON


@pytest.mark.parametrize(
    ("text", "stated", "found"),
    [
        ('{"a": 1}', {"a": 1}, {"a": 1}),
        (" [1, 2]\n", [1, 2], [1, 2]),
        ("42", 42, 42),
        ("null", None, None),
        ("\ufeff{}", {}, {}),
        ("Sure:\n```json\n[1]\n```\nDone {2}.", [1], [1]),
        ("```\nnot json\n```\n~~~\n[2]\n~~~", [2], [2]),
        ('It is {"a": 1}, I think [2].', NO_JSON, {"a": 1}),
        ("{not} then [3]", NO_JSON, [3]),
        ("no", NO_JSON, NO_JSON),
        ("NaN", NO_JSON, NO_JSON),
        ("[" * 100_000, NO_JSON, NO_JSON),
        ("9" * 5000, NO_JSON, NO_JSON),
    ],
)
def test_json_is_the_whole_or_a_fence_or_the_first_value(text: str, stated: object, found: object) -> None:
    assert stated_json(text) == stated
    assert found_json(text) == found


# json_equal


def test_json_equal_compares_values_not_spelling() -> None:
    assert equal('{"b": [1.0, "é"], "a": null}', {"a": None, "b": [1, "e\u0301"]}).correct
    assert not equal("1", True).correct
    assert not equal("true", 1).correct
    assert not equal('"1"', 1).correct
    assert not equal("null", False).correct
    assert equal("[1]", [1, 2]).reason == "$: 1 items, expected 2"


def test_json_equal_scores_top_level_keys_and_says_what_differs() -> None:
    found = equal('{"a": 1, "b": {"c": [1, 2]}, "x": 0}', {"a": 1, "b": {"c": [1, 3]}, "d": 0})
    assert found.score == 0.25
    assert found.reason == "b.c.1: expected 3, got 2; d: missing, expected 0; x: not expected"


def test_json_equal_ignores_and_selects_places() -> None:
    target = {"id": 1, "rows": [{"id": 2, "v": 3}]}
    assert equal('{"id": 9, "rows": [{"id": 8, "v": 3}]}', target, ignore=["id", "rows.*.id"]).correct
    assert not equal('{"id": 9, "rows": [{"id": 8, "v": 4}]}', target, ignore=["id", "rows[*].id"]).correct
    assert equal('{"id": 9, "rows": [{"v": 3}]}', target, only=["rows.*.v"]).correct
    assert not equal('{"id": 1, "rows": [{"id": 2}]}', target, only=["rows.*.v"]).correct
    assert not equal('{"id": 1}', target, only=["rows[0].v"]).correct
    assert not equal('{"rows": 7}', target, only=["rows.*.v"]).correct


def test_json_equal_may_allow_extra_keys() -> None:
    assert equal('{"a": {"b": 1, "c": 2}, "d": 3}', {"a": {"b": 1}}, allow_extra_keys=True).correct
    assert not equal('{"a": {"b": 1, "c": 2}}', {"a": {"b": 1}}).correct
    assert not equal("{}", {"a": 1}, allow_extra_keys=True).correct


def test_json_equal_holds_numbers_to_their_own_tolerance() -> None:
    tolerance = {"price": Tolerance(abs_tolerance=0.1), "rows.*": Tolerance(rel_tolerance=0.1)}
    assert equal(
        '{"price": 1.1, "rows": [90, 110]}', {"price": 1, "rows": [100, 100]}, tolerance=tolerance
    ).correct
    found = equal('{"price": 1.2, "rows": [90]}', {"price": 1, "rows": [100]}, tolerance=tolerance)
    assert (found.score, found.reason) == (0.5, "price: expected 1, got 1.2")
    assert not equal('{"price": true}', {"price": 1}, tolerance=tolerance).correct
    assert not equal('{"price": 1e999}', {"price": 1}, tolerance=tolerance).correct


def test_json_equal_matches_unordered_lists_as_well_as_it_can() -> None:
    tolerance = {"$.*": Tolerance(abs_tolerance=0.1)}
    # 1.1 fits both targets; taking it for its equal would leave 1.2 without a place.
    assert equal(
        "[1.1, 1.2]", [1.0, 1.1], unordered=["$"], tolerance={"*": Tolerance(abs_tolerance=0.1)}
    ).correct
    assert equal(
        "[1.2, 1.1]", [1.1, 1.0], unordered=["$"], tolerance={"*": Tolerance(abs_tolerance=0.1)}
    ).correct
    assert equal('{"a": [{"x": 2}, {"x": 1}]}', {"a": [{"x": 1}, {"x": 2}]}, unordered=["a"]).correct
    assert not equal("[1, 1, 2]", [1, 2, 2], unordered=["$"]).correct
    assert not equal("[1]", [1, 1], unordered=["$"]).correct
    assert not equal("[2, 1]", [1, 2], tolerance=tolerance).correct
    big = list(range(2000))
    assert equal(str(big[::-1]), big, unordered=["$"]).correct
    assert not equal(str([0, *big[:-1]]), big, unordered=["$"]).correct


def test_json_equal_reads_a_target_that_is_text() -> None:
    assert equal('{"a": 1}', '{"a": 1.0}').correct
    assert equal('"Paris"', "Paris").correct
    assert equal("Paris", "Paris").reason == "holds no JSON: 'Paris'"


def test_json_equal_survives_what_is_nested_too_deep() -> None:
    deep: object = 1
    for _ in range(sys.getrecursionlimit()):
        deep = [deep]
    assert not equal("[" * 400 + "]" * 400, deep).correct


# json_schema

PERSON = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}


def test_json_schema_says_the_first_thing_wrong() -> None:
    assert valid('I say {"age": 3}.', PERSON).correct
    assert valid('{"age": -1}', PERSON).reason == "age: -1 is less than the minimum of 0"
    assert valid("{}", PERSON).reason == '$: "age" is a required property'
    assert valid("none", PERSON).reason == "holds no JSON: 'none'"
    assert len(valid('{"age": "' + "x" * 5000 + '"}', PERSON).reason) < 300


def test_json_schema_takes_newer_drafts_and_inner_references() -> None:
    schema = {"$ref": "#/$defs/n", "$defs": {"n": {"prefixItems": [{"type": "string"}], "items": False}}}
    assert valid('["a"]', schema).correct
    assert not valid('["a", 1]', schema).correct


def test_json_schema_takes_any_text() -> None:
    assert not valid('{"\\ud800": "\\udfff"}', PERSON).correct
    assert not valid('{"age": 1e999}', PERSON).correct


def test_json_schema_patterns_take_linear_time() -> None:
    started = time.perf_counter()
    assert not valid('"' + "a" * 100_000 + 'b"', {"pattern": "^(a+)+$"}).correct
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "schema", [{"type": "strin"}, {"pattern": "(?=a)"}, {"$ref": "http://127.0.0.1:9/x"}]
)
def test_json_schema_refuses_what_is_no_schema(schema: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="not a JSON Schema"):
        valid("1", schema)


def test_json_schema_by_path_must_have_been_loaded() -> None:
    with pytest.raises(GraderCrash, match=r"schema s\.json was not loaded"):
        judged("1", None, JsonSchemaGrader(kind="json_schema", schema="s.json"))


# list_f1


@pytest.mark.parametrize(
    "text",
    [
        '["Apple", "pear"]', '```json\n["pear", "apple"]\n```', "- apple\n- pear", "1. Pear\n2) Apple\n",
        "apple, pear", "apple; pear.", "* apple\n\n• pear,", "APPLE\r\npear",
    ],
)  # fmt: skip
def test_list_f1_reads_lists_however_they_are_written(text: str) -> None:
    assert listed(text, ["apple", "pear"]).correct
    assert listed(text, "pear, apple").correct
    assert listed('["apple", "pear"]', text).correct


def test_list_f1_counts_items_as_often_as_they_stand() -> None:
    assert listed("a, a, b", ["a", "b", "b"]).score == pytest.approx(2 / 3)
    assert listed("a", ["a", "b", "c"]).score == 0.5
    assert listed("x", ["a"]).score == 0
    assert listed("", []).correct
    assert listed("[]", []).correct
    assert listed("[1, 2.0]", ["1", 2]).correct
    assert listed("A", ["a"], ignore_case=False).score == 0


def test_list_f1_compares_fields_and_rows() -> None:
    assert listed('{"a": "X", "b": 2}', {"b": 2, "a": "x"}).correct
    assert listed('{"a": 1, "b": 3}', {"a": 1, "b": 2}).score == 0.5
    assert listed('[{"x": 1, "y": 2}]', [{"y": 2.0, "x": 1}]).correct


# text_f1


def test_text_f1_is_squads() -> None:
    assert words("the Eiffel Tower!", "An Eiffel tower").correct
    # Two of the answer's three words, and both of the target's: 2 * 2 / 5.
    assert words("big Eiffel Tower", "eiffel tower").score == pytest.approx(0.8)
    assert words("well-known", "wellknown").correct, "punctuation is dropped, as SQuAD does"
    assert words("nothing", "all").score == 0
    assert words("", "the").correct
    assert words("", "x").score == 0


def test_text_f1_takes_the_nearest_of_several_targets() -> None:
    found = words("in Paris", ["London", "Paris", "in the city of Paris"])
    assert found.score == pytest.approx(2 / 3)
    assert found.reason == "word F1 0.67 against 'Paris'"
    assert words("42", [41, 42]).correct


def test_text_f1_drops_the_words_it_is_told() -> None:
    assert words("das Haus", "Haus", drop_words=["das"]).correct
    assert not words("the house", "house", drop_words=[]).correct


def test_text_f1_reads_scripts_without_spaces_by_character() -> None:
    assert words("我爱北京", "北京").score == pytest.approx(2 * 2 / 6)
