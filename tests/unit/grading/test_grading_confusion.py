import pytest

from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Answer, Cost, Failure, Grade, Graded, Outcome
from evalgate.grading.confusion import FAILED, NO_LABEL, Confusion, confusion


def result(target: str | None, label: str | None, *, failed: bool = False, graded: bool = True) -> Graded:
    served: Answer | Failure = Failure("timeout", "late") if failed else Answer(label or "?")
    grade = Grade(float(label == target), label == target, "", label) if graded else None
    return Graded(Outcome("c", 0, served, None, 0.0, ()), Cost(0.0), grade, {}, target=target)


def of(*results: Graded) -> Confusion:
    return confusion(results, ["a", "b", "c"])


def test_every_graded_result_stands_in_one_cell() -> None:
    found = of(result("a", "a"), result("a", "b"), result("a", None), result("a", None, failed=True),
               result("b", "b"), result(None, "a"), result("a", "a", graded=False))  # fmt: skip
    assert found.columns == ("a", "b", "c", NO_LABEL, FAILED)
    assert found.counts["a"] == {"a": 1, "b": 1, "c": 0, NO_LABEL: 1, FAILED: 1}
    assert found.counts["b"] == {"a": 0, "b": 1, "c": 0, NO_LABEL: 0, FAILED: 0}


def test_failed_and_unread_answers_count_against_recall_and_not_precision() -> None:
    found = of(result("a", "a"), result("a", "b"), result("a", None), result("a", None, failed=True),
               result("b", "b"))  # fmt: skip
    a, b, _ = found.classes
    assert (a.expected, a.named, a.precision, a.recall) == (4, 1, 1.0, 0.25)
    assert (b.expected, b.named, b.precision, b.recall) == (1, 2, 0.5, 1.0)
    assert a.f1 == pytest.approx(2 * 1.0 * 0.25 / 1.25)
    assert b.f1 == pytest.approx(2 * 0.5 * 1.0 / 1.5)


def test_what_is_undefined_is_unmeasured_with_its_reason() -> None:
    _, b, c = of(result("b", "a")).classes
    assert b.precision == Unmeasured("no answer names 'b'")
    assert (b.recall, b.f1) == (0.0, 0.0)
    assert c.recall == Unmeasured("no case expects 'c'")
    assert isinstance(c.f1, Unmeasured)


def test_targets_in_another_case_join_their_label_and_foreign_ones_get_a_row() -> None:
    found = of(result("A ", "a"), result("zzz", "a"))
    assert found.counts["a"]["a"] == 1
    assert found.counts["zzz"]["a"] == 1
    assert found.classes[0].precision == 0.5
