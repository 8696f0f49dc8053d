"""A share of cases that is better small, on one side and as it moves between two."""

import numpy as np

from evalgate.core.numbers import Estimate
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.one_arm import exact_interval
from evalgate.scoring.methods.pseudo_case import difference_interval, share_interval
from evalgate.scoring.methods.tango import tango_interval
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import Units


def share_of(values: Floats, units: Units, setting: Setting) -> Estimate:
    """Return the mean of one number in [0, 1] a case.

    Plain counts get the exact interval, by which 149 cases without any put a share below 2 %; groups, weights
    and trials get the t interval of :func:`share_interval`.
    """
    n = len(values)
    if units.plain and _whole(values):
        count = int(values.sum())
        return setting.estimate(count / n, exact_interval(count, n, setting.alpha), "exact")
    found = share_interval(units.sums(values), units.sizes, setting.alpha)
    return setting.estimate(found.value, (found.low, found.high), "pseudo_case_t")


def rise_of(moved: Floats, units: Units, setting: Setting) -> tuple[Estimate, float]:
    """Return the mean of one number in [-1, 1] a case, how much its share rose, and a unit's deviation."""
    n = len(moved)
    if units.plain and _whole(moved):
        up, down = int((moved > 0).sum()), int((moved < 0).sum())
        limits = tango_interval(down, up, n, setting.alpha)
        # Half a case more than seen, as for accuracy: a suite without a move is not one that cannot move.
        sd = float(np.sqrt(max((up + down + 0.5) / (n + 1) - ((up - down) / n) ** 2, 0.0)))
        return setting.estimate((up - down) / n, limits, "tango"), sd
    found = difference_interval(units.sums(moved), units.sizes, setting.alpha)
    return setting.estimate(found.value, (found.low, found.high), "pseudo_case_t"), found.sd


def _whole(values: Floats) -> bool:
    return bool(np.isin(values, (-1.0, 0.0, 1.0)).all())
