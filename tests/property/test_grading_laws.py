"""Laws of grading: no answer breaks a grader, and what is right stays right."""

import json
import string
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalgate.core.cases import Case
from evalgate.core.messages import ToolCall
from evalgate.core.outcome import Answer, Failure, Grade
from evalgate.core.suite_file import (
    ChoiceGrader,
    ContainsGrader,
    ExactGrader,
    FunctionGrader,
    GraderFile,
    JsonEqualGrader,
    JsonSchemaGrader,
    ListF1Grader,
    NumberGrader,
    RegexGrader,
    TextF1Grader,
    Tolerance,
    ToolCallsGrader,
    TrialsPass,
)
from evalgate.core.trials import trial_values
from evalgate.core.vectors import cosine, pack, unpack
from evalgate.grading.grade import grade

ANY_TEXT = st.one_of(
    st.text(),
    st.text(st.characters()),  # lone surrogates are characters here
    st.text(string.digits + ".,'-−+eE%$ \u202f×^*", max_size=60),
    st.sampled_from(["\ud800", "שלום 42 billing", "\u202ebilling\u202c", "\x00", "ﬁ billing ﬁ"]),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=8), st.integers(1, 5000)),
)
GRADERS = st.one_of(
    st.builds(ExactGrader, kind=st.just("exact"), ignore_case=st.booleans()),
    st.builds(
        ChoiceGrader,
        kind=st.just("choice"),
        labels=st.lists(st.text(), min_size=2, max_size=6, unique=True),
        ignore_case=st.booleans(),
    ),
    st.builds(
        NumberGrader,
        kind=st.just("number"),
        abs_tolerance=st.floats(0, allow_nan=False, allow_infinity=False),
        rel_tolerance=st.floats(0, allow_nan=False, allow_infinity=False),
    ),
    st.builds(RegexGrader, kind=st.just("regex"), ignore_case=st.booleans()),
    st.just(FunctionGrader(kind="function", path="m:f")),
    st.builds(
        ContainsGrader,
        kind=st.just("contains"),
        all=st.lists(st.text(), max_size=3),
        any=st.lists(st.text(), max_size=3),
        none=st.lists(st.text(), max_size=3),
        ignore_case=st.booleans(),
    ),
    st.just(
        JsonEqualGrader(kind="json_equal", unordered=["$"], tolerance={"*": Tolerance(abs_tolerance=1.0)})
    ),
    st.just(JsonSchemaGrader(kind="json_schema", schema={"type": "array", "items": {"pattern": "^a*$"}})),
    st.builds(ListF1Grader, kind=st.just("list_f1"), ignore_case=st.booleans()),
    st.builds(TextF1Grader, kind=st.just("text_f1"), drop_words=st.lists(st.text(), max_size=3)),
)
CORRECT_AT = st.floats(0, 1, exclude_min=True)


def same_length(case: Case, answer: Answer) -> Grade:
    return Grade(1 / (1 + len(answer.text)), correct=True)


def judge(text: str, target: object, grader: GraderFile, correct_at: float = 1) -> Grade:
    found = grade(Case(id="t", input="?", target=target), Answer(text), grader, correct_at, same_length)
    assert found is not None
    return found


@given(ANY_TEXT, GRADERS, CORRECT_AT)
def test_no_text_breaks_a_grader_and_correct_means_the_score_reaches_the_bar(
    text: str, grader: GraderFile, correct_at: float
) -> None:
    found = judge(text, "7", grader, correct_at)
    assert 0 <= found.score <= 1
    assert found.correct == (found.score >= correct_at)
    assert len(found.reason) < 1500
    assert judge(text, "7", grader, correct_at) == found


@given(st.text(), GRADERS, CORRECT_AT)
def test_a_failure_is_never_correct(reason: str, grader: GraderFile, correct_at: float) -> None:
    found = grade(
        Case(id="t", input="?", target="7"), Failure("timeout", reason), grader, correct_at, same_length
    )
    assert found is not None
    assert (found.score, found.correct) == (0, False)


@given(ANY_TEXT, st.booleans(), st.sampled_from(["", " ", "\n", "\t "]))
def test_the_target_itself_is_exactly_right(text: str, ignore_case: bool, around: str) -> None:
    grader = ExactGrader(kind="exact", ignore_case=ignore_case)
    assert judge(f"{around}{text}{around}", text, grader).correct


@given(st.lists(st.text(min_size=1), min_size=2, max_size=8), st.booleans(), st.data())
def test_every_label_names_itself(labels: list[str], ignore_case: bool, data: st.DataObject) -> None:
    assume(all(label.strip() for label in labels))
    target = data.draw(st.sampled_from(labels))
    found = judge(target, target, ChoiceGrader(kind="choice", labels=labels, ignore_case=ignore_case))
    assert found.correct
    assert found.label in labels


@given(
    st.sampled_from(["billing", "shipping", "account"]),
    st.text(string.ascii_letters, min_size=1),
    st.booleans(),
)
def test_a_label_glued_to_letters_is_not_named(label: str, letters: str, before: bool) -> None:
    text = letters + label if before else label + letters
    labels = ["billing", "shipping", "account"]
    assert judge(text, label, ChoiceGrader(kind="choice", labels=labels)).label is None


@given(
    st.integers(-(10**40), 10**40), st.sampled_from(["{}", "{:,}", "The answer is {:_}.", "= {}%", "{} USD"])
)
def test_an_integer_is_read_as_it_is_written(number: int, template: str) -> None:
    grader = NumberGrader(kind="number")
    assert judge(template.format(number), number, grader).correct
    assert not judge(template.format(number + 1), number, grader).correct


@given(st.floats(-1e300, 1e300))
def test_a_float_is_read_as_it_is_written(number: float) -> None:
    assert judge(repr(number), number, NumberGrader(kind="number")).correct


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(0, 1000), st.floats(0, 1))
def test_more_tolerance_never_makes_a_number_wrong(
    answer: int, target: int, absolute: int, relative: float
) -> None:
    narrow = NumberGrader(kind="number", abs_tolerance=float(absolute), rel_tolerance=relative)
    wide = NumberGrader(kind="number", abs_tolerance=absolute + 1.0, rel_tolerance=relative * 2)
    assert judge(str(answer), target, wide).correct >= judge(str(answer), target, narrow).correct


@pytest.mark.parametrize("unit", ["billing ", "\ud800", "1,", "שלום ", "((((", "\x00", "ß"])
@pytest.mark.parametrize(
    "grader",
    [
        ExactGrader(kind="exact", ignore_case=True),
        ChoiceGrader(kind="choice", labels=["billing", "shipping"]),
        NumberGrader(kind="number"),
        RegexGrader(kind="regex", pattern=r"(a+)+b|(x|y)*z$"),
        ContainsGrader(kind="contains", any=["zebra", "7" * 50]),
        JsonEqualGrader(kind="json_equal", unordered=["$"]),
        JsonSchemaGrader(kind="json_schema", schema={"pattern": "^(a+)+$"}),
        ListF1Grader(kind="list_f1"),
        TextF1Grader(kind="text_f1"),
    ],
)
def test_a_megabyte_of_anything_is_graded(unit: str, grader: GraderFile) -> None:
    assert judge(unit * (1_000_000 // len(unit)), "7", grader).score == 0


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)
JSON_SPECS = st.builds(
    JsonEqualGrader,
    kind=st.just("json_equal"),
    only=st.lists(st.sampled_from(["$", "*", "a", "*.a", "a.*.b"]), max_size=2),
    ignore=st.lists(st.sampled_from(["*", "a", "*.a", "a.*.b"]), max_size=2),
    unordered=st.lists(st.sampled_from(["$", "*", "*.*"]), max_size=2),
    tolerance=st.dictionaries(
        st.sampled_from(["$", "*", "*.*"]), st.builds(Tolerance, abs_tolerance=st.floats(0, 2)), max_size=2
    ),
    allow_extra_keys=st.booleans(),
)


@given(JSON, JSON_SPECS, st.sampled_from(["{}", "```json\n{}\n```", " {}\n"]))
def test_json_equals_itself_under_every_rule(value: Any, grader: JsonEqualGrader, template: str) -> None:
    assume(value is not None)
    assert judge(template.replace("{}", json.dumps(value)), value, grader).score == 1


@given(JSON, JSON, JSON_SPECS)
def test_json_is_graded_in_range_whatever_meets_whatever(
    one: Any, other: Any, grader: JsonEqualGrader
) -> None:
    assume(other is not None)
    assert 0 <= judge(json.dumps(one), other, grader).score <= 1


@given(st.lists(JSON, max_size=6), st.randoms())
def test_an_unordered_list_equals_every_order_of_itself(items: list[Any], rng: Any) -> None:
    mixed = rng.sample(items, len(items))
    unordered = JsonEqualGrader(
        kind="json_equal", unordered=["$"], tolerance={"*": Tolerance(abs_tolerance=1)}
    )
    assert judge(json.dumps(mixed), items, unordered).correct


@given(st.lists(JSON, max_size=6), st.lists(JSON, max_size=6), st.booleans())
def test_list_f1_is_symmetric_and_one_for_itself(one: list[Any], other: list[Any], ignore_case: bool) -> None:
    grader = ListF1Grader(kind="list_f1", ignore_case=ignore_case)
    there, back = judge(json.dumps(one), other, grader).score, judge(json.dumps(other), one, grader).score
    assert there == back
    assert 0 <= there <= 1
    assert judge(json.dumps(one), one, grader).score == 1


@given(TEXT, TEXT, st.lists(TEXT, max_size=2))
def test_text_f1_is_symmetric_and_one_for_itself(one: str, other: str, dropped: list[str]) -> None:
    grader = TextF1Grader(kind="text_f1", drop_words=dropped)
    there, back = judge(one, other, grader).score, judge(other, one, grader).score
    assert there == back
    assert 0 <= there <= 1
    assert judge(one, one, grader).score == 1


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["f", "g"]), st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3)
    ),
    max_size=5,
)


def judge_calls(made: list[Any], expected: list[Any], grader: ToolCallsGrader) -> Grade:
    answer = Answer("", tuple(ToolCall(name, json.dumps(given)) for name, given in made))
    target = [{"name": name, "arguments": given} for name, given in expected]
    found = grade(Case(id="t", input="?", target=target), answer, grader, 1, None)
    assert found is not None
    return found


@given(CALLS, CALLS, st.randoms(), st.booleans())
def test_parallel_calls_are_graded_alike_in_every_order(
    made: list[Any], expected: list[Any], rng: Any, allow_extra_calls: bool
) -> None:
    grader = ToolCallsGrader(kind="tool_calls", allow_extra_calls=allow_extra_calls)
    score = judge_calls(made, expected, grader).score
    assert 0 <= score <= 1
    mixed = judge_calls(rng.sample(made, len(made)), rng.sample(expected, len(expected)), grader)
    assert mixed.score == score
    in_order = judge_calls(made, expected, grader.model_copy(update={"ordered": True}))
    assert in_order.score <= score, "a free choice of pairs is never worse than a given one"


@given(CALLS, st.randoms())
def test_the_expected_calls_are_right(calls: list[Any], rng: Any) -> None:
    assert judge_calls(rng.sample(calls, len(calls)), calls, ToolCallsGrader(kind="tool_calls")).correct
    ordered = ToolCallsGrader(kind="tool_calls", ordered=True)
    assert judge_calls(calls, calls, ordered).correct


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=3))
def test_no_tool_call_breaks_its_grader(calls: list[tuple[str, str]]) -> None:
    answer = Answer("", tuple(ToolCall(name, arguments) for name, arguments in calls))
    target = [{"name": "f", "arguments": {"a": 1}}]
    grader = ToolCallsGrader(kind="tool_calls")
    found = grade(Case(id="t", input="?", target=target), answer, grader, 1, None)
    assert found is not None
    assert len(found.reason) < 1500
    assert found.reason.encode()


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(
    st.integers(1, 5).flatmap(lambda size: st.tuples(*[st.lists(NUMBERS, min_size=size, max_size=size)] * 2))
)
def test_cosine_is_symmetric_and_in_range(pair: tuple[list[float], list[float]]) -> None:
    one, other = pair
    assert cosine(one, other) == cosine(other, one)
    assert -1 <= cosine(one, other) <= 1
    assert cosine(one, one) == pytest.approx(1 if any(one) else 0)


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))), st.booleans())
def test_more_correct_trials_never_count_less(given_: tuple[int, int], all_of_k: bool) -> None:
    trials, needed = given_
    values = trial_values(trials, TrialsPass(needed, None if all_of_k else trials))
    assert list(values) == sorted(values)
    assert (values[0], values[-1]) == (0, 1)
    assert len(values) == trials + 1


singles = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20)


@given(singles)
def test_a_vector_of_single_floats_is_kept_exactly(numbers: list[float]) -> None:
    assert list(unpack(pack(numbers))) == numbers


@given(st.binary(max_size=40))
def test_bytes_are_a_vector_or_refused(packed: bytes) -> None:
    try:
        numbers = unpack(packed)
    except ValueError:
        return
    assert pack(numbers) == packed
