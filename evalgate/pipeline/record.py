"""The verb ``record``: make the calls that the committed recordings lack."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from evalgate.core.drift import Drift
from evalgate.core.errors import EvalgateError
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy import Policy
from evalgate.core.progress import Progress
from evalgate.core.spend import Spend
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.exporting import keep_in_suite
from evalgate.pipeline.live.batches import Batched, batches_needed, call_batches, with_less
from evalgate.pipeline.live.calling import Calling, CallsMade, make_calls
from evalgate.pipeline.live.calling_suite import purpose_of
from evalgate.pipeline.live.drift import Refreshed, drift_of
from evalgate.pipeline.measuring.recorded import committed, committed_and_local, marks_of
from evalgate.pipeline.planning.paying import before_paying
from evalgate.pipeline.planning.remeasure import to_refresh, to_remeasure
from evalgate.pipeline.project.loading import loaded, policies_to_call
from evalgate.pipeline.project.places import store_file
from evalgate.pipeline.project.settings import PlanSettings, RecordSettings
from evalgate.pricing.prices import resolve_prices
from evalgate.store.local.store import LocalStore
from evalgate.store.marks import write_marks
from evalgate.store.recordings import Recordings


@dataclass(frozen=True, slots=True)
class SuiteRecorded:
    """What recording one suite did. ``file`` is None when the suite's recordings lacked nothing.

    ``already`` were recorded before, in the suite or on this machine; the latter are in ``file`` too.
    On ``anew`` cases every policy was called although its calls were recorded.
    ``batched`` is what batch APIs answered, which is in none of the other numbers but ``needed``.
    ``judging_usd`` is the part of ``spend`` that went to judges and embedders of the graders.
    """

    suite: str
    needed: int
    already: int
    made: int
    failed: int
    file: Path | None
    spend: Spend
    judging_usd: float | Unmeasured
    anew: int = 0
    drift: Drift | None = None
    batched: Batched = field(default_factory=Batched)


@dataclass(frozen=True, slots=True)
class RecordSummary:
    """What recording did, suite by suite, and why it ended early if it did."""

    suites: tuple[SuiteRecorded, ...]
    broken_off: EvalgateError | None = None


def record(settings: RecordSettings, progress: Progress) -> RecordSummary:
    """Record what each suite's policies need, both sides of a case back to back.

    What was finished is in the suite's recordings, whatever ended the work early.

    Raises:
        BadInput: something a person wrote is wrong, or the calls may not be paid.
        CannotJudge: the local store cannot be written; what was finished before is kept there.

    """
    recorded: list[SuiteRecorded] = []
    with loaded(settings, calling=True) as found, LocalStore(store_file(found.project.root)) as store:
        for suite in found.project.suites:
            of_suite, broken_off = _record_suite(found.project, suite, settings, store, progress)
            recorded.append(of_suite)
            if broken_off is not None:
                return RecordSummary(tuple(recorded), broken_off)
    return RecordSummary(tuple(recorded))


def _record_suite(
    project: Project, suite: Suite, settings: RecordSettings, store: LocalStore, progress: Progress
) -> tuple[SuiteRecorded, EvalgateError | None]:
    before = committed(suite)
    batched, made = _make_calls(project, suite, settings, store, progress)
    file = keep_in_suite(project, suite, made.session, made.found, before)
    return (
        SuiteRecorded(
            suite=suite.name,
            needed=made.needed,
            already=max(0, made.needed - len(made.digests) - batched.calls),
            made=len(made.digests),
            failed=made.failed,
            file=file,
            spend=made.spend,
            judging_usd=made.judging_usd,
            anew=len(made.anew),
            drift=_drift(suite, settings, made, before) if settings.refresh else None,
            batched=batched,
        ),
        made.broken_off,
    )


def _make_calls(
    project: Project, suite: Suite, settings: RecordSettings, store: LocalStore, progress: Progress
) -> tuple[Batched, CallsMade]:
    policies = policies_to_call(suite, anew=False)
    prices = {
        policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)
        for policy in policies
    }
    plan = PlanSettings(
        settings.start,
        recording=True,
        cover_deployments=settings.cover_deployments,
        remeasure=settings.remeasure,
        refresh=settings.refresh,
    )
    before_paying(project, suite, policies, prices, plan, settings.spending)
    batched, cap_usd = Batched(), settings.spending.cap_usd
    if settings.batch:
        known = committed_and_local(project, suite)
        needed = batches_needed(suite, policies, prices, known, cover=settings.cover_deployments)
        batched = call_batches(project, suite, needed, store, cap_usd, progress)
        cap_usd = with_less(cap_usd, batched)
    calling = Calling(
        project=project,
        suite=suite,
        policies=policies,
        prices=prices,
        store=store,
        purpose=purpose_of("record", suite, policies),
        known=committed_and_local(project, suite),
        cover_deployments=settings.cover_deployments,
        seed=settings.seed,
        anew=partial(_anew, suite, policies, settings),
        concurrency=settings.concurrency,
        cap_usd=cap_usd,
    )
    return batched, make_calls(calling, progress)


def _drift(suite: Suite, settings: RecordSettings, made: CallsMade, before: Recordings) -> Drift:
    """Compare what was called again with what was recorded, and mark the recordings that hold no longer."""
    cases = to_refresh(suite, settings.refresh, made.session)
    if not cases:
        why = "not refreshed: the cases of a stream depend on each other; --refresh 100% calls all of them"
        return Drift((), notes=(why,))
    if made.broken_off is not None or not made.digests:
        return Drift((), notes=("not compared: the calls were broken off",))
    policies = policies_to_call(suite, anew=False)
    after = committed(suite)
    drift = drift_of(Refreshed(suite, policies, cases, made.session, before, after, marks_of(suite)))
    write_marks(suite.folder / "recordings", drift.no_longer)
    return drift


def _anew(suite: Suite, policies: Sequence[Policy], settings: RecordSettings, session: str) -> frozenset[str]:
    """The cases to call whatever is known of them: to time both sides, and to see if recordings hold."""
    timed = to_remeasure(suite, policies, committed(suite), settings.remeasure, session)
    return timed | to_refresh(suite, settings.refresh, session)
