"""The ``exact`` grader: the answer is the target."""

from functools import lru_cache

from evalgate.core.outcome import Grade
from evalgate.core.suite_file import ExactGrader
from evalgate.grading.excerpt import canonical, excerpt, target_text


def grade_exact(text: str, target: object, grader: ExactGrader, correct_at: float) -> Grade:
    """Grade 1 when ``text`` equals ``target`` after trimming, else 0."""
    expected = target_text(target)
    same = text == expected or (
        canonical(text, ignore_case=grader.ignore_case) == canonical(expected, ignore_case=grader.ignore_case)
    )
    if same:
        return _right(correct_at)
    return Grade(0.0, correct_at <= 0, f"expected {excerpt(expected)}, got {excerpt(text)}")


@lru_cache(maxsize=16)
def _right(correct_at: float) -> Grade:
    return Grade(1.0, correct_at <= 1, "equals the target")
