"""The ``regex`` grader: an RE2 pattern is found in the answer.

RE2 takes time linear in the answer, so no pattern and no answer can hang a run.
"""

from functools import lru_cache
from typing import Any

import re2

from evalgate.core.digest import valid_text
from evalgate.core.errors import BadInput, Problem
from evalgate.core.outcome import Grade
from evalgate.core.suite_file import RegexGrader
from evalgate.grading.excerpt import excerpt, target_text


def grade_regex(case_id: str, text: str, target: object, grader: RegexGrader, correct_at: float) -> Grade:
    """Grade 1 when the grader's pattern, or else the target as a pattern, is found in ``text``.

    Raises:
        BadInput: the pattern is not one that RE2 reads.

    """
    written = target_text(target) if grader.pattern is None else grader.pattern
    try:
        pattern = _compiled(valid_text(written), grader.ignore_case)
    except re2.error as error:
        raise BadInput([_no_pattern(case_id, grader, written, error)]) from None
    if pattern.search(valid_text(text).encode()) is not None:
        return Grade(1.0, correct_at <= 1, f"matches {excerpt(written)}")
    return Grade(0.0, correct_at <= 0, f"no match of {excerpt(written)} in {excerpt(text)}")


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> Any:
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.never_capture = True
    options.log_errors = False
    return re2.compile(pattern, options)


def _no_pattern(case_id: str, grader: RegexGrader, written: str, error: Exception) -> Problem:
    cause = error.args[0] if error.args else ""
    cause = cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
    place = f"case {case_id!r}: target" if grader.pattern is None else "grader pattern"
    return Problem(
        f"{place} {excerpt(written)} is not an RE2 pattern: {cause}",
        cure="RE2 has no look-around and no back-references; see https://github.com/google/re2/wiki/Syntax",
        key="target" if grader.pattern is None else "grader.pattern",
    )
