import json
from typing import Any

import pytest

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput
from evalgate.core.messages import ToolCall
from evalgate.core.outcome import Answer, Grade
from evalgate.core.suite_file import ArgumentRule, ToolCallsGrader
from evalgate.grading.grade import grade


def call(name: str, arguments: str | None = None, /, **given: Any) -> ToolCall:
    return ToolCall(name, json.dumps(given) if arguments is None else arguments)


def expect(name: str, /, **given: Any) -> dict[str, Any]:
    return {"name": name, "arguments": given}


def judged(target: object, *made: ToolCall, **keys: Any) -> Grade:
    grader = ToolCallsGrader(kind="tool_calls", **keys)
    found = grade(Case(id="c-1", input="?", target=target), Answer("", tuple(made)), grader, 1, None)
    assert found is not None
    return found


def test_the_expected_call_is_right() -> None:
    found = judged([expect("get", city="Paris", days=3)], call("get", days=3.0, city="Paris"))
    assert found == Grade(1.0, True, "1 calls as expected", readable=True)
    assert judged(expect("get", city="Paris"), call("get", city="Paris")).correct, "one call needs no list"


def test_no_call_expected() -> None:
    assert judged([]).correct
    assert judged([], call("get")).reason == "'get' was called unasked"
    assert judged([], call("get"), allow_extra_calls=True).correct


def test_a_missing_call_and_an_extra_one_lower_the_score() -> None:
    both = [expect("a", x=1), expect("b", x=2)]
    assert judged(both, call("a", x=1)).score == 0.5
    assert judged(both, call("a", x=1)).reason == "b was not called"
    extra = judged([expect("a")], call("a"), call("c"))
    assert (extra.score, extra.reason) == (0.5, "'c' was called unasked")
    assert judged([expect("a")], call("a"), call("c"), allow_extra_calls=True).correct
    assert judged([expect("a")], call("a"), call("a")).score == 0.5
    assert judged([expect("a")]).score == 0


def test_each_argument_counts() -> None:
    found = judged([expect("f", a=1, b=2, c=3)], call("f", a=1, b=9, d=4))
    assert found.score == pytest.approx((1 + 1) / (1 + 4))
    assert found.reason == "f.b: expected '2', got '9'; f.c: missing; f.d: not expected"
    assert judged([{"name": "f"}], call("f", a=1)).correct, "without arguments any will do"


def test_parallel_calls_are_matched_as_suits_them_best() -> None:
    target = [expect("get", city="Rome", days=1), expect("get", city="Oslo", days=2)]
    assert judged(target, call("get", city="Oslo", days=2), call("get", city="Rome", days=1)).correct
    # Greedy by the first target would take the first call for it and lose.
    found = judged([expect("f", a=1), expect("f", a=1, b=2)], call("f", a=1, b=2), call("f", a=1))
    assert found.correct


def test_order_may_count() -> None:
    target = [expect("a"), expect("b")]
    assert judged(target, call("b"), call("a")).correct
    assert judged(target, call("b"), call("a"), ordered=True).score == 0
    assert judged(target, call("a"), call("b"), ordered=True).correct


def test_rules_of_the_case() -> None:
    target = [
        {
            "name": "f",
            "arguments": {"city": "Paris", "n": 10},
            "any_of": {"city": ["Paris, France"], "unit": ["c", "celsius"]},
            "ignore": ["id"],
            "tolerance": {"n": {"abs_tolerance": 1}},
        }
    ]
    assert judged(target, call("f", city="Paris, France", n=11, unit="c", id=7)).correct
    assert not judged(target, call("f", city="Lyon", n=10, unit="c")).correct
    assert not judged(target, call("f", city="Paris", n=11.5, unit="c")).correct
    assert judged(target, call("f", city="Paris", n=10)).reason == "f.unit: missing"


def test_rules_of_the_grader() -> None:
    rules = {
        "*.id": ArgumentRule(ignore=True),
        "f.n": ArgumentRule(rel_tolerance=0.1),
        "f.unit": ArgumentRule(any_of=["km", "kilometers"]),
    }
    target = [expect("f", n=100, unit="km")]
    assert judged(target, call("f", n=91, unit="kilometers", id=1), arguments=rules).correct
    assert not judged(target, call("f", n=89, unit="km"), arguments=rules).correct
    # Synonyms of another value are no help.
    assert not judged([expect("f", n=1, unit="mi")], call("f", n=1, unit="km"), arguments=rules).correct
    assert not judged([expect("g", n=100)], call("g", n=91), arguments=rules).correct


@pytest.mark.parametrize("arguments", ["{", "[1]", "null", '"x"', "[" * 100_000])
def test_arguments_that_are_no_object_are_wrong_and_never_a_crash(arguments: str) -> None:
    found = judged([expect("f", a=1)], call("f", arguments))
    assert not found.correct
    assert found.reason == "f: its arguments are not a JSON object"
    assert not judged([expect("f")], call("f", arguments)).correct
    assert judged([{"name": "f"}], call("f", arguments)).correct


def test_no_arguments_may_be_written_as_nothing() -> None:
    assert judged([expect("f")], call("f", "")).correct


def test_values_are_json() -> None:
    assert judged([expect("f", a={"x": [1, 2], "y": None})], call("f", a={"y": None, "x": [1.0, 2]})).correct
    assert not judged([expect("f", a=[1, 2])], call("f", a=[2, 1])).correct
    assert not judged([expect("f", a=1)], call("f", a="1")).correct
    assert not judged([expect("f", a=1)], call("f", a=True)).correct


def test_thousands_of_calls_are_graded() -> None:
    made = [call("f", a=number) for number in range(3000)]
    found = judged([expect("f", a=2999), expect("f", a=7)], *made)
    assert found.score == pytest.approx(2 / 3000)
    assert len(found.reason) < 300


@pytest.mark.parametrize("target", ["get", [{"nme": "f"}], [{"name": ""}], [1]])
def test_a_target_that_is_no_list_of_calls_is_the_files_fault(target: object) -> None:
    with pytest.raises(BadInput, match=r"case 'c-1': target .* is not a list of tool calls"):
        judged(target)
