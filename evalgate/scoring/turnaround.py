"""Answers of batch APIs: nobody waits for them, so they leave the latencies and have a deadline instead."""

from dataclasses import replace

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.columns import Columns
from evalgate.scoring.latency import Times, latency_change
from evalgate.scoring.methods.arrays import Bools
from evalgate.scoring.p95 import LEAST_CALLS, p95_change, p95_of
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.timed import timed
from evalgate.scoring.units import units_of

NO_BATCH = "no case is served by a batch API"
NOBODY_WAITS = "a batch API serves every case, so nobody waits for an answer"
_NOT_BEFORE = "the baseline has no batch API whose turnaround this could be compared with"
_NEVER_BOTH = "no case is answered while a user waits under both policies"
_DECLARED = "the turnaround is the completion window that the policy declares: no answer comes later"


def interactive(columns: Columns) -> Columns:
    """Return the requests for which a user waits."""
    if not columns.batched.any():
        return columns
    return _only(columns, columns.present & ~columns.batched)


def only_batched(columns: Columns) -> Columns:
    """Return the requests that a batch API answers."""
    return _only(columns, columns.present & columns.batched)


def interactive_pairs(pairs: Pairs) -> Pairs:
    """Return the requests for which a user waits under both policies."""
    batched = pairs.baseline.batched | pairs.candidate.batched
    if not batched.any():
        return pairs
    return _only_pairs(pairs, np.asarray(pairs.baseline.present & ~batched))


def without_batched(found: Change, pairs: Pairs, sides: tuple[Measured, Measured]) -> Change:
    """Return a change of latency, measured where a user waits on both sides, as one of the whole ``pairs``.

    ``sides`` are the two numbers over all requests for which a user waits on that side.
    """
    waiting = [interactive(side).n for side in (pairs.baseline, pairs.candidate)]
    found = replace(found, baseline=sides[0], candidate=sides[1])
    if not waiting[1]:
        nobody = Unmeasured(NOBODY_WAITS)
        return replace(found, candidate=nobody, change=nobody, method="none", nothing_because=NOBODY_WAITS)
    if not interactive_pairs(pairs).n:
        unknown = Unmeasured(_NEVER_BOTH)
        return replace(found, change=unknown, method="none", gated=False, not_gated_because=_NEVER_BOTH)
    left_out = pairs.n - found.n
    note = f"{left_out} of {pairs.n} cases are left out, as a batch API serves them on a side"
    return replace(found, assumptions=(*found.assumptions, note)) if left_out else found


def turnaround_of(columns: Columns, setting: Setting) -> Measured:
    """Return the P95 of recorded turnarounds; where they are not recorded, the longest window.

    The window is a promise, so it has no interval: the provider answers within it or not at all, and what it
    does not answer has failed.
    """
    served = only_batched(columns)
    if not served.n:
        return Unmeasured(NO_BATCH)
    if _recorded(served):
        return p95_of(served, setting, "turnaround")
    longest = float(served.batch_window_s.max())
    return setting.estimate(longest, (longest, longest), "declared")


def turnaround_change(pairs: Pairs, setting: Setting, sessions: frozenset[str]) -> Change:
    """Return the relative change of the turnaround; there is none where a side has no batch API."""
    both = _only_pairs(pairs, pairs.baseline.present & pairs.baseline.batched & pairs.candidate.batched)
    if both.n and _recorded(both.baseline) and _recorded(both.candidate):
        times = timed(both, sessions)
        found = p95_change(times.pairs, setting, times.gate_reason, "turnaround")
        return replace(found, nothing_because="", assumptions=(*found.assumptions, *times.notes))
    before, after = (turnaround_of(side, setting) for side in (pairs.baseline, pairs.candidate))
    change = _promised(pairs, before, after, setting)
    found = latency_change(
        pairs, units_of(pairs.baseline), Times("turnaround", before, after, change), setting, ""
    )
    return _told(found, pairs.candidate, both=isinstance(before, Estimate))


def promised(served: Columns) -> tuple[str, ...]:
    """Return that the turnaround of what a batch API served is only promised, where it is."""
    return () if not served.n or _recorded(served) else (_DECLARED,)


def _recorded(served: Columns) -> bool:
    calls = int(served.present.sum())
    return calls >= LEAST_CALLS and bool(served.batch_timed[served.present].all())


def _promised(pairs: Pairs, before: Measured, after: Measured, setting: Setting) -> Measured:
    sides = (pairs.baseline, pairs.candidate)
    windows, known = ([getattr(side, name) for side in sides] for name in ("batch_window_s", "batch_timed"))
    if np.array_equal(*windows) and np.array_equal(*known):
        return setting.estimate(0.0, (0.0, 0.0), "identical")
    if isinstance(before, Unmeasured):
        return Unmeasured(_NOT_BEFORE)
    if isinstance(after, Unmeasured):
        return after
    ratio = after.value / before.value - 1
    return setting.estimate(ratio, (ratio, ratio), "declared")


def _told(change: Change, candidate: Columns, *, both: bool) -> Change:
    served = only_batched(candidate)
    told = replace(
        change,
        n=served.n,
        clusters=served.n,
        affected=served.n,
        mismeasured_because="",
        assumptions=promised(served),
        sd=None,
    )
    if not served.n:
        return replace(told, nothing_because=NO_BATCH)
    if not both:
        return replace(told, gated=False, not_gated_because=_NOT_BEFORE)
    return told


def _only(columns: Columns, counted: Bools) -> Columns:
    return replace(columns, present=counted).take(np.asarray(counted.any(axis=1)))


def _only_pairs(pairs: Pairs, counted: Bools) -> Pairs:
    sides = (replace(side, present=counted) for side in (pairs.baseline, pairs.candidate))
    baseline, candidate = sides
    return replace(pairs, baseline=baseline, candidate=candidate).take(np.asarray(counted.any(axis=1)))
