"""The ``function`` grader: the user's own code, which must never turn its bugs into wrong answers."""

import traceback

from evalgate.core.cases import Case
from evalgate.core.errors import CannotJudge, GraderCrash
from evalgate.core.outcome import Answer, Grade
from evalgate.core.suite import GradeFunction
from evalgate.core.suite_file import FunctionGrader

_LONGEST = 300


def grade_function(
    case: Case, answer: Answer, grader: FunctionGrader, correct_at: float, function: GradeFunction
) -> Grade:
    """Return the function's grade with ``correct`` set by ``correct_at``.

    Raises:
        GraderCrash: the function raised, or returned something that is not a grade.

    """
    # SystemExit too: a grader that calls sys.exit(0) must not end the gate with a pass.
    try:
        grade: object = function(case, answer)
    except CannotJudge:
        raise
    except (Exception, SystemExit) as error:
        raise GraderCrash(_crash(grader, case, f"raised {_told(error)}")) from error
    if not isinstance(grade, Grade):
        returned = f"returned {type(grade).__name__}, not evalgate.core.outcome.Grade"
        raise GraderCrash(_crash(grader, case, returned))
    if problem := _problem(grade) or _odd_readable(grade.readable):
        raise GraderCrash(_crash(grader, case, problem))
    score = float(grade.score)
    return Grade(score, score >= correct_at, grade.reason, grade.label, grade.readable)


def _problem(grade: Grade) -> str | None:
    fields: tuple[object, object, object] = (grade.score, grade.reason, grade.label)
    match fields:
        case (int() | float() as score, str(), str() | None) if 0 <= score <= 1:
            return None
        case (int() | float() as score, str(), str() | None):
            return f"returned score {score}, which is not in 0..1"
        case (int() | float(), str(), label):
            return f"returned a label of type {type(label).__name__}, not text"
        case (int() | float(), reason, _):
            return f"returned a reason of type {type(reason).__name__}, not text"
        case (score, _, _):
            return f"returned a score of type {type(score).__name__}, not a number"


def _odd_readable(readable: object) -> str | None:
    if readable is None or isinstance(readable, bool):
        return None
    return f"returned readable of type {type(readable).__name__}, not True, False or None"


def _crash(grader: FunctionGrader, case: Case, what: str) -> str:
    return (
        f"grader {grader.path} {what} on case {case.id!r}; mend the grader and run again: nothing was judged"
    )


def _told(error: BaseException) -> str:
    # The traceback module survives exceptions whose own str() raises.
    told = " ".join("".join(traceback.format_exception_only(error)).split())
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"
