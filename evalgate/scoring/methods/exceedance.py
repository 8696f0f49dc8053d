"""Ratio of two P95s, by a paired exceedance test turned into an interval.

For a hypothesised ratio r the candidate's times are divided by r and both arms pooled. If r is right, both
arms exceed the pooled P95 equally often; who exceeds it on one side only is judged like McNemar's
discordant pairs, with the mid-p value (Fagerland, Lydersen, Laake, BMC Medical Research Methodology 13,
2013, 91). No density is estimated, nothing is resampled, ties are harmless.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evalgate.scoring.methods.arrays import Floats, Ints
from evalgate.scoring.methods.roots import last_true
from evalgate.scoring.methods.special import bdtr, ndtr

SLOW_SHARE = 0.05
_TOLERANCE = 1e-7  # of the logarithm of the ratio


@dataclass(frozen=True, slots=True)
class Calls:
    """The times of both arms, one number a call in each, in the same order.

    ``units`` numbers the independent unit (case or group) of each call from 0. ``weights`` is None when all
    calls weigh the same. ``single`` says that every unit holds one call.
    """

    before_s: Floats
    after_s: Floats
    units: Ints
    weights: Floats | None
    single: bool


@dataclass(frozen=True, slots=True)
class SlowCounts:
    """Independent units that are slower than the pooled P95 (more often) in one arm than in the other."""

    only_before: int
    only_after: int


def slow_counts(calls: Calls) -> SlowCounts:
    """Return how many units are slow with one side only, at a ratio of one."""
    excess = _excess(calls, 1.0)
    return SlowCounts(int((excess > 0).sum()), int((excess < 0).sum()))


def ratio_limits(calls: Calls, alpha: float) -> tuple[float, float]:
    """Return the ratios (after / before) that the exceedance test does not reject, at ``alpha`` per side.

    Unbounded (0 or infinity) where even the most extreme ratio cannot be rejected: below 40 calls per arm.
    """
    times = np.concatenate((calls.before_s, calls.after_s))
    times = times[times > 0]
    if len(times) == 0:
        return 0.0, math.inf
    reach = math.log(float(times.max() / times.min())) + 1.0
    high = _limit(lambda log_r: p_too_high(calls, math.exp(log_r)) > alpha, reach)
    low = _limit(lambda log_r: p_too_low(calls, math.exp(-log_r)) > alpha, reach)
    return math.exp(-low), math.exp(high)


def p_too_high(calls: Calls, ratio: float) -> float:
    """Return the p-value of "the true ratio is at least ``ratio``"; small means that it is lower."""
    return _p(_excess(calls, ratio), calls)


def p_too_low(calls: Calls, ratio: float) -> float:
    """Return the p-value of "the true ratio is at most ``ratio``"; small means that it is higher."""
    return _p(-_excess(calls, ratio), calls)


def _limit(not_rejected: Callable[[float], bool], reach: float) -> float:
    if not_rejected(reach):
        return math.inf
    if not not_rejected(-reach):
        return -math.inf
    return last_true(not_rejected, -reach, reach, _TOLERANCE)


def _excess(calls: Calls, ratio: float) -> Floats:
    """Exceedances of the pooled P95 before, minus after at this ratio, summed over each unit."""
    before, after = calls.before_s, calls.after_s / ratio
    slow = _slow_value(before, after, calls.weights)
    excess = (before > slow).astype(np.float64) - (after > slow)
    if calls.weights is not None:
        excess = excess * calls.weights
    return excess if calls.single else np.bincount(calls.units, weights=excess).astype(np.float64)


def _slow_value(before: Floats, after: Floats, weights: Floats | None) -> float:
    pooled = np.concatenate((before, after))
    if weights is None:
        rank = len(pooled) - 1 - round(SLOW_SHARE * len(pooled))
        return float(np.partition(pooled, rank)[rank])
    order = np.argsort(pooled)[::-1]
    above = np.cumsum(np.concatenate((weights, weights))[order])
    rank = int(np.argmin(np.abs(above - SLOW_SHARE * above[-1])))
    return float(pooled[order[min(rank + 1, len(order) - 1)]])


def _p(excess: Floats, calls: Calls) -> float:
    if calls.single and calls.weights is None:
        more, less = int((excess > 0).sum()), int((excess < 0).sum())
        up_to = float(bdtr(float(less), more + less, 0.5))
        below = float(bdtr(float(less - 1), more + less, 0.5)) if less else 0.0
        return (below + up_to) / 2
    size = float(excess @ excess)
    return float(ndtr(-excess.sum() / math.sqrt(size))) if size > 0 else 0.5
