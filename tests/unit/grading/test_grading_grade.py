import pytest

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, GraderCrash
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

CASE = Case(id="t-1", input="?", target="Paris")
NO_TARGET = Case(id="t-2", input="?")
FUNCTION = FunctionGrader(kind="function", path="my_pkg.graders:same_rows")
GRADERS: list[GraderFile] = [
    ExactGrader(kind="exact"),
    ChoiceGrader(kind="choice", labels=["Paris", "Rome"]),
    NumberGrader(kind="number"),
    RegexGrader(kind="regex"),
    RegexGrader(kind="regex", pattern="P.*s"),
    FUNCTION,
]


def half(case: Case, answer: Answer) -> Grade:
    return Grade(0.5, correct=False, reason="half", label="x")


def exact(text: str, target: object = "Paris", *, ignore_case: bool = False) -> Grade:
    grader = ExactGrader(kind="exact", ignore_case=ignore_case)
    found = grade(Case(id="t-1", input="?", target=target), Answer(text), grader, 1, None)
    assert found is not None
    return found


def regex(
    text: str, target: object = None, pattern: str | None = None, *, ignore_case: bool = False
) -> Grade:
    grader = RegexGrader(kind="regex", pattern=pattern, ignore_case=ignore_case)
    found = grade(Case(id="t-1", input="?", target=target), Answer(text), grader, 1, None)
    assert found is not None
    return found


@pytest.mark.parametrize("grader", GRADERS)
def test_a_failure_is_wrong_under_every_grader(grader: GraderFile) -> None:
    failure = Failure("timeout", "3 attempts timed out")
    assert grade(CASE, failure, grader, 0.5, half) == Grade(0.0, False, "no answer: 3 attempts timed out")


@pytest.mark.parametrize("grader", GRADERS[:4])
def test_without_the_target_it_needs_a_grader_gives_no_grade(grader: GraderFile) -> None:
    assert grade(NO_TARGET, Answer("Paris"), grader, 1, None) is None
    assert grade(NO_TARGET, Failure("timeout", "late"), grader, 1, None) is None


@pytest.mark.parametrize("grader", GRADERS[4:])
def test_graders_that_need_no_target_grade_without_one(grader: GraderFile) -> None:
    assert grade(NO_TARGET, Answer("Paris"), grader, 0.5, half) is not None
    assert grade(NO_TARGET, Failure("timeout", "late"), grader, 0.5, half) is not None


def test_falsy_targets_are_targets() -> None:
    assert exact("0", 0).correct
    assert exact("false", False).correct
    assert exact("  ", "").correct


def test_exact_trims_and_quotes_both_sides_when_wrong() -> None:
    assert exact(" Paris\n").correct
    assert exact("paris") == Grade(0.0, False, "expected 'Paris', got 'paris'")
    assert exact("paris", ignore_case=True).correct
    assert exact("STRASSE", "Straße", ignore_case=True).correct
    assert exact("cafe\u0301", "caf\u00e9").correct
    assert not exact("Par is").correct


def test_regex_searches_with_the_pattern_or_the_target() -> None:
    assert regex("It is in Paris, France", pattern="Par(i)s").correct
    assert regex("order 1234", target=r"^order \d{4}$").correct
    assert not regex("paris", pattern="Paris").correct
    assert regex("paris", pattern="Paris", ignore_case=True).correct
    assert regex("Rome", pattern="Paris").reason == "no match of 'Paris' in 'Rome'"
    assert regex("naïve \ud800", pattern="ï").correct


@pytest.mark.parametrize("pattern", ["(?=a)", "(", r"(a)\1"])
def test_a_pattern_that_re2_does_not_read_is_bad_input(
    pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInput, match=r"grader pattern .* is not an RE2 pattern: .*\n.*look-around"):
        regex("a", pattern=pattern)
    with pytest.raises(BadInput, match=r"case 't-1': target .* is not an RE2 pattern"):
        regex("a", target=pattern)
    assert capfd.readouterr().err == ""


def test_a_function_s_score_decides_with_correct_at() -> None:
    assert grade(CASE, Answer("x"), FUNCTION, 0.5, half) == Grade(0.5, True, "half", "x")
    assert grade(CASE, Answer("x"), FUNCTION, 0.6, half) == Grade(0.5, False, "half", "x")
    right = grade(CASE, Answer("x"), FUNCTION, 0.6, lambda *_: Grade(True, correct=False))
    assert right == Grade(1.0, True)


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def crash_of(function: object) -> str:
    with pytest.raises(GraderCrash) as caught:
        grade(CASE, Answer("x"), FUNCTION, 1, function)  # type: ignore[arg-type]
    return str(caught.value)


def raising(error: BaseException) -> object:
    def function(case: Case, answer: Answer) -> Grade:
        raise error

    return function


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (raising(KeyError("rows")), "raised KeyError: 'rows' on case 't-1'"),
        (raising(ValueError("a\n b")), "raised ValueError: a b on"),
        (raising(SystemExit(0)), "raised SystemExit: 0 on"),
        (raising(Unprintable()), "Unprintable"),
        (raising(ValueError("x" * 9999)), "…"),
        (lambda *_: None, "returned NoneType, not"),
        (lambda *_: 1.0, "returned float, not"),
        (lambda *_: Grade(float("nan"), correct=True), "returned score nan, which is not in 0..1"),
        (lambda *_: Grade(1.01, correct=True), "returned score 1.01, which"),
        (lambda *_: Grade(-0.01, correct=True), "returned score -0.01, which"),
        (lambda *_: Grade("1", correct=True), "returned a score of type str"),
        (lambda *_: Grade(1, correct=True, reason=None), "returned a reason of type NoneType"),
        (lambda *_: Grade(1, correct=True, label=3), "returned a label of type int"),
    ],
)
def test_whatever_a_function_does_wrong_is_a_crash_and_never_a_wrong_answer(
    function: object, said: str
) -> None:
    message = crash_of(function)
    assert message.startswith("grader my_pkg.graders:same_rows ")
    assert said in message
    assert "'t-1'" in message
    assert len(message) < 600


def test_an_interrupt_passes_through_a_function() -> None:
    with pytest.raises(KeyboardInterrupt):
        grade(CASE, Answer("x"), FUNCTION, 1, raising(KeyboardInterrupt()))  # type: ignore[arg-type]


def test_a_function_that_was_not_loaded_is_a_crash() -> None:
    with pytest.raises(GraderCrash, match="same_rows was not loaded"):
        grade(CASE, Answer("x"), FUNCTION, 1, None)
