"""The verb ``plan``: what would be called, reused and spent, without calling anything."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from evalgate.core.calls import Request
from evalgate.core.numbers import Unmeasured
from evalgate.core.plan import Plan, PlannedCalls, PlannedSide, SuitePlan
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Mode
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.measuring.recorded import committed, committed_and_local
from evalgate.pipeline.measuring.walk import (
    Walked,
    asks_once,
    asks_one_alone,
    every_request,
    walk,
    walk_every_deployment,
)
from evalgate.pipeline.planning.plan_judging import plan_judging
from evalgate.pipeline.planning.power_warnings import power_warnings
from evalgate.pipeline.planning.remeasure import to_refresh, to_remeasure
from evalgate.pipeline.project.loading import loaded
from evalgate.pipeline.project.settings import PlanSettings
from evalgate.pipeline.spending.spend import Pool, Usd, expected, recorded_attempts, total, worst
from evalgate.pricing.prices import resolve_prices
from evalgate.store.recordings import Recordings


def plan(settings: PlanSettings, progress: Progress) -> Plan:
    """Plan every suite; no provider is asked, no key is read and no socket is opened.

    Raises:
        BadInput: something a person wrote is wrong.
        CannotJudge: a router's own function broke.

    """
    suites = []
    with loaded(settings, calling=False) as found:
        for suite in found.project.suites:
            policies = [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]
            progress.start(f"{suite.name}: planning", len(policies))
            suites.append(plan_suite(found.project, suite, settings, progress))
            progress.done()
    return Plan(settings.mode, settings.cover_deployments, tuple(suites), settings.remeasure)


@dataclass(frozen=True, slots=True)
class _Side:
    """One policy walked twice: as if missing calls succeed, and as if they fail."""

    policy: Policy
    prices: Mapping[str, Price]
    usual: Walked
    failing: Walked
    to_make: Mapping[str, Request]
    to_fear: Mapping[str, Request]


@dataclass(slots=True)
class _Bill:
    """What each distinct call costs, whichever side needs it; at worst, the dearer side's worst."""

    expected: dict[str, Usd]
    worst: dict[str, Usd]


def plan_suite(project: Project, suite: Suite, settings: PlanSettings, progress: Progress) -> SuitePlan:
    """Plan one suite.

    Raises:
        BadInput: a case lacks what the prompt or the router needs.
        CannotJudge: a router's own function broke.

    """
    recordings = committed_and_local(project, suite).remembered()
    policies = [policy for policy in (suite.baseline, *suite.proposals) if policy is not None]
    # Which cases are drawn follows from a session that is not there yet; how many does not.
    count = settings.remeasure if settings.mode == "auto" else 0
    drawn = to_remeasure(suite, policies, committed(suite), count, session="")
    anew = drawn | to_refresh(suite, settings.refresh, "") if settings.recording else frozenset[str]()
    sides = []
    for policy in policies:
        sides.append(_side(project, _Part(suite, anew), policy, recordings, settings))
        progress.advance()
    calling = any(side.to_make or side.to_fear for side in sides)
    asked = (request for side in sides for request in _asked_of_any(suite, side))
    pool = recorded_attempts(asked, recordings) if calling else {}
    bill = _Bill({}, {})
    planned = tuple(_planned(suite, side, pool, bill) for side in sides)
    needed = {digest for side in sides for digest in side.usual.needed}
    to_make = {digest for side in sides for digest in side.to_make}
    missing = {digest for side in sides for digest in side.usual.missing}
    return SuitePlan(
        suite=suite.name,
        needed=len(needed),
        reused=len(needed - to_make - missing),
        missing=len(missing),
        to_make=len(to_make),
        expected_usd=total(bill.expected.values()),
        worst_usd=total(bill.worst.values()),
        sides=planned,
        judging=plan_judging(project, suite, recordings, settings.mode),
        warnings=tuple(_open_budgets(project, suite, recordings, missing=bool(missing))),
        anew=len(drawn),
    )


def _open_budgets(project: Project, suite: Suite, recordings: Recordings, *, missing: bool) -> list[str]:
    if missing:
        return power_warnings(suite)
    from evalgate.pipeline.planning.power_recorded import recorded_warnings  # noqa: PLC0415  numpy

    return [*power_warnings(suite), *recorded_warnings(project, suite, recordings)]


@dataclass(frozen=True, slots=True)
class _Part:
    """A suite, and which of its cases are called whatever is recorded of them."""

    suite: Suite
    anew: frozenset[str]

    @property
    def cases(self) -> Suite:
        return replace(self.suite, cases=tuple(case for case in self.suite.cases if case.id in self.anew))


def _side(
    project: Project, part: _Part, policy: Policy, recordings: Recordings, settings: PlanSettings
) -> _Side:
    suite = part.suite
    prices = resolve_prices(policy.deployments.values(), project.prices, project.price_at)
    if settings.cover_deployments:
        usual = failing = walk_every_deployment(suite, policy, recordings)
    else:
        usual = walk(suite, policy, recordings, succeeding=True)
        everything = settings.mode == "live"
        failing = usual
        if not asks_once(policy):
            failing = walk(suite, policy, None if everything else recordings, succeeding=False)
    calls: Mapping[Mode, Mapping[str, Request]] = {
        "replay": {},
        "auto": usual.missing,
        "live": usual.needed,
    }
    digests = {digest for case_id in part.anew for digest in usual.by_case.get(case_id, ())}
    to_make = {**calls[settings.mode], **{digest: usual.needed[digest] for digest in digests}}
    to_fear = {} if settings.mode == "replay" else {**to_make, **failing.missing}
    if part.anew:
        to_fear |= walk(part.cases, policy, None, succeeding=False).missing
    return _Side(policy, prices, usual, failing, to_make, to_fear)


def _asked_of_any(suite: Suite, side: _Side) -> Iterable[Request]:
    """Return what every deployment would be asked, whichever a case goes to."""
    policy = side.policy
    if asks_one_alone(policy):
        return side.usual.needed.values()
    return (request for _, _, request in every_request(suite, policy))


def _planned(suite: Suite, side: _Side, pool: Pool, bill: _Bill) -> PlannedSide:
    rows = [_row(side, alias, pool, bill) for alias in side.policy.deployments]
    return PlannedSide(
        policy=side.policy.name,
        role="baseline" if side.policy is suite.baseline else "candidate",
        routed=side.policy.router is not None,
        cached=side.policy.cache is not None and suite.ordered,
        calls=tuple(row for row in rows if row.needed or row.worst_usd),
        missing_cases=tuple(side.usual.missing_cases),
    )


def _row(side: _Side, alias: str, pool: Pool, bill: _Bill) -> PlannedCalls:
    price = side.prices[alias]
    attempts = side.policy.deployments[alias].rules(side.policy.reliability).num_retries + 1
    needed = _of(side.usual, side.usual.needed, alias)
    to_make = _of(side.usual, side.to_make, alias)
    likely, basis = expected(list(to_make.values()), price, pool)
    feared = {**to_make, **_of(side.failing, side.to_fear, alias)}
    most = {digest: worst(request, price, attempts) for digest, request in feared.items()}
    for digest, usd in zip(to_make, likely, strict=True):
        bill.expected.setdefault(digest, usd)
    for digest, usd in most.items():
        bill.worst[digest] = _dearer(bill.worst.get(digest, 0.0), usd)
    missing = _of(side.usual, side.usual.missing, alias)
    return PlannedCalls(
        deployment=alias,
        model=side.policy.deployments[alias].model,
        needed=len(needed),
        recorded=len(needed) - len(missing),
        missing=len(missing),
        to_make=len(to_make),
        expected_usd=total(likely),
        basis=basis,
        worst_usd=total(most.values()),
    )


def _of(walked: Walked, calls: Mapping[str, Request], alias: str) -> dict[str, Request]:
    return {digest: request for digest, request in calls.items() if walked.deployment.get(digest) == alias}


def _dearer(one: Usd, other: Usd) -> Usd:
    if isinstance(one, Unmeasured):
        return one
    return other if isinstance(other, Unmeasured) else max(one, other)
