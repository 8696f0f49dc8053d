"""The calls of one suite that a run makes before it judges, and what they were judged from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from evalgate.core.errors import Interrupted
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Mode
from evalgate.core.spend import Spend
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.live.called import Called
from evalgate.pipeline.live.calling import Calling, CallsMade, make_calls
from evalgate.pipeline.measuring.recorded import committed_and_local, local_calls
from evalgate.pipeline.planning.paying import before_paying
from evalgate.pipeline.project.loading import policies_to_call
from evalgate.pipeline.project.places import store_file
from evalgate.pipeline.project.settings import PlanSettings, RunSettings
from evalgate.report.numbers import count, usd
from evalgate.store.local.store import GOES_ON_FOR, LocalStore
from evalgate.store.local.stored import StoredCalls
from evalgate.store.recordings import Recordings

if TYPE_CHECKING:
    from evalgate.pipeline.live.looking import Looking

_NOTHING = Recordings({}, ())


def call_suite(
    project: Project,
    suite: Suite,
    prices: Mapping[str, Mapping[str, Price]],
    settings: RunSettings,
    store: LocalStore,
    progress: Progress,
) -> Called:
    """Make the calls that ``settings`` need.

    Raises:
        SpendCapReached, ProviderRefused: not all of them could be made; those that were are kept.
        BadInput, CannotJudge: see :func:`~evalgate.pipeline.planning.paying.before_paying`, and the store.

    """
    live = settings.mode == "live"
    policies = policies_to_call(suite, anew=live)
    plan = PlanSettings(settings.start, mode=settings.mode)
    before_paying(project, suite, policies, prices, plan, settings.spending)
    known = known_before(project, suite, policies, store, settings.mode)
    looking, notes = _looking(suite, prices, settings, None if live else known.recordings)
    calls = make_calls(
        Calling(
            project,
            suite,
            policies,
            prices,
            store,
            known.purpose,
            known.recordings,
            rounds=None if looking is None else looking.rounds,
            concurrency=settings.concurrency,
            cap_usd=settings.spending.cap_usd,
            going_on=known.going_on if live else None,
            meanwhile=_import_judging,
        ),
        progress,
    )
    if calls.broken_off is not None and not isinstance(calls.broken_off, Interrupted):
        raise calls.broken_off
    return Called(
        known.after(project, suite, calls),
        calls.digests,
        calls.spend,
        looking,
        (*(notes if looking is None else (looking.note(),)), *known.notes(), *_possible(calls.spend)),
        calls.broken_off is not None,
    )


def _import_judging() -> None:
    import evalgate.pipeline.comparing.judgement  # noqa: F401, PLC0415  numpy takes a tenth of a second


@dataclass(frozen=True, slots=True)
class Known:
    """What is not called again; ``going_on`` are the sessions of a live run that was broken off."""

    purpose: str
    recordings: Recordings
    anew: bool = False
    going_on: frozenset[str] = frozenset()

    def after(self, project: Project, suite: Suite, calls: CallsMade) -> Recordings:
        """Return what to judge from once ``calls`` were made: everything, or of a live run its own calls."""
        if self.anew:
            kept = _only(project, self.going_on | {session for _, session in calls.found})
        else:
            kept = committed_and_local(project, suite)
        return kept if calls.unwritten is None else Recordings.union(calls.unwritten, kept)

    def notes(self) -> tuple[str, ...]:
        """Say which run was gone on with."""
        if not self.going_on:
            return ()
        sessions = ", ".join(sorted(self.going_on))
        return (f"went on with the live run that was broken off (session {sessions})",)


def known_before(
    project: Project, suite: Suite, policies: Sequence[Policy], store: LocalStore, mode: Mode
) -> Known:
    """Return what the calls of a run need not make: of a live one, only what it made before it broke off."""
    if mode != "live":
        return Known(purpose_of("run", suite, policies), committed_and_local(project, suite))
    purpose = purpose_of("live", suite, policies)
    going_on = _broken_off(project, purpose, store)
    return Known(purpose, _only(project, going_on), anew=True, going_on=going_on)


def purpose_of(verb: str, suite: Suite, policies: Sequence[Policy]) -> str:
    """Return what calls are for, told apart by everything that decides which calls they are."""
    return " ".join([verb, suite.name, suite.digest[:16], *sorted(policy.digest[:16] for policy in policies)])


def _broken_off(project: Project, purpose: str, store: LocalStore) -> frozenset[str]:
    """Return the sessions of the same live run that was broken off, unless somebody may still work on it."""
    if not store.alone:
        return frozenset()
    since = f"{datetime.now(UTC) - GOES_ON_FOR:%Y-%m-%dT%H:%M:%S.%fZ}"
    return StoredCalls(store_file(project.root)).unfinished(purpose, since)


def _only(project: Project, sessions: frozenset[str]) -> Recordings:
    found = local_calls(project, sessions) if sessions else None
    return _NOTHING if found is None else found


def _possible(spend: Spend) -> tuple[str, ...]:
    if not spend.possible_attempts:
        return ()
    attempts = count(spend.possible_attempts, "attempt")
    worst = "an amount nobody can bound" if spend.unknown else f"at most {usd(spend.possible_usd)}"
    return (f"{attempts} ended without telling tokens and may have been billed: {worst} of what was spent",)


def _looking(
    suite: Suite,
    prices: Mapping[str, Mapping[str, Price]],
    settings: RunSettings,
    known: Recordings | None,
) -> tuple["Looking | None", tuple[str, ...]]:
    if not settings.sequential:
        return None, ()
    from evalgate.pipeline.live.looking import Looking, why_not  # noqa: PLC0415  numpy

    reason = why_not(suite, known)
    return (None, (reason,)) if reason else (Looking(suite, prices, settings.mode), ())
