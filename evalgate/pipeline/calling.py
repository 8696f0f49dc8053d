"""Make real calls: every side of a case back to back, cases in seeded random order, each call recorded.

Nothing is judged here. What was made is read back from the recordings like everything else, so that what
is judged is what is stored.
"""

import asyncio
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
from evalgate.core.errors import MissingRecordings
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Outcome
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price, Reliability
from evalgate.core.progress import Progress
from evalgate.core.run import Session
from evalgate.core.suite import Project, Suite
from evalgate.grading.needs import suite_judging
from evalgate.pipeline.judging import ask_judges, judge_prices, judging_of
from evalgate.pipeline.measure import Pass, questions
from evalgate.pipeline.pace import cases_under_way, pace_of, run_loop
from evalgate.pipeline.rounds import Round, Rounds, Side
from evalgate.pipeline.spend import total
from evalgate.pricing.calls import Identity, Priced, priced_by, total_usd
from evalgate.providers.live import LiveCaller
from evalgate.serving.requests import request_for
from evalgate.serving.serve import Asked
from evalgate.store.record import AutoCaller, RecordingCaller, RecordingWriter, new_session, salvage
from evalgate.store.recordings import Recordings
from evalgate.store.replay import ReplayCaller


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
    """What was called: the session, its file (None when nothing was called), and what it cost.

    ``judging_usd`` is the part of ``spend_usd`` that went to judges and embedders of the graders.
    """

    session: str
    file: Path | None
    needed: int
    digests: frozenset[str]
    failed: int
    spend_usd: float | Unmeasured
    judging_usd: float | Unmeasured


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

    @property
    def made(self) -> dict[str, Call]:
        """The calls that were not replayed."""
        return {digest: call for digest, call in self.calls.items() if not call.replayed}


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
            inner = recording if known is None else AutoCaller(ReplayCaller(known), recording)
            served, judged = _Ledger(inner), _Ledger(inner)
            everything = Round(frozenset(case.id for case in calling.suite.cases), tuple(calling.policies))
            for part in [everything] if calling.rounds is None else calling.rounds(session, inner):
                bench = _Bench(calling, part)
                asked = [each for each in questions(calling.suite) if each.case.id in part.cases]
                if not calling.suite.ordered:
                    rng.shuffle(asked)
                ask = partial(bench.ask, rng=rng, served=served, judged=judged)
                await _call_all(calling, asked, ask, progress)
    return _summary(calling, session, served, judged)


def _summary(calling: Calling, session: Session, served: _Ledger, judged: _Ledger) -> CallsMade:
    made = judged.made | served.made
    judges = suite_judging(calling.suite).deployments
    judging_usd = total_usd(
        [call for digest, call in made.items() if digest not in served.made],
        priced_by(judges, judge_prices(calling.project, calling.suite)),
    )
    return CallsMade(
        session=session.id,
        file=calling.folder / f"{session.id}.jsonl" if made else None,
        needed=len(served.calls | judged.calls),
        digests=frozenset(made),
        failed=sum(call.response is None for call in made.values()),
        spend_usd=total([total_usd(served.made.values(), _policy_prices(calling)), judging_usd]),
        judging_usd=judging_usd,
    )


def _policy_prices(calling: Calling) -> Priced:
    priced: dict[Identity, tuple[str, Price]] = {}
    for policy in calling.policies:
        priced |= priced_by(policy.deployments.values(), calling.prices[policy.name])
    return priced


async def _call_all(
    calling: Calling, asked: Sequence[Asked], ask: Callable[[Asked], Awaitable[None]], progress: Progress
) -> None:
    progress.start(f"{calling.suite.name}: calling", len(asked))
    queue = iter(asked)

    async def worker() -> None:
        for each in queue:
            await ask(each)
            progress.advance()

    workers = [asyncio.ensure_future(worker()) for _ in range(_in_flight(calling))]
    try:
        await asyncio.gather(*workers)
    finally:
        for each in workers:
            each.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        progress.done()


class _Bench:
    """Each policy's pass over the suite, and its judges."""

    def __init__(self, calling: Calling, part: Round) -> None:
        suite = calling.suite
        self._more = part.more
        self._calling = calling
        self._judging = judging_of(suite)
        self._passes = {policy.name: Pass(suite, policy) for policy in part.policies}
        own = suite.baseline
        # A baseline that cannot be called is replayed: a pairwise judge must see what it said.
        self._replayed = Pass(suite, own) if own is not None and own.name not in self._passes else None

    async def ask(self, asked: Asked, rng: random.Random, served: Caller, judged: Caller) -> None:
        """Serve all sides back to back, in random order; then judge, so that no time of theirs suffers."""
        sides = _cover(self._calling, asked) if self._calling.cover_deployments else []
        outcomes: dict[str, Outcome] = {}
        if not sides or self._judging.needs_calls:
            sides += [partial(self._serve, name, asked, outcomes) for name in self._passes]
        rng.shuffle(sides)
        for side in sides:
            await side(served)
        if self._judging.needs_calls:
            baseline = await self._baseline(asked, outcomes) if self._judging.pairwise else None
            await ask_judges(self._calling.suite, asked, outcomes, baseline, judged)
        for side in [] if self._more is None else self._more(asked):
            await side(judged)

    async def _serve(self, name: str, asked: Asked, outcomes: dict[str, Outcome], caller: Caller) -> None:
        outcomes[name] = await self._passes[name].serve(asked, caller)

    async def _baseline(self, asked: Asked, outcomes: Mapping[str, Outcome]) -> Outcome | None:
        baseline, known = self._calling.suite.baseline, self._calling.known
        assert baseline is not None
        if self._replayed is None or known is None:
            return outcomes.get(baseline.name)
        try:
            return await self._replayed.serve(asked, ReplayCaller(known))
        except MissingRecordings:
            # Whoever measures this case tells that it is missing, and how to record it.
            return None


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
