"""Make real calls: every side of a case back to back, cases in seeded random order, each call recorded.

Nothing is judged here. What was made is read back from the recordings like everything else, so that what
is judged is what is stored.
"""

import asyncio
import math
import os
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

from evalgate.core.attempt_log import Unlogged
from evalgate.core.calls import Call, Caller, Request
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Cost, Failure, Outcome, Step
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price, Reliability
from evalgate.core.progress import Progress
from evalgate.core.run import Session
from evalgate.core.suite import Project, Suite
from evalgate.grading.needs import suite_judging
from evalgate.pipeline.judging import ask_judges
from evalgate.pipeline.measure import Pass, questions
from evalgate.pipeline.pace import cases_under_way, pace_of, run_loop
from evalgate.pipeline.rounds import Round, Rounds
from evalgate.pricing.cost import cost_of
from evalgate.pricing.prices import resolve_prices
from evalgate.providers.live import LiveCaller
from evalgate.serving.requests import request_for
from evalgate.serving.serve import Asked
from evalgate.store.record import AutoCaller, RecordingCaller, RecordingWriter, new_session, salvage
from evalgate.store.recordings import Recordings
from evalgate.store.replay import ReplayCaller

Side = Callable[[Caller], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Calling:
    """What to call: policies of a suite, into a folder of recordings, sparing what is ``known``.

    ``rounds`` yields what to call when; without it every case is called under every policy.
    """

    project: Project
    suite: Suite
    policies: Sequence[Policy]
    prices: Mapping[str, Mapping[str, Price]]
    folder: Path
    known: Recordings | None = None
    cover_deployments: bool = False
    seed: int | None = None
    rounds: Rounds | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class CallsMade:
    """What was called: the session, its file (None when nothing was called), and what it cost."""

    session: str
    file: Path | None
    needed: int
    digests: frozenset[str]
    failed: int
    spend_usd: float | Unmeasured


@dataclass(slots=True)
class _Ledger:
    """A Caller that notes every call that passes through it, made or replayed."""

    inner: Caller
    calls: dict[str, Call] = field(default_factory=dict)

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        call = await self.inner(request, rules)
        noted = self.calls.get(request.digest)
        if noted is None or noted.replayed:
            self.calls[request.digest] = call
        return call


def make_calls(calling: Calling, progress: Progress) -> CallsMade:
    """Make the calls, recording each as soon as it is finished.

    Raises:
        ProviderRefused: a provider cannot be used; calls finished before are kept.

    """
    calling.folder.mkdir(parents=True, exist_ok=True)
    salvage(calling.folder)
    seed = secrets.randbelow(2**31) if calling.seed is None else calling.seed
    session = new_session("live" if calling.known is None else "record", interleaved=True, seed=seed)
    return run_loop(_make_calls(calling, session, random.Random(seed), progress))  # noqa: S311  an order, not a secret


async def _make_calls(
    calling: Calling, session: Session, rng: random.Random, progress: Progress
) -> CallsMade:
    project = calling.project
    pace = pace_of(calling.suite, calling.policies, calling.concurrency)
    made_by = f"evalgate {version('evalgate-harness')}"
    with RecordingWriter(calling.folder, session, made_by) as writer:
        async with LiveCaller(
            project.providers, project.functions, os.environ, Unlogged(session.id), pace
        ) as live:
            recording = RecordingCaller(live, writer)
            known = calling.known
            ledger = _Ledger(recording if known is None else AutoCaller(ReplayCaller(known), recording))
            everything = Round(frozenset(case.id for case in calling.suite.cases), tuple(calling.policies))
            for part in [everything] if calling.rounds is None else calling.rounds(session, ledger):
                await _call_all(calling, part, ledger, rng, progress)
    made = {digest: call for digest, call in ledger.calls.items() if not call.replayed}
    return CallsMade(
        session=session.id,
        file=calling.folder / f"{session.id}.jsonl" if made else None,
        needed=len(ledger.calls),
        digests=frozenset(made),
        failed=sum(call.response is None for call in made.values()),
        spend_usd=_spend(calling, made),
    )


async def _call_all(
    calling: Calling, part: Round, caller: Caller, rng: random.Random, progress: Progress
) -> None:
    asked = [each for each in questions(calling.suite) if each.case.id in part.cases]
    if not calling.suite.ordered:
        rng.shuffle(asked)
    passes = [Pass(calling.suite, policy) for policy in part.policies]
    judged = suite_judging(calling.suite).needs_calls
    progress.start(f"{calling.suite.name}: calling", len(asked))
    queue = iter(asked)

    async def worker() -> None:
        for each in queue:
            sides = _cover(calling, each) if calling.cover_deployments else []
            if not sides or judged:
                sides += _sides(calling.suite, passes, each)
            rng.shuffle(sides)
            for side in sides:
                await side(caller)
            progress.advance()

    workers = [asyncio.ensure_future(worker()) for _ in range(_in_flight(calling))]
    try:
        await asyncio.gather(*workers)
    finally:
        for each in workers:
            each.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        progress.done()


def _sides(suite: Suite, passes: Sequence[Pass], asked: Asked) -> list[Side]:
    return [partial(_serve_and_judge, suite, each, asked) for each in passes]


async def _serve_and_judge(suite: Suite, a_pass: Pass, asked: Asked, caller: Caller) -> None:
    await ask_judges(suite, asked, await a_pass.serve(asked, caller), caller)


def _cover(calling: Calling, asked: Asked) -> list[Side]:
    """Every deployment of every policy, each distinct call once."""
    sides: dict[str, Side] = {}
    for policy in calling.policies:
        for deployment in policy.deployments.values():
            request = request_for(asked.case, deployment, asked.trial)
            sides.setdefault(request.digest, partial(_ask, request, policy.reliability))
    return list(sides.values())


async def _ask(request: Request, rules: Reliability, caller: Caller) -> Call:
    return await caller(request, rules)


def _in_flight(calling: Calling) -> int:
    return cases_under_way(calling.suite, calling.policies, calling.concurrency)


def _spend(calling: Calling, made: Mapping[str, Call]) -> float | Unmeasured:
    """Price the calls that were made, each by the deployment that has its identity."""
    priced = {
        deployment.identity: (deployment.alias, calling.prices[policy.name])
        for policy in calling.policies
        for deployment in policy.deployments.values()
    }
    project, judges = calling.project, suite_judging(calling.suite).deployments
    judge_prices = resolve_prices(judges, project.prices, project.price_at)
    priced.update({judge.identity: (judge.alias, judge_prices) for judge in judges})
    costs = []
    for digest, call in made.items():
        asked = call.request
        alias, prices = priced[asked.provider, asked.model, asked.revision, asked.quantization]
        step = Step("generate", alias, digest, call.session, call.attempts)
        costs.append(cost_of(_only(step), prices))
    unknown = next((cost for cost in costs if isinstance(cost, Unmeasured)), None)
    return unknown or math.fsum(cost.total_usd for cost in costs if isinstance(cost, Cost))


def _only(step: Step) -> Outcome:
    """An outcome that holds nothing but one call, because money is counted over outcomes."""
    return Outcome("", 0, Failure("", ""), step.deployment, 0.0, (step,))
