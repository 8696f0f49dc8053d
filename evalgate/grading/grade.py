"""Answer of one case -> its grade, for every grader that needs no call."""

from functools import lru_cache

from evalgate.core.cases import Case
from evalgate.core.errors import GraderCrash
from evalgate.core.outcome import Answer, Failure, Grade
from evalgate.core.suite import GradeFunction
from evalgate.core.suite_file import (
    ChoiceGrader,
    ContainsGrader,
    ExactGrader,
    FunctionGrader,
    GraderFile,
    JsonEqualGrader,
    JsonSchemaGrader,
    JudgeGrader,
    ListF1Grader,
    NumberGrader,
    RegexGrader,
    SimilarityGrader,
    TextF1Grader,
    ToolCallsGrader,
)
from evalgate.grading.choice import grade_choice
from evalgate.grading.contains import grade_contains, names_what_is_wanted
from evalgate.grading.exact import grade_exact
from evalgate.grading.function import grade_function
from evalgate.grading.json_equal import grade_json_equal
from evalgate.grading.json_schema import grade_json_schema
from evalgate.grading.list_f1 import grade_list_f1
from evalgate.grading.number import grade_number
from evalgate.grading.regex import grade_regex
from evalgate.grading.text_f1 import grade_text_f1
from evalgate.grading.tool_calls import grade_tool_calls

Plain = ExactGrader | ChoiceGrader | NumberGrader | RegexGrader
Structured = (
    ContainsGrader | JsonEqualGrader | JsonSchemaGrader | ListF1Grader | TextF1Grader | ToolCallsGrader
)


def grade(
    case: Case,
    result: Answer | Failure,
    grader: GraderFile,
    correct_at: float,
    function: GradeFunction | None,
) -> Grade | None:
    """Judge what was served for ``case``; None only for a case without the target that ``grader`` needs.

    A Failure is wrong under every grader. ``correct`` is ``score >= correct_at``.

    Raises:
        GraderCrash: the user's function failed, or the grader asks a model (see ``grading.needs``).
        BadInput: the target cannot be read by this grader (not a number, not a pattern).

    """
    if case.target is None and needs_target(grader):
        return None
    if isinstance(result, Failure):
        return no_answer(result)
    match grader:
        case ExactGrader() | ChoiceGrader() | NumberGrader() | RegexGrader():
            return _grade_plain(case, result.text, grader, correct_at)
        case FunctionGrader():
            if function is None:
                raise GraderCrash(f"grader {grader.path} was not loaded, so case {case.id!r} was not judged")
            return grade_function(case, result, grader, correct_at, function)
        case JudgeGrader() | SimilarityGrader():
            raise GraderCrash(f"the grader {grader.kind!r} asks a model, so case {case.id!r} was not judged")
        case _:
            return _grade_structured(case, result, grader, correct_at)


def _grade_plain(case: Case, text: str, grader: Plain, correct_at: float) -> Grade:
    match grader:
        case ChoiceGrader():
            return grade_choice(text, case.target, grader, correct_at)
        case ExactGrader():
            return grade_exact(text, case.target, grader, correct_at)
        case NumberGrader():
            return grade_number(case.id, text, case.target, grader, correct_at)
        case RegexGrader():
            return grade_regex(case.id, text, case.target, grader, correct_at)


def _grade_structured(case: Case, answer: Answer, grader: Structured, correct_at: float) -> Grade:
    match grader:
        case ContainsGrader():
            return grade_contains(case.id, answer.text, case.target, grader, correct_at)
        case JsonEqualGrader():
            return grade_json_equal(answer.text, case.target, grader, correct_at)
        case JsonSchemaGrader():
            return grade_json_schema(answer.text, grader, correct_at)
        case ListF1Grader():
            return grade_list_f1(answer.text, case.target, grader, correct_at)
        case TextF1Grader():
            return grade_text_f1(answer.text, case.target, grader, correct_at)
        case ToolCallsGrader():
            return grade_tool_calls(case.id, answer, case.target, grader, correct_at)


def needs_target(grader: GraderFile) -> bool:
    """Tell whether ``grader`` has nothing to judge by in a case without target."""
    match grader:
        case RegexGrader(pattern=pattern):
            return pattern is None
        case ContainsGrader():
            return not names_what_is_wanted(grader)
        case FunctionGrader() | JsonSchemaGrader() | JudgeGrader():
            return False
        case _:
            return True


@lru_cache(maxsize=1024)
def no_answer(failure: Failure) -> Grade:
    """Return the grade of a case for which nothing was served."""
    return Grade(0.0, correct=False, reason=f"no answer: {failure.reason}")
