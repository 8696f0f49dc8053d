"""Intervals of one policy's own share and P95, by which absolute limits are judged."""

import math
from bisect import bisect_left, bisect_right

import numpy as np

from evalgate.scoring.methods.arrays import Floats, Ints
from evalgate.scoring.methods.roots import last_true
from evalgate.scoring.methods.special import bdtr, ndtri


def wilson_interval(successes: float, n: int, alpha: float) -> tuple[float, float]:
    """Return the score interval of a share (Wilson, JASA 22, 1927, 209-212), ``alpha`` on each side."""
    z = float(ndtri(1 - alpha))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(centre - half, 0.0)
    high = 1.0 if successes == n else min(centre + half, 1.0)
    return low, high


def exact_interval(successes: int, n: int, alpha: float) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper and Pearson, Biometrika 26, 1934, 404-413).

    ``alpha`` on each side: no share outside it would show as many or as few successes more often. Without
    any success the upper end is ``1 - alpha**(1 / n)``: 299 tries put it below 1 % at ``alpha`` 0.05.
    """
    low = last_true(lambda p: 1 - bdtr(successes - 1, n, p) <= alpha, 0.0, 1.0) if successes else 0.0
    high = last_true(lambda p: bdtr(successes, n, p) >= alpha, 0.0, 1.0) if successes < n else 1.0
    return low, high


def quantile_interval(values: Floats, share: float, alpha: float) -> tuple[float, float]:
    """Return the interval of a quantile between two order statistics, ``alpha`` on each side, exactly.

    "At most k of n values lie below the quantile" is binomial (Conover, Practical Nonparametric Statistics,
    1999, section 3.2). A side that no order statistic can bound is infinite: above a P95 needs 59 values.
    """
    n = len(values)
    ranked = np.sort(values)
    low_rank, high_rank = quantile_ranks(n, share, alpha)
    low = float(ranked[low_rank - 1]) if low_rank >= 1 else -math.inf
    high = float(ranked[high_rank - 1]) if high_rank <= n else math.inf
    return low, high


def clustered_quantile_interval(
    values: Floats, units: Ints, weights: Floats, share: float, alpha: float
) -> tuple[float, float]:
    """Return the interval of a quantile of values that come in dependent units (repeats, groups).

    As :func:`quantile_interval` with the effective number of values, ``p (1 - p)`` over the clustered
    variance of the share below the quantile (Korn and Graubard, Survey Methodology 24, 1998, 193-201).
    ``units`` counts from 0.
    """
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    cumulated = np.cumsum(weights[order])
    shares = cumulated / cumulated[-1]
    middle = ranked[min(int(np.searchsorted(shares, share)), len(ranked) - 1)]
    parts = np.bincount(units, weights=weights * ((values <= middle) - share))
    variance = float(parts @ parts) / float(cumulated[-1]) ** 2
    most = float(weights.sum() ** 2 / (weights**2).sum())
    n_eff = max(int(min(most, share * (1 - share) / variance)) if variance > 0 else int(most), 1)
    low_rank, high_rank = quantile_ranks(n_eff, share, alpha)
    low = _value_at(ranked, shares, low_rank / n_eff) if low_rank >= 1 else -math.inf
    high = _value_at(ranked, shares, high_rank / n_eff) if high_rank <= n_eff else math.inf
    return low, high


def quantile_ranks(n: int, share: float, alpha: float) -> tuple[int, int]:
    """Return the ranks, from 1, of the order statistics that bound a quantile; 0 and n + 1 mean unbounded."""
    ranks = range(n)
    low = bisect_right(ranks, alpha, key=lambda rank: bdtr(rank, n, share))
    high = bisect_left(ranks, 1 - alpha, key=lambda rank: bdtr(rank, n, share))
    return low, high + 1


def _value_at(ranked: Floats, shares: Floats, share: float) -> float:
    return float(ranked[min(int(np.searchsorted(shares, share - 1e-12)), len(ranked) - 1)])
