import re
import time

import pytest

from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, Grade
from evalgate.core.suite_file import ChoiceGrader, ExactGrader
from evalgate.grading.grade import grade

TEAMS = ["billing", "shipping", "account", "technical"]


def read(
    text: str, target: object = "billing", labels: list[str] = TEAMS, *, ignore_case: bool = True
) -> Grade:
    grader = ChoiceGrader(kind="choice", labels=labels, ignore_case=ignore_case)
    found = grade(Case(id="t-1", input="?", target=target), Answer(text), grader, 1, None)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    ["billing", " billing\n", "Billing", "BILLING.", "**billing**", "The team is billing, yes: billing!",
     "«billing»", "答えはbillingです", "billing/", "(billing)"],
)  # fmt: skip
def test_an_answer_that_names_only_the_target_is_right(text: str) -> None:
    assert read(text) == Grade(1.0, True, "names 'billing'", "billing", readable=True)


@pytest.mark.parametrize(
    "text", ["", "rebilling", "billings", "billing_address", "prebilling2", "none of them"]
)
def test_a_label_inside_a_longer_word_is_not_named(text: str) -> None:
    found = read(text)
    assert (found.score, found.correct, found.label) == (0.0, False, None)
    assert found.reason.startswith("names no label: ")


def test_another_label_is_wrong_and_remembered() -> None:
    wrong = Grade(0.0, False, "names 'shipping', expected 'billing'", "shipping", readable=True)
    assert read("Shipping") == wrong


def test_two_labels_are_wrong_even_when_one_is_the_target() -> None:
    unread = Grade(0.0, False, "names 2 labels: 'billing', 'shipping'", None, readable=False)
    assert read("billing or shipping") == unread


def test_an_answer_equal_to_a_label_wins_over_the_labels_inside_it() -> None:
    labels = ["yes", "no", "yes and no"]
    assert read("Yes and no", "yes and no", labels).label == "yes and no"


def test_the_longest_label_is_read_first() -> None:
    labels = ["account", "account access", "C", "C++", "n/a", "-1"]
    assert read("It is account access.", "account access", labels).correct
    assert read("Team: account", "account", labels).correct
    assert read("I would use C++ here", "C++", labels).correct
    assert read("Choose C, please", "C", labels).correct
    assert read("verdict: n/a", "n/a", labels).correct
    assert read("verdict: -1", "-1", labels).correct


def test_case_can_matter() -> None:
    assert read("Billing", ignore_case=False).label is None
    assert read("us", "US", ["US", "us"], ignore_case=False).label == "us"


def test_a_target_in_another_case_is_the_same_label() -> None:
    assert read("billing", "BILLING").correct
    assert not read("billing", "BILLING", ignore_case=False).correct


def test_accents_are_equal_in_composed_and_decomposed_form() -> None:
    assert read("Das ist pre\u0301sent.", "pr\u00e9sent", ["pr\u00e9sent", "absent"]).correct


def test_labels_without_word_spaces_are_found_inside_a_sentence() -> None:
    assert read("这是账单问题", "账单", ["账单", "物流"]).label == "账单"


def test_targets_and_labels_that_are_not_text_compare_as_json() -> None:
    assert read("2", 2, ["1", "2"]).correct
    assert read("true", True, ["true", "false"]).correct


def test_long_answers_are_quoted_short_and_printable() -> None:
    reason = read("\ud800" + "x" * 1000).reason
    assert len(reason) < 120
    assert reason.encode()


@pytest.mark.parametrize("text", ["billing", "The category is Billing."])
@pytest.mark.parametrize("grader", [ChoiceGrader(kind="choice", labels=TEAMS), ExactGrader(kind="exact")])
def test_a_grade_takes_microseconds_and_compiles_nothing_twice(
    text: str, grader: ChoiceGrader | ExactGrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, answer = Case(id="t-1", input="?", target="billing"), Answer(text)
    grade(case, answer, grader, 1, None)
    monkeypatch.setattr(re, "compile", None)
    best = min(_seconds(case, answer, grader) for _ in range(5))
    assert best / 2000 < 25e-6, "5 µs is the goal; 25 leaves room for a busy machine"


def _seconds(case: Case, answer: Answer, grader: ChoiceGrader | ExactGrader) -> float:
    started = time.perf_counter()
    for _ in range(2000):
        grade(case, answer, grader, 1, None)
    return time.perf_counter() - started
