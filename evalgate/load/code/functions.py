"""The user's own functions in the shape that the rest of evalgate calls."""

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import cast

from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, Grade
from evalgate.core.policy import ConfidenceFunction, ScoreFunction
from evalgate.core.suite import GradeFunction
from evalgate.load.code.isolated import IsolatedFunction
from evalgate.load.code.untrusted import RefusedFunction


def as_grader(function: Callable[..., object], correct_at: float) -> GradeFunction:
    """Return ``function(case, answer)`` as a grader.

    It may return a Grade, True or False, a score in 0..1, or ``(score, reason)``. Anything else is handed on
    as it is: grading refuses it with the case at hand, as a crash of the grader, never as a wrong answer.
    """

    def grade(case: Case, answer: Answer) -> Grade:
        returned = function(case, answer)
        match returned:
            case Grade():
                return returned
            case bool() | int() | float() as score:
                return Grade(float(score), score >= correct_at)
            case (bool() | int() | float() as score, str(reason)):
                return Grade(float(score), score >= correct_at, reason)
            case _:
                return cast("Grade", returned)

    return grade


def as_score(function: Callable[..., object]) -> ScoreFunction:
    """Return ``function(case)`` as a router's score; what it returns is checked when it is called."""
    return cast("ScoreFunction", function)


def as_confidence(function: Callable[..., object]) -> ConfidenceFunction:
    """Return ``function(case, answer)`` as a cascade's confidence; what it returns is checked when called."""
    return cast("ConfidenceFunction", function)


def source_sha256(function: Callable[..., object]) -> str | None:
    """Return the hash of the file that defines ``function``; None where there is no such file (a builtin).

    Code that the file imports is not covered.
    """
    if isinstance(function, IsolatedFunction | RefusedFunction):
        return function.source_sha256
    try:
        file = inspect.getsourcefile(inspect.unwrap(function))
    except TypeError:
        file = inspect.getsourcefile(type(function)) if not inspect.isbuiltin(function) else None
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None
