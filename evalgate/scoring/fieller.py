"""Ratios with an interval: Fieller's theorem (JRSS B 16, 1954, 175-185), one arm and two.

Cost per correct is ``sum(cost) / sum(correct)``. Its change between two arms is a ratio of ratios, made one
ratio by cross-multiplying: ``rho = (C1 Y0) / (C0 Y1)`` with means per case. No logarithm and no bootstrap:
where costs are skewed those pass a bad candidate twice as often.
"""

import math
from dataclasses import dataclass

import numpy as np

from evalgate.scoring.arrays import Floats
from evalgate.scoring.special import stdtrit

_UNBOUNDED = (0.0, math.inf)


@dataclass(frozen=True, slots=True)
class CostColumns:
    """Spend and correct answers of both arms, summed over the cases of each independent unit."""

    cost_before: Floats
    cost_after: Floats
    correct_before: Floats
    correct_after: Floats

    def with_copy(self, unit: int) -> "CostColumns":
        """Return the columns with one unit counted twice."""
        return CostColumns(
            *(
                np.append(column, column[unit])
                for column in (self.cost_before, self.cost_after, self.correct_before, self.correct_after)
            )
        )


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
    a, b, ratio = _influence(columns)
    residual = a - ratio * b
    low, high = _fieller(columns, alpha)
    if len(residual) > 1:
        high = max(high, _fieller(columns.with_copy(int(np.argmax(residual))), alpha)[1])
        low = min(low, _fieller(columns.with_copy(int(np.argmin(residual))), alpha)[0])
    squares = residual**2
    total = float(squares.sum())
    return RatioInterval(
        value=ratio,
        low=low,
        high=high,
        top_share=float(squares.max()) / total if total > 0 else 0.0,
        n_eff=total * total / float((squares**2).sum()) if total > 0 else float(len(squares)),
    )


def fieller_change(columns: CostColumns, alpha: float) -> tuple[float, float]:
    """Return Fieller's interval of the change ratio, without the worst copy."""
    return _fieller(columns, alpha)


def ratio_interval(top: Floats, bottom: Floats, alpha: float) -> tuple[float, float]:
    """Return the interval of ``sum(top) / sum(bottom)``, one number an independent unit in each.

    Roots of ``(B**2 - t**2 V_bb) r**2 - 2 (A B - t**2 V_ab) r + (A**2 - t**2 V_aa) = 0`` with means A and B.
    """
    units = len(top)
    if units < 2:
        return _UNBOUNDED
    return _roots(float(top.mean()), float(bottom.mean()), top - top.mean(), bottom - bottom.mean(), alpha)


def _influence(columns: CostColumns) -> tuple[Floats, Floats, float]:
    c0, c1 = columns.cost_before.mean(), columns.cost_after.mean()
    y0, y1 = columns.correct_before.mean(), columns.correct_after.mean()
    a = columns.cost_after * y0 + columns.correct_before * c1
    b = columns.cost_before * y1 + columns.correct_after * c0
    return a - a.mean(), b - b.mean(), float(c1 * y0 / (c0 * y1))


def _fieller(columns: CostColumns, alpha: float) -> tuple[float, float]:
    if len(columns.cost_before) < 2:
        return _UNBOUNDED
    a, b, _ = _influence(columns)
    top = float(columns.cost_after.mean() * columns.correct_before.mean())
    bottom = float(columns.cost_before.mean() * columns.correct_after.mean())
    return _roots(top, bottom, a, b, alpha)


def _roots(top: float, bottom: float, a: Floats, b: Floats, alpha: float) -> tuple[float, float]:
    units = len(a)
    t2 = float(stdtrit(units - 1, 1 - alpha)) ** 2 / (units * (units - 1))
    leading = bottom**2 - t2 * float(np.sum(b * b))
    if leading <= 0:
        return _UNBOUNDED
    middle = top * bottom - t2 * float(np.sum(a * b))
    constant = top**2 - t2 * float(np.sum(a * a))
    half = math.sqrt(max(middle**2 - leading * constant, 0.0))
    return max((middle - half) / leading, 0.0), max((middle + half) / leading, 0.0)
