"""Ratios with an interval: Fieller's theorem (JRSS B 16, 1954, 175-185), one arm and two.

Cost per correct is ``sum(cost) / sum(correct)``. Its change between two arms is a ratio of ratios, made one
ratio by cross-multiplying: ``rho = (C1 Y0) / (C0 Y1)`` with means per case. No logarithm and no bootstrap:
where costs are skewed those pass a bad candidate twice as often.
"""

import math
from dataclasses import dataclass

import numpy as np

from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.special import ndtri, stdtrit

_UNBOUNDED = (0.0, math.inf)


@dataclass(frozen=True, slots=True)
class CostColumns:
    """Spend and correct answers of both arms, summed over the cases of each independent unit."""

    cost_before: Floats
    cost_after: Floats
    correct_before: Floats
    correct_after: Floats


@dataclass(frozen=True, slots=True)
class RatioInterval:
    """A ratio with its interval (0 or infinity where unbounded).

    ``top_share`` is the largest unit's share of the variance, ``n_eff`` how many equal units would give it:
    ``(sum w**2)**2 / sum w**4``. A few units that decide everything make any interval a guess.
    """

    value: float
    low: float
    high: float
    top_share: float
    n_eff: float


def change_interval(columns: CostColumns, alpha: float) -> RatioInterval:
    """Return the interval of (cost per correct after) / (cost per correct before).

    Each limit is the wider of Fieller on the data and Fieller on the data with one more copy of the unit
    that speaks most against it: the upper limit as if one more case like the worst one had been drawn, the
    lower one as if one more like the best. That repairs most of what skewed costs do to the coverage. Both
    arms need cost and a correct answer (a ratio of at least 0 and a defined denominator).
    """
    moments = _moments_of(columns)
    residual = _residuals(columns, moments)
    low, high = _limits(moments, alpha)
    if moments.units > 1:
        worst, best = (_with_copy(moments, columns, int(pick(residual))) for pick in (np.argmax, np.argmin))
        low, high = min(low, _limits(best, alpha)[0]), max(high, _limits(worst, alpha)[1])
    squares = residual**2
    total = float(squares.sum())
    return RatioInterval(
        value=moments.top / moments.bottom,
        low=low,
        high=high,
        top_share=float(squares.max()) / total if total > 0 else 0.0,
        n_eff=total * total / float((squares**2).sum()) if total > 0 else float(len(squares)),
    )


def log_sd(found: RatioInterval, units: int, alpha: float) -> float | None:
    """Return the deviation of one unit on the logarithm of the ratio; None for an unbounded interval."""
    if found.low <= 0 or math.isinf(found.high):
        return None
    half = (math.log(found.high) - math.log(found.low)) / 2
    return half / float(ndtri(1 - alpha)) * math.sqrt(units)


def fieller_change(columns: CostColumns, alpha: float) -> tuple[float, float]:
    """Return Fieller's interval of the change ratio, without the worst copy."""
    return _limits(_moments_of(columns), alpha)


def ratio_interval(top: Floats, bottom: Floats, alpha: float) -> tuple[float, float]:
    """Return the interval of ``sum(top) / sum(bottom)``, one number an independent unit in each.

    Roots of ``(B**2 - t**2 V_bb) r**2 - 2 (A B - t**2 V_ab) r + (A**2 - t**2 V_aa) = 0`` with means A and B.
    """
    units = len(top)
    if units < 2:
        return _UNBOUNDED
    x, y = top - top.mean(), bottom - bottom.mean()
    scatter = np.array([[np.sum(x * x), np.sum(x * y)], [np.sum(x * y), np.sum(y * y)]])
    return _roots(float(top.mean()), float(bottom.mean()), scatter, units, alpha)


def ratio_interval_of_moments(
    means: tuple[float, float], scatter: Floats, units: int, alpha: float
) -> tuple[float, float]:
    """Return :func:`ratio_interval` from the means of top and bottom and their centred sums of products."""
    return _roots(means[0], means[1], scatter, units, alpha)


@dataclass(frozen=True, slots=True)
class _Moments:
    """Means and centred sums of products of cost before, cost after, correct before, correct after."""

    units: int
    means: Floats
    scatter: Floats

    @property
    def top(self) -> float:
        return float(self.means[1] * self.means[2])

    @property
    def bottom(self) -> float:
        return float(self.means[0] * self.means[3])


def _table(columns: CostColumns) -> Floats:
    return np.stack((columns.cost_before, columns.cost_after, columns.correct_before, columns.correct_after))


def _moments_of(columns: CostColumns) -> _Moments:
    table = _table(columns)
    centred = table - table.mean(axis=1, keepdims=True)
    scatter = np.array([[np.sum(row * other) for other in centred] for row in centred])
    return _Moments(table.shape[1], table.mean(axis=1), scatter)


def _with_copy(moments: _Moments, columns: CostColumns, unit: int) -> _Moments:
    """The moments with one unit counted twice, by the update of Welford (Technometrics 4, 1962, 419-420)."""
    units = moments.units + 1
    off = _table(columns)[:, unit] - moments.means
    scatter = moments.scatter + np.outer(off, off) * (moments.units / units)
    return _Moments(units, moments.means + off / units, scatter)


def _gradients(means: Floats) -> Floats:
    """How the two cross-products move with cost before, cost after, correct before, correct after."""
    c0, c1, y0, y1 = means
    return np.array([[0.0, y0, c1, 0.0], [y1, 0.0, 0.0, c0]])


def _residuals(columns: CostColumns, moments: _Moments) -> Floats:
    top, bottom = _gradients(moments.means)
    off = _table(columns) - moments.means[:, np.newaxis]
    return np.asarray((top - moments.top / moments.bottom * bottom) @ off)


def _limits(moments: _Moments, alpha: float) -> tuple[float, float]:
    if moments.units < 2:
        return _UNBOUNDED
    gradients = _gradients(moments.means)
    scatter = gradients @ moments.scatter @ gradients.T
    return _roots(moments.top, moments.bottom, scatter, moments.units, alpha)


def _roots(top: float, bottom: float, scatter: Floats, units: int, alpha: float) -> tuple[float, float]:
    t2 = stdtrit(units - 1, 1 - alpha) ** 2 / (units * (units - 1))
    leading = bottom**2 - t2 * float(scatter[1, 1])
    if leading <= 0:
        return _UNBOUNDED
    middle = top * bottom - t2 * float(scatter[0, 1])
    constant = top**2 - t2 * float(scatter[0, 0])
    half = math.sqrt(max(middle**2 - leading * constant, 0.0))
    return max((middle - half) / leading, 0.0), max((middle + half) / leading, 0.0)
