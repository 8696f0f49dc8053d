"""Recovery: what part of the baseline's accuracy the candidate keeps, in all cases and in each slice.

The word of those who compress models: 97 % recovered of 90 % right is 87.3 % right. It is a ratio of two
shares over the same cases. Single right and wrong answers get the score interval of Nam and Blackwelder
(Statistics in Medicine 21, 2002, 689-699), which at a ratio of 1 is McNemar's test, as Tango's is for the
difference; so the two prove a loss together or not at all.
"""

import math
from collections.abc import Callable

from evalgate.core.numbers import Measured, Unmeasured
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.pseudo_case import scaled_difference_interval
from evalgate.scoring.methods.roots import last_true
from evalgate.scoring.methods.special import ndtri
from evalgate.scoring.paired_quality import UNGRADED
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import Units, units_of

_NONE_RIGHT = Unmeasured("the baseline answers none of these cases right, so nothing can be recovered")
_ROUNDING = 1e-12
_ENDLESS = 1e6


def recovery_of(pairs: Pairs, setting: Setting) -> Measured:
    """Return candidate accuracy over baseline accuracy, over the cases that are graded on both sides."""
    graded = pairs.take(pairs.baseline.graded & pairs.candidate.graded)
    if graded.n == 0:
        return UNGRADED
    before, after = graded.baseline.right(), graded.candidate.right()
    if not graded.differs.served.any():
        return setting.estimate(1.0, (1.0, 1.0), "identical") if before.any() else _NONE_RIGHT
    if not before.any():
        return _NONE_RIGHT
    units = units_of(graded.baseline)
    if units.plain and graded.baseline.tossed_once:
        both = int((before * after).sum())
        lost, gained = int(before.sum()) - both, int(after.sum()) - both
        limits = score_interval(both, lost, gained, graded.n, setting.alpha)
        return setting.estimate((both + gained) / (both + lost), limits, "nam_blackwelder")
    sums = units.sums(before), units.sums(after)
    limits = _clustered_interval(*sums, units, setting.alpha)
    return setting.estimate(float(sums[1].sum() / sums[0].sum()), limits, "pseudo_case_t")


def score_interval(both: int, lost: int, gained: int, n: int, alpha: float) -> tuple[float, float]:
    """Return the interval of (right after) / (right before) of n cases, ``alpha`` on each side.

    ``both`` are right on both sides, ``lost`` before only, ``gained`` after only. Where nothing differs, the
    exact bound ``alpha**(1 / both)`` (the most that can be lost without showing) replaces a nearer one.
    """
    z = float(ndtri(1 - alpha))
    ratio = (both + gained) / (both + lost)
    low = _up_to(lambda theta: score_z(both, lost, gained, n, theta) > z, 0.0, ratio)
    high = _up_to(lambda theta: score_z(both, lost, gained, n, theta) >= -z, ratio, math.inf)
    if lost == gained == 0:
        exact = alpha ** (1 / both)
        return min(low, exact), max(high, 1 / exact)
    return low, high


def score_z(both: int, lost: int, gained: int, n: int, theta: float) -> float:
    """Return the score statistic of "the true ratio is ``theta``", which falls as ``theta`` grows.

    ``(after - theta before) / sqrt(theta (q_gained + q_lost) / n)`` with the shares of both kinds of
    discordance that are likeliest under that hypothesis.
    """
    if theta <= 0:
        return math.inf if both + gained else 0.0
    after, before = (both + gained) / n, (both + lost) / n
    square = theta * theta
    root = math.sqrt((after - square * before) ** 2 + 4 * square * gained * lost / (n * n))
    q_gained = (square * (before + 2 * gained / n) - after + root) / (2 * theta * (theta + 1))
    q_lost = theta * q_gained - (theta - 1) * (both + lost + gained) / n
    variance = theta * (q_gained + q_lost) / n
    excess = after - theta * before
    if abs(excess) < _ROUNDING:
        return 0.0
    return excess / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, excess)


def _clustered_interval(before: Floats, after: Floats, units: Units, alpha: float) -> tuple[float, float]:
    """The ratios theta for which the mean of ``after - theta before`` may be 0."""
    sizes, ratio = units.sizes, float(after.sum() / before.sum())

    def interval(theta: float) -> tuple[float, float]:
        return scaled_difference_interval(after - theta * before, sizes, theta, alpha)

    low = _up_to(lambda theta: interval(theta)[0] > 0, 0.0, ratio)
    high = _up_to(lambda theta: interval(theta)[1] >= 0, ratio, math.inf)
    return low, high


def _up_to(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The largest ratio from ``low`` on up to which ``holds``; infinite when it never ends."""
    if low == high or not holds(low):
        return low
    if math.isinf(high):
        high = max(2 * low, 1.0)
        while holds(high):
            low, high = high, 2 * high
            if high > _ENDLESS:
                return math.inf
    return last_true(holds, low, high)
