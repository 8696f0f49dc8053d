"""What a router learns from: who is right on which case, replayed from recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy import Policy
from evalgate.core.progress import Progress
from evalgate.core.router_file import routed_to
from evalgate.core.routing import RoutingCase
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.measuring.judging import SuiteJudge
from evalgate.pipeline.measuring.measure import measure
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pricing.prices import resolve_prices
from evalgate.store.replay import ReplayCaller
from evalgate.training.text_classifier import Target

CLASSES = ("easy", "medium", "hard")
# With fewer of either kind, what is learned is the few.
FEWEST_EXAMPLES = 20


def deployments_in_order(
    suites: Sequence[Suite], asked: tuple[str, ...], *, difficulty: bool
) -> tuple[str, ...]:
    """Return the deployments to choose between, cheapest first: those asked for, else what the router names.

    Raises:
        BadInput: a policy lacks one of them, or there are too few or too many.

    """
    problems = []
    orders: dict[tuple[str, ...], None] = {}
    for suite in suites:
        policy = suite.baseline
        if policy is None:
            cure = "name a policy of its family with --policy"
            problems.append(Problem(f"suite {suite.name} has no baseline policy", cure))
            continue
        named = tuple(routed_to(policy.router.spec).values()) if policy.router is not None else ()
        order = asked or named or tuple(policy.answering)
        orders[order] = None
        if unknown := [alias for alias in order if alias not in policy.answering]:
            message = f"--order: {policy.file} has no deployment {unknown[0]!r}"
            problems.append(Problem(message, f"its deployments are {', '.join(policy.answering)}"))
    if len(orders) > 1:
        problems.append(Problem("the suites' policies name different deployments", "choose with --order"))
    if not problems:
        problems += _count_problem(len(next(iter(orders))), difficulty=difficulty)
    if problems:
        raise BadInput(problems)
    return next(iter(orders))


def _count_problem(found: int, *, difficulty: bool) -> list[Problem]:
    if difficulty and found < len(CLASSES):
        message = f"--difficulty needs three deployments or more, and there are {found}"
        return [Problem(message, "name them, cheapest first: --order SMALL,MIDDLE,LARGE")]
    if not difficulty and found != 2:
        message = f"a router between weak and strong needs two deployments, and there are {found}"
        return [Problem(message, "name them: --order WEAK,STRONG; for more of them add --difficulty")]
    return []


def recorded_outcomes(
    project: Project, suite: Suite, order: Sequence[str], progress: Progress
) -> list[RoutingCase]:
    """Return each graded case with the share of its trials in which each deployment is right.

    Raises:
        MissingRecordings: a deployment was not recorded on every case.

    """
    policy = suite.baseline
    assert policy is not None
    caller = ReplayCaller(committed_and_local(project, suite))
    prices = resolve_prices(policy.deployments.values(), project.prices, project.price_at)
    right: dict[str, list[list[bool]]] = {case.id: [[] for _ in order] for case in suite.cases}
    for at, alias in enumerate(order):
        for graded in measure(suite, _only(policy, alias), prices, lambda _: caller, SuiteJudge(suite, {})):
            if graded.grade is not None:
                right[graded.outcome.case_id][at].append(graded.grade.correct)
        progress.advance()
    return [
        RoutingCase(suite.name, case, tuple(fmean(trials) for trials in right[case.id]))
        for case in suite.cases
        if all(right[case.id])
    ]


def _only(policy: Policy, alias: str) -> Policy:
    """Return the policy as if this deployment alone were asked, without cache and fallbacks."""
    reliability = policy.reliability.model_copy(update={"fallbacks": {}})
    return replace(policy, router=None, cascade=None, cache=None, use=alias, reliability=reliability)


def targets_of(cases: Sequence[RoutingCase], *, difficulty: bool) -> Mapping[str, Target]:
    """Return what each head of the router learns, by its name: which cases need more, and which less."""
    classes = np.array([_class(each.right) for each in cases], dtype=int)
    right = np.array([each.right for each in cases]).reshape(len(cases), -1)
    if not difficulty:
        return {"strong": Target(classes > 0, right[:, 0] > right[:, -1])}
    return {
        "more than easy": Target(classes > 0, right[:, 0] > right[:, -1]),
        "hard": Target(classes > 1, right[:, -2] > right[:, -1]),
    }


def class_counts(cases: Sequence[RoutingCase]) -> tuple[tuple[str, int], ...]:
    """Return how many cases are of each difficulty."""
    found = [_class(each.right) for each in cases]
    return tuple((name, found.count(at)) for at, name in enumerate(CLASSES))


def _class(right: Sequence[float]) -> int:
    """0 where no deployment is right more often than the cheapest, 2 where only the dearest is best, else 1.

    What nobody gets right is easy in this sense: paying more for it buys nothing.
    """
    first = right.index(max(right))
    return 0 if first == 0 else 2 if first == len(right) - 1 else 1


def check_examples(targets: Mapping[str, Target], folds: Sequence[int]) -> None:
    """Make sure that there is something to learn from, in every fold.

    Raises:
        BadInput: too few cases need more, or too few do not.

    """
    fold = np.asarray(folds, dtype=int)
    problems = []
    for name, target in targets.items():
        needed = target.helps
        yes, no = int(needed.sum()), int((~needed).sum())
        one_sided = any(len(set(needed[fold != each].tolist())) < 2 for each in set(folds))
        if min(yes, no) < FEWEST_EXAMPLES or one_sided:
            message = f"too little to learn from: {yes} recorded cases need {name}, and {no} do not"
            cure = f"record more cases, until there are at least {FEWEST_EXAMPLES} of each"
            problems.append(Problem(message, cure))
    if problems:
        raise BadInput(problems)
