"""Refreshing: a share of what is recorded is called again, and compared with what was recorded."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalgate.core.calls import Attempt
from evalgate.core.drift import Drift, PolicyDrift
from evalgate.core.errors import CannotJudge
from evalgate.core.numbers import Estimate
from evalgate.core.outcome import Graded
from evalgate.core.policy import Policy
from evalgate.core.run import Run
from evalgate.core.suite import Suite
from evalgate.pipeline.comparing.bench import manifest_of
from evalgate.pipeline.measuring.judging import SuiteJudge
from evalgate.pipeline.measuring.measure import measure
from evalgate.pipeline.measuring.walk import walk
from evalgate.pipeline.planning.budget_power import ASSUMED
from evalgate.scoring.aa import flip_rate
from evalgate.scoring.columns import columns_of
from evalgate.scoring.drift import DRIFT_ALPHA, drift_p, flipped
from evalgate.store.recordings import Recordings
from evalgate.store.replay import ReplayCaller


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A suite whose ``cases`` were called again in ``session``: what was recorded before, and what is now."""

    suite: Suite
    policies: Sequence[Policy]
    cases: frozenset[str]
    session: str
    before: Recordings
    after: Recordings
    marks: Mapping[str, str]


def drift_of(refreshed: Refreshed) -> Drift:
    """Return whether the recordings hold; marks made earlier stay as long as their sessions are used."""
    found: list[PolicyDrift] = []
    no_longer = dict(refreshed.marks)
    served: Counter[str] = Counter()
    notes: list[str] = []
    for policy in refreshed.policies:
        part = _part(refreshed, policy)
        served.update(_served_otherwise(refreshed, part, policy))
        try:
            recorded = _graded(part, policy, ReplayCaller(refreshed.before))
            anew = _graded(part, policy, ReplayCaller(refreshed.after, refreshed.session))
        except CannotJudge as error:
            first = str(error).partition("\n")[0]
            notes.append(f"{policy.name} was not compared with its recordings: {first}")
            continue
        drift = _policy_drift(refreshed, policy, *flipped(recorded, anew))
        found.append(drift)
        if drift.p < DRIFT_ALPHA / len(refreshed.policies):
            why = _why(refreshed, drift)
            steps = (step for graded in recorded for step in graded.outcome.steps)
            no_longer |= dict.fromkeys((step.session for step in steps), why)
    used = _used(refreshed)
    kept = {session: why for session, why in no_longer.items() if session in used}
    told = tuple(f"{said} on {count:,} of the calls made anew" for said, count in served.most_common())
    return Drift(tuple(found), told, kept, tuple(notes))


def _part(refreshed: Refreshed, policy: Policy) -> Suite:
    """The cases that were called again and had been recorded."""
    suite = refreshed.suite
    part = replace(suite, cases=tuple(case for case in suite.cases if case.id in refreshed.cases))
    missing = walk(part, policy, refreshed.before, succeeding=True).missing_cases
    return replace(part, cases=tuple(case for case in part.cases if case.id not in missing))


def _graded(suite: Suite, policy: Policy, caller: ReplayCaller) -> tuple[Graded, ...]:
    return measure(suite, policy, {}, lambda _: caller, SuiteJudge(suite, {}))


def _policy_drift(refreshed: Refreshed, policy: Policy, cases: int, flips: int) -> PolicyDrift:
    rate, basis = _rate(refreshed, policy)
    return PolicyDrift(policy.name, cases, flips, rate, basis, drift_p(flips, cases, rate))


def _rate(refreshed: Refreshed, policy: Policy) -> tuple[float, str]:
    """How often two trials disagree, at the upper end of what the recorded trials allow."""
    suite = refreshed.suite
    if suite.trials > 1:
        try:
            results = _graded(suite, policy, ReplayCaller(refreshed.before))
        except CannotJudge:
            return ASSUMED, "assumed, as not all trials are recorded"
        run = Run(manifest_of(suite, policy, {}, (), mode="replay"), results)
        found = flip_rate(columns_of(run), suite.rules.alpha)
        if isinstance(found, Estimate):
            return found.high, f"at most, by {suite.trials} recorded trials"
    return ASSUMED, "assumed, as one trial is recorded"


def _why(refreshed: Refreshed, drift: PolicyDrift) -> str:
    when = refreshed.after.sessions[refreshed.session].started_at[:10]
    return (
        f"on {when} {drift.flips} of {drift.cases} answers of {drift.policy} were judged otherwise than "
        f"recorded, where {drift.rate:.1%} differ from trial to trial ({drift.basis}; p {drift.p:.2g})"
    )


def _used(refreshed: Refreshed) -> frozenset[str]:
    """The sessions that a replay of the whole suite would answer from now."""
    used: set[str] = set()
    for policy in refreshed.policies:
        for digest in walk(refreshed.suite, policy, refreshed.after, succeeding=True).needed:
            used.update(refreshed.after.sessions_of(digest)[:1])
    return frozenset(used)


def _served_otherwise(refreshed: Refreshed, part: Suite, policy: Policy) -> list[str]:
    """What providers say of the model that served, where it is not what they said when recorded."""
    walked = walk(part, policy, refreshed.before, succeeding=True)
    said: list[str] = []
    for digest in walked.needed:
        before, after = refreshed.before.find(digest), refreshed.after.find(digest, refreshed.session)
        if before is None or after is None or after.session != refreshed.session:
            continue
        alias = walked.deployment.get(digest, "")
        said += _changes(alias, before.attempts[-1], after.attempts[-1])
    return said


def _changes(alias: str, before: Attempt, after: Attempt) -> list[str]:
    told = (
        ("served model", before.model_served, after.model_served),
        ("fingerprint", before.fingerprint, after.fingerprint),
    )
    return [f"{alias}: {what} {old} → {new}" for what, old, new in told if old and new and old != new]
