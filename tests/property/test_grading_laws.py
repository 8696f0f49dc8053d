"""Laws of grading: no answer breaks a grader, and what is right stays right."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, Failure, Grade
from evalgate.core.suite_file import (
    ChoiceGrader,
    ExactGrader,
    FunctionGrader,
    GraderFile,
    NumberGrader,
    RegexGrader,
)
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
    ],
)
def test_a_megabyte_of_anything_is_graded(unit: str, grader: GraderFile) -> None:
    assert judge(unit * (1_000_000 // len(unit)), "7", grader).score == 0
