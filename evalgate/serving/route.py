"""The router: weak or strong, decided before any call."""

from collections.abc import Callable
from functools import partial
from numbers import Real

from evalgate.core.cases import Case, question_text
from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.outcome import RouteTrace
from evalgate.core.policy import Router, ScoreFunction
from evalgate.core.router_file import ClassifierRouter, ColumnRouter, DifficultyRouter, FunctionRouter
from evalgate.serving.classifier import classifier_score

Route = Callable[[Case], RouteTrace]


def compile_router(router: Router) -> Route:
    """Return the function that sends a case to strong (``score >= threshold``) or weak, or by difficulty.

    It raises BadInput for a case whose column cannot be used, CannotJudge for a score function that breaks.
    """
    spec = router.spec
    if isinstance(spec, DifficultyRouter):
        return _by_difficulty(spec, router)
    score = _score(spec, router)
    threshold, strong, weak = spec.threshold, spec.strong, spec.weak

    def route(case: Case) -> RouteTrace:
        need = score(case)
        if need >= threshold:
            return RouteTrace(need, strong=True, deployment=strong)
        return RouteTrace(need, strong=False, deployment=weak)

    return route


def _by_difficulty(spec: DifficultyRouter, router: Router) -> Route:
    """Choose the cheapest that suffices likely enough; the trace's score is the need for more than easy."""
    assert router.classifier is not None
    assert router.hard_classifier is not None
    needs_more, needs_hard = classifier_score(router.classifier), classifier_score(router.hard_classifier)

    def route(case: Case) -> RouteTrace:
        text = question_text(case)
        more = needs_more(text)
        # Whatever needs hard needs more than easy; two separate fits may disagree a little.
        hard = min(needs_hard(text), more)
        if 1.0 - more >= spec.enough:
            return RouteTrace(more, strong=False, deployment=spec.easy)
        if 1.0 - hard >= spec.enough:
            return RouteTrace(more, strong=False, deployment=spec.medium)
        return RouteTrace(more, strong=True, deployment=spec.hard)

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


def _score(spec: ClassifierRouter | ColumnRouter | FunctionRouter, router: Router) -> ScoreFunction:
    match spec:
        case ClassifierRouter():
            assert router.classifier is not None
            of_text = classifier_score(router.classifier)
            return lambda case: of_text(question_text(case))
        case ColumnRouter():
            return partial(_column_score, spec)
        case FunctionRouter():
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
