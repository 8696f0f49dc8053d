"""What grading would call and spend: judges and embedders, planned apart from the policies they judge.

An answer that is not recorded is not known, so a text stands in for it that is as long as ``max_tokens``
lets an answer be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evalgate.core.calls import Attempt, Call, Request, Response
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Outcome
from evalgate.core.plan import PlannedCalls, PlannedJudging
from evalgate.core.policy import Deployment, Policy
from evalgate.core.policy_file import Price, Reliability
from evalgate.core.run import Mode
from evalgate.core.suite import Project, Suite
from evalgate.grading.needs import JUDGE_RELIABILITY, suite_judging
from evalgate.pipeline.measuring.judging import judge_prices
from evalgate.pipeline.measuring.measure import Pass, questions
from evalgate.pipeline.measuring.replaying import run_now
from evalgate.pipeline.spending.spend import (
    CHARACTERS_PER_TOKEN,
    Pool,
    Usd,
    expected,
    identity_of,
    most_output,
    total,
    worst,
)
from evalgate.store.recordings import Recordings
from evalgate.store.replay import MissingCall, ReplayCaller

_ANY_LENGTH = Unmeasured("answers that are not recorded may be of any length, as params have no max_tokens")


def plan_judging(project: Project, suite: Suite, recordings: Recordings, mode: Mode) -> PlannedJudging | None:
    """Return the calls that grading every policy of ``suite`` needs; None where no grader asks a model.

    Raises:
        BadInput: a judge has no price.

    """
    judging = suite_judging(suite)
    if not judging.needs_calls:
        return None
    known = walk = _Walk(suite, recordings)
    known.serve()
    if mode == "live":
        walk = _Walk(suite, None)
        walk.serve()
    prices = judge_prices(project, suite)
    recorded = {digest for digest in walk.needed if recordings.find(digest) is not None}
    # What was judged before tells what judging costs, also where every answer is made anew.
    pool = _pool(known, recordings)
    to_make = {"replay": set(), "auto": walk.needed.keys() - recorded, "live": set(walk.needed)}[mode]
    # Two graders may ask one model; its calls are told once.
    models = {each.identity: each for each in reversed(judging.deployments)}
    calls = tuple(
        _row(walk, model, prices[model.alias], pool, recorded, to_make) for model in models.values()
    )
    return PlannedJudging(
        calls, total(each.expected_usd for each in calls), total(each.worst_usd for each in calls)
    )


@dataclass(slots=True)
class _StandIn:
    """A Caller that replays, and where nothing is recorded says as much as the model may.

    The text tells which call it stands for, so that equal calls are judged once.
    """

    replay: ReplayCaller | None
    unbounded: bool = False

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        if self.replay is not None:
            try:
                return await self.replay(request, rules)
            except MissingCall:
                pass  # that is what is stood in for
        most = most_output(request)
        self.unbounded = self.unbounded or most is None
        text = request.digest.ljust(CHARACTERS_PER_TOKEN * (most or 0), ".")
        return Call(request, (Attempt(0.0),), Response(text), session="", replayed=False)


@dataclass(slots=True)
class _Walk:
    """Every policy served, and the calls that grading needs; ``unbounded`` are of answers of any length."""

    suite: Suite
    recordings: Recordings | None
    needed: dict[str, Request] = field(default_factory=dict)
    unbounded: set[str] = field(default_factory=set)

    def serve(self) -> None:
        baseline: dict[tuple[str, int], Outcome] = {}
        for policy in (self.suite.baseline, *self.suite.proposals):
            if policy is not None:
                self._serve(policy, baseline)

    def _serve(self, policy: Policy, baseline: dict[tuple[str, int], Outcome]) -> None:
        judging, a_pass = suite_judging(self.suite), Pass(self.suite, policy)
        caller = _StandIn(None if self.recordings is None else ReplayCaller(self.recordings))
        for asked in questions(self.suite):
            caller.unbounded = False
            outcome = run_now(a_pass.serve(asked, caller))
            place = (outcome.case_id, outcome.trial)
            other = baseline.get(place)
            if policy is self.suite.baseline:
                baseline[place] = outcome
            for request in judging.requests(asked.case, outcome, None if other is None else other.result):
                self.needed[request.digest] = request
                if caller.unbounded:
                    self.unbounded.add(request.digest)


def _pool(walk: _Walk, recordings: Recordings) -> Pool:
    pool: dict[tuple[str, str, str | None, str | None], list[tuple[Attempt, ...]]] = {}
    for digest, request in walk.needed.items():
        found = recordings.find(digest)
        if found is not None:
            pool.setdefault(identity_of(request), []).append(found.attempts)
    return pool


def _row(
    walk: _Walk, deployment: Deployment, price: Price, pool: Pool, recorded: set[str], to_make: set[str]
) -> PlannedCalls:
    asked = deployment.identity
    needed = {digest: request for digest, request in walk.needed.items() if identity_of(request) == asked}
    making = [needed[digest] for digest in needed if digest in to_make]
    likely, basis = expected(making, price, pool)
    attempts = JUDGE_RELIABILITY.num_retries + 1
    most: Sequence[Usd] = [
        _ANY_LENGTH if request.digest in walk.unbounded else worst(request, price, attempts)
        for request in making
    ]
    return PlannedCalls(
        deployment=deployment.alias,
        model=deployment.model,
        needed=len(needed),
        recorded=len(needed.keys() & recorded),
        missing=len(needed.keys() - recorded),
        to_make=len(making),
        expected_usd=total(likely),
        basis=basis,
        worst_usd=total(most),
    )
