"""One policy over one suite: serve, price and grade every case and trial."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from evalgate.core.calls import Caller
from evalgate.core.clock import case_times
from evalgate.core.errors import MissingRecordings
from evalgate.core.faults import befalling
from evalgate.core.outcome import Grade, Graded, Outcome
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.suite import Suite
from evalgate.pipeline.measuring.hits import HitJudge
from evalgate.pipeline.measuring.judging import SuiteJudge
from evalgate.pipeline.measuring.prompt_caching import (
    Noting,
    Requests,
    any_declared,
    prompt_caches,
    with_prompt_caches,
)
from evalgate.pipeline.measuring.replaying import run_now
from evalgate.pricing.batch import served_prices
from evalgate.pricing.cost import cost_of
from evalgate.serving.cache import PolicyCache
from evalgate.serving.cooldown import Health
from evalgate.serving.moment import Race, in_turn
from evalgate.serving.serve import Answered, Asked, Circumstances, Server

T = TypeVar("T")
CallerOf = Callable[[Asked], Caller]


@dataclass(frozen=True, slots=True)
class Missing:
    """A case that could not be replayed, and the call that was not recorded."""

    case_id: str
    why: str


def keeps_order(suite: Suite, policies: Iterable[Policy]) -> bool:
    """Tell whether cases must be served one at a time and in order, as they leave something for the next."""
    return suite.ordered or any(policy.reliability.cools_down for policy in policies)


def questions(suite: Suite) -> Iterator[Asked]:
    """Yield every case of every trial, in the suite's order, with its time on the cases' clock.

    Only a stream has a clock, and a suite whose deployments fail or cool down; elsewhere every case stands at
    0 s.
    """
    if suite.clock:
        times = tuple(suite.clock[case.id] for case in suite.cases)
    else:
        times = case_times(suite.cases) if suite.ordered else (0.0,) * len(suite.cases)
    for trial in range(suite.trials):
        for case, at_s in zip(suite.cases, times, strict=True):
            yield Asked(case, trial, at_s)


class Pass:
    """One pass of a suite through one policy, holding the policy's cache where the suite is a stream.

    In an unordered suite every case starts with an empty cache; in an ordered one, every trial. What is known
    of the deployments' health passes from case to case in both, as they share production.
    """

    def __init__(
        self, suite: Suite, policy: Policy, answered: Answered | None = None, race: Race = in_turn
    ) -> None:
        """Start with empty caches and everything in health."""
        known = {} if suite.baseline is None else suite.baseline.deployments
        befall = befalling(suite.faults, policy.deployments.values(), known)
        self._server = Server(policy, answered, Circumstances(befall, race))
        self._rules = policy.reliability
        self._healths: dict[int, Health] = {}
        self._spec = policy.cache
        self._ordered = suite.ordered
        named = {case.near_miss_of for case in suite.cases} if policy.cache is not None else set()
        self._near = {case.id: case for case in suite.cases if case.id in named}
        self._caches: dict[int, PolicyCache] = {}

    async def serve(self, asked: Asked, caller: Caller) -> Outcome:
        """Serve one question."""
        outcome = await self._server.serve(asked, caller, self._cache(asked.trial), self._health(asked.trial))
        other = self._near.get(asked.case.near_miss_of or "")
        if other is None or outcome.cache is None:
            return outcome
        merged = await self._server.merges(asked.case, other, caller)
        return replace(outcome, cache=replace(outcome.cache, near_miss=merged))

    async def fresh(self, asked: Asked, caller: Caller) -> Outcome:
        """Serve one question past the policy's cache, which learns nothing of it."""
        return await self._server.fresh(asked, caller)

    def _health(self, trial: int) -> Health | None:
        if not self._rules.cools_down:
            return None
        if trial not in self._healths:
            self._healths[trial] = Health(self._rules)
        return self._healths[trial]

    def _cache(self, trial: int) -> PolicyCache | None:
        if self._spec is None:
            return None
        if not self._ordered:
            return PolicyCache(self._spec)
        if trial not in self._caches:
            self._caches[trial] = PolicyCache(self._spec)
        return self._caches[trial]


class Replayed:
    """What replays of one suite from the same recordings share: what is served alike is served once."""

    def __init__(self) -> None:
        """Start with nothing served."""
        self.answered: Answered = {}
        self.asked: Requests = {}
        self._graded: dict[tuple[int, str], Graded] = {}

    def graded(self, priced: str, outcome: Outcome, make: Callable[[], Graded]) -> Graded:
        """Return the outcome's grade and cost, made only if this very outcome was not priced so before."""
        # An Outcome that is in here is kept alive by its Graded, so its id is its own.
        known = self._graded.get((id(outcome), priced))
        if known is None:
            known = self._graded[id(outcome), priced] = make()
        return known


def measure(
    suite: Suite,
    policy: Policy,
    prices: Mapping[str, Price],
    caller_of: CallerOf,
    judge: SuiteJudge,
    replayed: Replayed | None = None,
) -> tuple[Graded, ...]:
    """Replay a suite under a policy and let ``judge`` grade it.

    ``replayed`` is what earlier replays with the same ``caller_of`` served.

    Raises:
        MissingRecordings: some calls were never recorded; says how many, of which cases, and the cure.

    """
    prices = served_prices(policy.deployments, prices)
    shared = Replayed() if replayed is None else replayed
    a_pass = Pass(suite, policy, shared.answered)
    priced = repr(sorted(prices.items()))
    hits = HitJudge()
    graded: list[Graded] = []
    missing: list[Missing] = []
    noted = any_declared(suite) or bool(prompt_caches(policy))
    for asked in questions(suite):
        caller = Noting(caller_of(asked), shared.asked) if noted else caller_of(asked)
        try:
            outcome = run_now(a_pass.serve(asked, caller))
            make = partial(judged, judge, asked, outcome, prices, caller)
            fresh = partial(_fresh_grade, judge, a_pass, asked, caller)
            graded.append(hits.judged(asked.case, shared.graded(priced, outcome, make), fresh))
        except MissingRecordings as error:
            missing.append(Missing(asked.case.id, str(error)))
    if missing:
        raise MissingRecordings(_say_missing(suite, policy, missing))
    judge.check()
    return with_prompt_caches(suite, policy, prices, tuple(graded), shared.asked)


def judged(
    judge: SuiteJudge, asked: Asked, outcome: Outcome, prices: Mapping[str, Price], caller: Caller
) -> Graded:
    """Return an outcome with its cost and grade."""
    case = asked.case
    return Graded(
        outcome=outcome,
        cost=cost_of(outcome, prices),
        grade=judge.grade(asked, outcome, caller),
        slices=case.slices,
        group=case.group,
        weight=case.weight,
        target=None if case.target is None else str(case.target),
    )


def _fresh_grade(judge: SuiteJudge, a_pass: Pass, asked: Asked, caller: Caller) -> Grade | None:
    """Grade what a call would have answered; None where no such call is recorded."""
    try:
        return judge.grade(asked, run_now(a_pass.fresh(asked, caller)), caller)
    except MissingRecordings:
        return None


def _say_missing(suite: Suite, policy: Policy, missing: list[Missing]) -> str:
    ids = list(dict.fromkeys(each.case_id for each in missing))
    named = ", ".join(ids[:3]) + (", …" if len(ids) > 3 else "")
    outcomes = len(suite.cases) * suite.trials
    return (
        f"suite {suite.name}, policy {policy.name}: {len(missing)} of {outcomes} answers need calls that are "
        f"not recorded (cases {named}).\n"
        f"    The first: {missing[0].why}\n"
        f"    {_how_to_record(suite, policy)}"
    )


def _how_to_record(suite: Suite, policy: Policy) -> str:
    command = f"evalgate record {suite.file.rsplit('/', 1)[0]}"
    if suite.base is None:
        command += f" --policy {policy.name}"
    elif policy is suite.baseline and suite.base.replay_only:
        return (
            f"Its functions are those of commit {suite.base.sha[:7]}: check that out (`git worktree add`), "
            f"run `{command}` there and commit the recordings."
        )
    elif policy is suite.baseline:
        command += f" --baseline {suite.base.asked}"
    else:
        command += f" --policy {Path(policy.file).stem} --baseline {suite.base.asked}"
    return f"Record them with `{command}`, or let `--mode auto` call what is missing."
