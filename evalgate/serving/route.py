"""The router: weak or strong, decided before any call."""

from collections.abc import Callable
from functools import partial
from numbers import Real

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.outcome import RouteTrace
from evalgate.core.policy import Router, ScoreFunction
from evalgate.core.policy_file import ClassifierRouter, ColumnRouter, FunctionRouter
from evalgate.serving.classifier import classifier_score
from evalgate.serving.prompts import question_text

Route = Callable[[Case], RouteTrace]


def compile_router(router: Router) -> Route:
    """Return the function that sends a case to strong (``score >= threshold``) or weak.

    It raises BadInput for a case whose column cannot be used, CannotJudge for a score function that breaks.
    """
    spec = router.spec
    score = _score(router)
    threshold, strong, weak = spec.threshold, spec.strong, spec.weak

    def route(case: Case) -> RouteTrace:
        need = score(case)
        if need >= threshold:
            return RouteTrace(need, strong=True, deployment=strong)
        return RouteTrace(need, strong=False, deployment=weak)

    return route


def column_problem(spec: ColumnRouter, case: Case) -> Problem | None:
    """Return why the router's column of ``case`` is not a score, or None when it is one."""
    low, high = spec.range
    if spec.column not in case.vars:
        message = f"case {case.id!r} has no column {spec.column!r} in its vars"
    else:
        value = case.vars[spec.column]
        if isinstance(value, bool) or not isinstance(value, int | float):
            message = f"column {spec.column!r} of case {case.id!r} is {value!r}, not a number"
        elif not low <= value <= high:
            message = f"column {spec.column!r} of case {case.id!r} is {value!r}, outside {low:g} to {high:g}"
        else:
            return None
    cure = f"The router reads its score from it: every case needs a number from {low:g} to {high:g} there."
    return Problem(message, cure, key=f"vars.{spec.column}")


def _score(router: Router) -> ScoreFunction:
    match router.spec:
        case ClassifierRouter():
            assert router.classifier is not None
            of_text = classifier_score(router.classifier)
            return lambda case: of_text(question_text(case))
        case ColumnRouter() as spec:
            return partial(_column_score, spec)
        case FunctionRouter() as spec:
            assert router.function is not None
            return partial(_function_score, spec, router.function)


def _column_score(spec: ColumnRouter, case: Case) -> float:
    if problem := column_problem(spec, case):
        raise BadInput([problem])
    return float(case.vars[spec.column])


def _function_score(spec: FunctionRouter, function: ScoreFunction, case: Case) -> float:
    where = f"the router's function {spec.path}, asked about case {case.id!r},"
    try:
        score: object = function(case)
    except CannotJudge:
        raise
    except Exception as error:  # the user's own code may raise anything
        raise CannotJudge(f"{where} raised {type(error).__name__}: {error}") from error
    low, high = spec.range
    if isinstance(score, bool) or not isinstance(score, Real):
        raise CannotJudge(f"{where} returned {score!r}, not a number")
    number = float(score)
    if not low <= number <= high:
        raise CannotJudge(f"{where} returned {number!r}, outside its range of {low:g} to {high:g}")
    return number
