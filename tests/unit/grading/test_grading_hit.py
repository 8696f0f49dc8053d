"""How one hit is judged."""

import pytest

from evalgate.core.cases import Case
from evalgate.core.outcome import Grade
from evalgate.grading.hit import judge_hit

RIGHT, WRONG = Grade(1.0, correct=True), Grade(0.0, correct=False)


def case(same_answer: str | None) -> Case:
    return Case(id="c", input="?", same_answer=same_answer)


@pytest.mark.parametrize(
    ("keys", "grades", "fresh", "kind"),
    [
        (("a", "a"), (RIGHT, RIGHT), None, "right"),
        (("a", "a"), (None, None), None, "right"),
        (("a", "b"), (RIGHT, RIGHT), None, "merged"),
        (("a", None), (RIGHT, RIGHT), None, "merged"),
        (("a", "b"), (None, None), None, "merged"),
        (("a", "a"), (WRONG, RIGHT), RIGHT, "stale"),
        (("a", "a"), (WRONG, RIGHT), None, "stale"),
        (("a", "a"), (WRONG, RIGHT), WRONG, "neutral"),
        (("a", "a"), (WRONG, WRONG), RIGHT, "wrong"),
        (("a", "a"), (WRONG, WRONG), None, "wrong"),
        (("a", "a"), (WRONG, WRONG), WRONG, "neutral"),
        ((None, None), (RIGHT, RIGHT), None, "right"),
        ((None, None), (WRONG, RIGHT), RIGHT, "wrong"),
        ((None, None), (WRONG, RIGHT), None, "wrong"),
        ((None, None), (None, None), None, "unlabelled"),
    ],
)
def test_a_hit_is_judged_by_same_answer_first_and_then_by_grades(keys, grades, fresh, kind):
    assert judge_hit(case(keys[1]), case(keys[0]), grades, fresh) == kind
