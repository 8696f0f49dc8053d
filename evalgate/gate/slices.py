"""The tripwire over every slice: a proven drop somewhere, not a proof that no slice dropped.

Asking each of eight slices to prove that it did not get worse passes an unchanged candidate 7 % of the time.
A slice fails only if it got worse at all beyond chance, Holm's correction over all slices included, and its
estimated drop is over the slice budget; then an unchanged candidate is blocked at most 2 % of the time.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

from evalgate.core.budgets import Limit
from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate
from evalgate.core.verdict import Check
from evalgate.gate.limits import LEAST_SLICE, Finding, check_of, identical, judge_limit, worsening
from evalgate.gate.wording import allowance, interval, movement, subject

EVERY_SLICE = "*"


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted for their number (Holm, Scandinavian Journal of Statistics 6, 1979, 65-70).

    The k-th smallest of m is multiplied by ``m - k + 1``, never falls below its predecessor, and stops at 1.
    """
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return tuple(adjusted)


def tripwire(limit: Limit, slices: Sequence[Change], alpha: float) -> tuple[Check, ...]:
    """Return one check a slice of the limit that holds for every slice.

    ``slices`` are the limited metric's changes. Slices under 30 cases and unmeasured ones are not part of
    the family that Holm's correction counts.
    """
    named = [replace(limit, slice=change.slice) for change in slices]
    watched = [
        index
        for index, change in enumerate(slices)
        if change.n >= LEAST_SLICE and _p_value(limit, change) is not None
    ]
    adjusted = dict(
        zip(watched, holm([_p_value(limit, slices[index]) or 0.0 for index in watched]), strict=True)
    )
    return tuple(
        check_of(
            named[index],
            change,
            _watch(named[index], change, adjusted[index], alpha)
            if index in adjusted
            else judge_limit(named[index], change, alpha),
        )
        for index, change in enumerate(slices)
    )


def _p_value(limit: Limit, change: Change) -> float | None:
    """The p-value of "this slice did not get worse", or of "it is not below the minimum"."""
    if limit.limit != "min":
        return change.p_no_worse if isinstance(change.change, Estimate) else None
    if not isinstance(change.candidate, Estimate):
        return None
    # The score test of a share: its standard error is the one under the hypothesis (Wilson).
    se = math.sqrt(limit.allowance * (1 - limit.allowance) / max(change.clusters, 1))
    gap = change.candidate.value - limit.allowance
    return NormalDist().cdf(gap / se) if se > 0 else float(gap >= 0)


def _watch(limit: Limit, change: Change, adjusted: float, alpha: float) -> Finding:
    if limit.limit == "min":
        return _watch_level(limit, change, adjusted, alpha)
    if identical(change) or not isinstance(change.change, Estimate):
        return judge_limit(limit, change, alpha)
    measured = change.change
    inside = worsening(measured.value, limit) <= limit.allowance
    moved = f"{subject(limit)} {movement(measured, change.scale)}"
    if adjusted <= alpha and not inside:
        reason = f"{moved}, slice budget {allowance(limit)} (p {adjusted:.2g} after Holm's correction)"
        return Finding("fail", reason, inside=False)
    if inside:
        return Finding("pass", f"{moved}, inside the slice budget of {allowance(limit)}", inside=True)
    reason = f"{moved}, which may be chance (p {adjusted:.2g} after Holm's correction)"
    return Finding("pass", reason, inside=False)


def _watch_level(limit: Limit, change: Change, adjusted: float, alpha: float) -> Finding:
    assert isinstance(change.candidate, Estimate)
    stands = f"{subject(limit)} is {interval(change.candidate, limit)}, minimum {allowance(limit)}"
    inside = change.candidate.value >= limit.allowance
    if adjusted <= alpha and not inside:
        return Finding("fail", f"{stands} (p {adjusted:.2g} after Holm's correction)", inside=False)
    return Finding("pass", stands if inside else f"{stands}, which may be chance", inside=inside)
