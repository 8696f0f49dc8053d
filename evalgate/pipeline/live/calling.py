"""Make real calls: every side of a case back to back, cases in seeded random order, each call recorded.

Nothing is judged here. What was made is read back from the recordings like everything else, so that what
is judged is what is stored.
"""

import asyncio
import os
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from evalgate.core.calls import Caller
from evalgate.core.errors import (
    EvalgateError,
    Interrupted,
    MissingRecordings,
    ProviderRefused,
    SpendCapReached,
)
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Outcome
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Session
from evalgate.core.spend import Spend
from evalgate.core.suite import Project, Suite
from evalgate.grading.needs import suite_judging
from evalgate.pipeline.live.calls_ledger import Ledger, tell, unwritten
from evalgate.pipeline.live.covering import Covering
from evalgate.pipeline.live.pace import Turns, cases_under_way, pace_of
from evalgate.pipeline.live.racing import at_once
from evalgate.pipeline.live.rounds import Round, Rounds
from evalgate.pipeline.live.stopping import Stopping
from evalgate.pipeline.live.streamed import Streamed
from evalgate.pipeline.live.working import meanwhile, work
from evalgate.pipeline.measuring.judging import ask_judges, judge_prices, judging_of
from evalgate.pipeline.measuring.measure import CallerOf, Pass, keeps_order, questions
from evalgate.pipeline.project.privacy import Privacy
from evalgate.pipeline.spending.tariff import Tariff
from evalgate.pricing.calls import priced_by, total_usd
from evalgate.providers.live import LiveCaller
from evalgate.providers.loop import run_loop
from evalgate.serving.serve import Asked
from evalgate.store.local.log import StoreLog
from evalgate.store.local.session import SessionWriter
from evalgate.store.local.store import LocalStore
from evalgate.store.record import AutoCaller, RecordingCaller
from evalgate.store.recordings import Recordings
from evalgate.store.replay import ReplayCaller
from evalgate.store.writer import new_session


@dataclass(frozen=True, slots=True)
class Calling:
    """What to call: policies of a suite, into the local store, sparing what is ``known``.

    ``purpose`` is equal for work that goes on where other work was broken off.
    ``meanwhile`` is done in a thread while the first answers are awaited.
    ``rounds`` yields what to call when; without it every case is called under every policy. ``anew`` tells
    which cases to call in the session of that id, whatever is known of them. ``going_on`` are the sessions
    that are gone on with, any of the last day where that is None.
    """

    project: Project
    suite: Suite
    policies: Sequence[Policy]
    prices: Mapping[str, Mapping[str, Price]]
    store: LocalStore
    purpose: str
    known: Recordings
    cover_deployments: bool = False
    seed: int | None = None
    rounds: Rounds | None = None
    anew: Callable[[str], frozenset[str]] | None = None
    concurrency: int | None = None
    cap_usd: float | None = None
    going_on: frozenset[str] | None = None
    meanwhile: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class CallsMade:
    """What was called: its session, what it cost, and why it ended early if it did.

    ``found`` are the digest and the session of every call that was needed, made or not. ``anew`` are the
    cases that were called whatever was known of them. ``judging_usd`` is the part of ``spend`` that went to
    judges and embedders of the graders. ``unwritten`` holds the calls of a suite whose texts are written
    nowhere.
    """

    session: str
    found: frozenset[tuple[str, str]]
    needed: int
    digests: frozenset[str]
    failed: int
    spend: Spend
    judging_usd: float | Unmeasured
    broken_off: EvalgateError | None = None
    anew: frozenset[str] = frozenset()
    unwritten: Recordings | None = None


def make_calls(calling: Calling, progress: Progress) -> CallsMade:
    """Make the calls, keeping each as soon as it is finished; what ended them early stands in the result.

    Raises:
        CannotJudge: the local store cannot be written.

    """
    seed = secrets.randbelow(2**31) if calling.seed is None else calling.seed
    session = new_session(calling.purpose.partition(" ")[0], interleaved=True, seed=seed)
    made = run_loop(_make_calls(calling, session, progress))
    calling.store.flush()
    if made.broken_off is None:
        calling.store.finish(calling.purpose)
    return made


async def _make_calls(calling: Calling, session: Session, progress: Progress) -> CallsMade:
    project = calling.project
    privacy = Privacy.of(project, calling.suite, os.environ)
    pace = pace_of(calling.suite, calling.policies, calling.concurrency, calling.store.folder / "pace")
    stopping = Stopping()
    tariff = Tariff.of(project, calling.suite, calling.policies, calling.prices)
    log = StoreLog(calling.store, session.id, tariff, calling.cap_usd, stopping)
    writer = SessionWriter(calling.store, session, calling.purpose, texts=privacy.texts)
    broken_off: EvalgateError | None = None
    async with LiveCaller(project.providers, project.functions, os.environ, log, pace) as live:
        live.says_why = privacy.texts == "all"
        recording = RecordingCaller(Streamed.of(calling.policies, privacy.guarded(live)), writer)
        begun = calling.store.begun(calling.going_on)
        inner = AutoCaller(ReplayCaller(calling.known), recording, calling.store, begun)
        served, judged = Ledger(inner), Ledger(inner)
        anew = frozenset[str]() if calling.anew is None else calling.anew(session.id)
        fresh = Ledger(recording, served.calls, served.found)
        caller_of = _chosen(anew, fresh, served)
        telling = asyncio.ensure_future(tell(log.tally, (served, fresh, judged), progress))
        beside = asyncio.ensure_future(meanwhile(calling.meanwhile, lambda: log.tally.in_flight > 0))
        try:
            with stopping.listening(lambda: log.tally.in_flight):
                turns = Turns(live.under_way)
                callers = (privacy.keyed(inner), lambda asked: privacy.keyed(caller_of(asked)))
                await _call_rounds(
                    calling, session, (*callers, privacy.keyed(judged)), stopping, (turns, progress)
                )
        except asyncio.CancelledError:
            if not stopping.asked:
                raise
            broken_off = Interrupted("calls in flight were dropped")
        except (Interrupted, SpendCapReached, ProviderRefused) as error:
            broken_off = error
        finally:
            telling.cancel()
            beside.cancel()
    return replace(_summary(calling, session, (served, judged), log.tally.spend(), broken_off), anew=anew)


async def _call_rounds(
    calling: Calling,
    session: Session,
    callers: tuple[Caller, CallerOf, Caller],
    stopping: Stopping,
    pacing: tuple[Turns, Progress],
) -> None:
    inner, caller_of, judged = callers
    rng = random.Random(session.seed)  # noqa: S311  an order, not a secret
    everything = Round(frozenset(case.id for case in calling.suite.cases), tuple(calling.policies))
    for part in [everything] if calling.rounds is None else calling.rounds(session, inner):
        bench = _Bench(calling, part)
        asked = [each for each in questions(calling.suite) if each.case.id in part.cases]
        if not keeps_order(calling.suite, calling.policies):
            rng.shuffle(asked)
        ask = partial(bench.ask, rng=rng, caller_of=caller_of, judged=judged)
        await _call_all(calling, asked, ask, stopping, pacing)


def _summary(
    calling: Calling,
    session: Session,
    ledgers: tuple[Ledger, Ledger],
    spend: Spend,
    broken_off: EvalgateError | None,
) -> CallsMade:
    served, judged = ledgers
    served_anew = served.made
    made = judged.made | served_anew
    judges = suite_judging(calling.suite).deployments
    return CallsMade(
        session=session.id,
        found=frozenset(served.found | judged.found),
        needed=len(served.calls | judged.calls),
        digests=frozenset(made),
        failed=sum(call.response is None for call in made.values()),
        spend=spend,
        judging_usd=total_usd(
            [call for digest, call in made.items() if digest not in served_anew],
            priced_by(judges, judge_prices(calling.project, calling.suite)),
        ),
        broken_off=broken_off,
        unwritten=None if calling.suite.texts == "all" else unwritten(session, served.calls | judged.calls),
    )


async def _call_all(
    calling: Calling,
    asked: Sequence[Asked],
    ask: Callable[[Asked], Awaitable[None]],
    stopping: Stopping,
    pacing: tuple[Turns, Progress],
) -> None:
    turns, progress = pacing
    progress.start(f"{calling.suite.name}: calling", len(asked))
    queue = iter(asked)

    async def worker() -> None:
        async for each in turns.over(queue):
            await ask(each)
            progress.advance()

    try:
        await work([worker] * _in_flight(calling), stopping)
    finally:
        progress.done()


class _Bench:
    """Each policy's pass over the suite, and its judges."""

    def __init__(self, calling: Calling, part: Round) -> None:
        suite = calling.suite
        self._more = part.more
        self._calling = calling
        self._judging = judging_of(suite)
        self._passes = {policy.name: Pass(suite, policy, race=at_once) for policy in part.policies}
        # What a cache's verifier is asked shows only when the suite is served.
        self._verifying = any(getattr(policy.cache, "verifier", None) for policy in part.policies)
        self._cover = Covering(suite, part.policies)
        own = suite.baseline
        # A baseline that cannot be called is replayed: a pairwise judge must see what it said.
        self._replayed = Pass(suite, own) if own is not None and own.name not in self._passes else None

    async def ask(self, asked: Asked, rng: random.Random, caller_of: CallerOf, judged: Caller) -> None:
        """Serve all sides back to back, in random order; then judge, so that no time of theirs suffers."""
        sides = self._cover(asked) if self._calling.cover_deployments else []
        outcomes: dict[str, Outcome] = {}
        if not sides or self._judging.needs_calls or self._verifying:
            sides += [partial(self._serve, name, asked, outcomes) for name in self._passes]
        rng.shuffle(sides)
        for side in sides:
            await side(caller_of(asked))
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
        if self._replayed is None:
            return outcomes.get(baseline.name)
        try:
            return await self._replayed.serve(asked, ReplayCaller(known))
        except MissingRecordings:
            # Whoever measures this case tells that it is missing, and how to record it.
            return None


def _chosen(anew: frozenset[str], making: Caller, sparing: Caller) -> CallerOf:
    return lambda asked: making if asked.case.id in anew else sparing


def _in_flight(calling: Calling) -> int:
    return cases_under_way(calling.suite, calling.policies, calling.concurrency)
