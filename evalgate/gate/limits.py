"""One limit judged against one change: pass, fail or inconclusive, and whether that blocks."""

from dataclasses import dataclass, replace

from evalgate.core.budgets import Limit
from evalgate.core.comparison import Change, OtherState
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.verdict import Check, Verdict
from evalgate.gate import cases_needed
from evalgate.gate.wording import allowance, at_least, interval, level, movement, subject

LEAST_SLICE = 30
"""A slice of fewer cases is shown and never judged."""

# A deterministic rise of exactly the allowance must not fail by the last bit of a float.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Finding:
    """What the data say about one limit, before it is known whether that blocks.

    ``inside`` tells whether the point estimate is inside the allowance; None without an estimate.
    """

    verdict: Verdict
    reason: str
    inside: bool | None = None
    gated: bool = True
    cases_needed: int | None = None


def judge_limit(limit: Limit, change: Change, alpha: float) -> Finding:
    """Return what ``change`` says about ``limit`` by its interval.

    A cost that rests on predicted prompt caches must come out alike with cold and with warm ones, unless the
    suite declares which counts.
    """
    found = _judge_in_its_state(limit, change, alpha)
    other = change.other_state
    if other is None:
        return found
    return _in_both_states(limit, found, _judge_in_its_state(limit, other.change, alpha), other)


def _in_both_states(limit: Limit, found: Finding, again: Finding, other: OtherState) -> Finding:
    state, name = other.state, "warm" if other.state == "cold" else "cold"
    if other.declared or found.verdict == again.verdict:
        return replace(found, reason=f"{found.reason}; with {name} prompt caches, {again.reason}")
    said = {"pass": "holds", "fail": "breaks", "inconclusive": "leaves open"}
    return replace(
        found,
        verdict="inconclusive",
        reason=f"{subject(limit)} {said[found.verdict]} its budget with {state} prompt caches and "
        f"{said[again.verdict]} it with {name} ones; {state}: {found.reason}; {name}: {again.reason}; "
        f"prompt_cache: {state} or {name} in suite.yaml says which decides",
        inside=None if found.inside is None or again.inside is None else found.inside and again.inside,
    )


def _judge_in_its_state(limit: Limit, change: Change, alpha: float) -> Finding:
    absolute = limit.limit in {"min", "max"}
    if change.nothing_because:
        return Finding("pass", f"{subject(limit)}: {change.nothing_because}", inside=True)
    if _too_small(limit, change) and (absolute or not identical(change)):
        more = LEAST_SLICE - change.n
        reason = f"{subject(limit)}: {change.n} cases; it takes {LEAST_SLICE} to judge a slice, {more} more"
        return Finding("inconclusive", reason, gated=False, cases_needed=LEAST_SLICE)
    if absolute:
        return _judge_level(limit, change, alpha)
    if isinstance(change.change, Unmeasured):
        reason = f"{subject(limit)} was not measured: {change.change.reason}"
        return Finding("inconclusive", reason, gated=change.gated)
    if identical(change):
        return Finding("pass", f"{subject(limit)} is identical by construction", inside=True)
    return _judge_change(limit, change, change.change, alpha)


def _too_small(limit: Limit, change: Change) -> bool:
    # A critical slice that lost all its cases must not slip through as merely small.
    return limit.slice is not None and change.n < LEAST_SLICE and not (limit.critical and change.n == 0)


def check_of(limit: Limit, change: Change, finding: Finding) -> Check:
    """Return the judged limit, with what follows from its verdict under ``on_inconclusive``."""
    blocked = blocks(limit, finding)
    reason = finding.reason
    if blocked and finding.verdict == "inconclusive":
        reason = f"{reason}; {_why_blocked(limit, finding)}"
    judged = change.candidate if limit.limit in {"min", "max"} else change.change
    return Check(
        metric=limit.metric,
        slice=limit.slice,
        limit=limit.limit,
        allowance=limit.allowance,
        unit=limit.unit,
        scale=limit.scale,
        verdict=finding.verdict,
        blocked=blocked,
        gated=finding.gated,
        on_inconclusive=limit.on_inconclusive,
        reason=reason,
        baseline=change.baseline,
        candidate=change.candidate,
        change=change.change,
        method=judged.method if isinstance(judged, Estimate) else "none",
        level=change.level,
        n=change.n,
        clusters=change.clusters,
        trials=change.trials,
        affected=change.affected,
        losses=change.losses,
        gains=change.gains,
        cases_needed=finding.cases_needed,
        assumptions=change.assumptions,
    )


def blocks(limit: Limit, finding: Finding) -> bool:
    """Return whether a finding blocks: proven failure always, the rest as ``on_inconclusive`` says."""
    if finding.verdict != "inconclusive":
        return finding.verdict == "fail"
    if limit.on_inconclusive == "block" or not finding.gated:
        return limit.on_inconclusive == "block"
    return limit.on_inconclusive == "estimate" and not finding.inside


def identical(change: Change) -> bool:
    """Return whether nothing that this metric sees differs between the sides."""
    return isinstance(change.change, Estimate) and change.change.method == "identical"


def worsening(change: float, limit: Limit) -> float:
    """Return a change of the metric as what the limit allows some of: a drop or a rise."""
    return -change if limit.limit == "max_drop" else change


def _judge_change(limit: Limit, change: Change, measured: Estimate, alpha: float) -> Finding:
    moved = f"{subject(limit)} {movement(measured, change.scale)}"
    inside = worsening(measured.value, limit) <= limit.allowance + _ROUNDING
    if not change.gated:
        return Finding("inconclusive", f"{moved}, not gated: {change.not_gated_because}", inside, gated=False)
    if change.mismeasured_because:
        return Finding("inconclusive", f"{moved}, not to be trusted: {change.mismeasured_because}")
    budget = allowance(limit)
    verdict = "inconclusive" if change.undecided_because else _verdict(measured, limit)
    if verdict == "fail":
        return Finding("fail", _proven_worse(limit, measured, change), inside=False)
    if verdict == "pass" and (rescued := change.failed_right) and _verdict(rescued, limit) != "pass":
        reason = (
            f"{moved}, which holds the budget of {budget} only while failed cases count as wrong; "
            f"counted right, it {_moved(rescued, change)}; answers to the failed cases would decide, "
            "so record them again"
        )
        return Finding("inconclusive", reason, inside)
    if verdict == "pass":
        return Finding("pass", f"{moved}, inside the budget of {budget}", inside=True)
    needed = cases_needed.for_change(change, limit, alpha)
    why = change.undecided_because or f"the budget of {budget} is neither held nor broken"
    trials = None if change.undecided_because else cases_needed.trials_for_change(change, limit, alpha)
    reason = f"{moved}: {why}; {_cure(needed, change, trials)}"
    return Finding("inconclusive", reason, inside, cases_needed=needed)


def _judge_level(limit: Limit, change: Change, alpha: float) -> Finding:
    measured = change.candidate
    needed = _level_needs(measured, change, limit, alpha)
    if isinstance(measured, Unmeasured):
        reason = f"{subject(limit)} was not measured: {measured.reason}"
        if needed is not None:
            reason = f"{reason}; {_cure(needed, change)}"
        return Finding("inconclusive", reason, cases_needed=needed)
    edge = f"{'minimum' if limit.limit == 'min' else 'maximum'} {allowance(limit)}"
    stands = f"{subject(limit)} is {interval(measured, limit)}"
    low, high = measured.low - limit.allowance, measured.high - limit.allowance
    if limit.limit == "max":
        low, high = -high, -low
    inside = (
        (measured.value >= limit.allowance) if limit.limit == "min" else measured.value <= limit.allowance
    )
    if low >= -_ROUNDING * limit.allowance:
        # Also of times taken by a busy evalgate: the true ones are shorter.
        return Finding("pass", f"{stands}, {edge} held", inside=True)
    if change.mismeasured_because:
        return Finding("inconclusive", f"{stands}, not to be trusted: {change.mismeasured_because}", inside)
    if high < 0:
        bound = level(measured.high if limit.limit == "min" else measured.low, limit)
        side = "at most" if limit.limit == "min" else "at least"
        return Finding("fail", f"{subject(limit)} is {side} {bound}, {edge}", inside=False)
    reason = f"{stands}: the {edge} is neither held nor broken; {_cure(needed, change)}"
    return Finding("inconclusive", reason, inside, cases_needed=needed)


def _level_needs(measured: Measured, change: Change, limit: Limit, alpha: float) -> int | None:
    if limit.metric == "false_hit_rate":
        return cases_needed.for_hits(measured, change.n, limit, alpha)
    if isinstance(measured, Unmeasured):
        return None
    return cases_needed.for_level(measured, change.n, limit, alpha)


def _verdict(measured: Measured, limit: Limit) -> Verdict:
    """Whole interval inside the allowance: pass; whole interval outside: fail (statistics of a margin)."""
    if isinstance(measured, Unmeasured):
        return "inconclusive"
    worst, best = sorted((worsening(measured.low, limit), worsening(measured.high, limit)), reverse=True)
    if worst <= limit.allowance + _ROUNDING:
        return "pass"
    return "fail" if best > limit.allowance + _ROUNDING else "inconclusive"


def _proven_worse(limit: Limit, measured: Estimate, change: Change) -> str:
    verb = "fell" if limit.limit == "max_drop" else "rose"
    proven = min(worsening(measured.low, limit), worsening(measured.high, limit))
    size = at_least(proven, limit.allowance, change.scale)
    return f"{subject(limit)} {verb} by at least {size}, budget {allowance(limit)}"


def _moved(measured: Measured, change: Change) -> str:
    if isinstance(measured, Unmeasured):
        return f"was not measured ({measured.reason})"
    return movement(measured, change.scale)


def _cure(needed: int | None, change: Change, trials: int | None = None) -> str:
    counted = "distinct labelled hits" if change.metric == "false_hit_rate" else "cases"
    if needed is None:
        return f"the estimate sits on the limit, so more {counted} will not decide"
    instead = f", or {trials} trials of each case," if trials else ""
    more = f" ({needed - change.n:,} more)" if change.n else ""
    return f"about {needed:,} {counted}{more}{instead} would decide"


def _why_blocked(limit: Limit, finding: Finding) -> str:
    if limit.on_inconclusive == "block":
        return "blocked, as only a proven pass may ship (on_inconclusive: block)"
    if finding.inside is None:
        return "blocked, as there is no estimate to go by (on_inconclusive: estimate)"
    return "blocked, as the estimate is outside (on_inconclusive: estimate)"
