import time
from decimal import Decimal

import pytest

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput
from evalgate.core.outcome import Answer, Grade
from evalgate.core.suite_file import NumberGrader
from evalgate.grading.grade import grade
from evalgate.grading.number import last_number


def judge(text: str, target: object, absolute: float = 0.0, relative: float = 0.0) -> Grade:
    grader = NumberGrader(kind="number", abs_tolerance=absolute, rel_tolerance=relative)
    found = grade(Case(id="n-1", input="?", target=target), Answer(text), grader, 1, None)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("First 3, then 42.", "42"), ("-5", "-5"), ("−7", "-7"), ("+7", "7"), ("-$5", "-5"), ("$-5", "-5"),
        ("£1,234.50", "1234.5"), ("85%", "85"), ("1,234,567.89", "1234567.89"), ("12,34,567", "1234567"),
        ("1'234'567", "1234567"), ("1\u202f234", "1234"), ("1_000", "1000"), ("1.5e-3", "0.0015"),
        ("6.02E+23", "6.02e23"), ("1.2 × 10^5", "120000"), ("2*10**3", "2000"), (".5", "0.5"),
        ("0.5.", "0.5"), ("GPT-4", "4"), ("pages 3-5", "5"), ("- 5", "5"), ("٤٢", "42"),
        ("in 2,000 and 3.", "3"),
    ],
)  # fmt: skip
def test_the_last_number_is_read(text: str, number: str) -> None:
    assert last_number(text) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [("3,5", "3.5"), ("1,234", "1234"), ("0,123", "0.123"), ("1234,567", "1234.567"),
     ("1.234,56", "1234.56"), ("1.234.567", "1234567"), ("1,2,3", "3"), ("1.234", "1.234"),
     ("100,000", "100000"), ("1,2345", "1.2345")],
)  # fmt: skip
def test_commas_are_read_by_the_documented_rule(text: str, number: str) -> None:
    assert last_number(text) == Decimal(number)


def test_an_answer_without_a_number_is_wrong() -> None:
    assert judge("no idea", 1).reason == "holds no number: 'no idea'"
    assert not judge("nan", 1).correct
    assert not judge("infinity", 1).correct


def test_tolerance_is_the_larger_of_the_two_and_includes_its_edge() -> None:
    assert judge("1.1", 1, absolute=0.1).correct, "as floats, 1.1 - 1 is more than 0.1"
    assert not judge("1.1000001", 1, absolute=0.1).correct
    assert judge("90", 100, absolute=1, relative=0.1).correct
    assert judge("-90", -100, relative=0.1).correct
    assert judge("1", 0, absolute=1, relative=0.5).correct
    assert not judge("0.1", 0, relative=0.5).correct


def test_numbers_beyond_float_precision_are_told_apart() -> None:
    assert judge("9007199254740993", 9007199254740993).correct
    assert not judge("9007199254740992", 9007199254740993).correct


def test_a_number_beyond_all_bounds_is_never_correct() -> None:
    found = judge("1e99999999", 5, absolute=1e300, relative=1e300)
    assert not found.correct
    assert "beyond all bounds" in found.reason


def test_reasons_say_how_far_off() -> None:
    assert judge("It is 40", 42, absolute=1).reason == "40 is 2 off 42, tolerance 1"
    assert judge("42.5", "42", absolute=1).reason == "42.5 is within 1 of 42"


@pytest.mark.parametrize("target", [42, 42.0, "42", "42.0", " 42 ", "$42", "42%", "4.2e1"])
def test_targets_may_be_numbers_or_text(target: object) -> None:
    assert judge("42", target).correct


@pytest.mark.parametrize("target", ["about ten", True, [1], "1 and 2", float("inf"), "1e99999", ""])
def test_a_target_that_is_no_number_is_the_files_fault_and_not_the_answers(target: object) -> None:
    with pytest.raises(BadInput, match=r"case 'n-1': target .* is not a finite number"):
        judge("42", target)


@pytest.mark.parametrize(
    "text",
    ["1" * 10**6, "1," * 500_000, "1" + ",234" * 250_000, "1" + ".234" * 250_000 + "5", "-" * 10**6,
     "1" + ",23" * 300_000, "9" * 10**6 + "e5", "1'234" * 200_000 + "5"],
)  # fmt: skip
def test_a_megabyte_is_read_in_linear_time(text: str) -> None:
    started = time.perf_counter()
    judge(text, 1)
    assert time.perf_counter() - started < 10
