"""Mean of bounded values, by a t interval with imaginary extra cases.

A plain t interval fails exactly when losses are rare and total: most samples hold none of them, and its
false-pass rate reaches .33. Adding ``w`` cases (or whole groups of cases) at each end of the possible range
repairs that. With ``w = 1`` and binary data it is the interval of Bonett and Price (Journal of Educational
and Behavioral Statistics 37, 2012); here ``w`` is set so that "nothing changed" equals the rule of three.
Groups enter as the clustered standard error of Miller (arXiv 2411.00640), weights as cluster sizes do:

    u = sums / mean size, v = sizes / mean size, s = sqrt(mean v**2), N = units + 2 w
    centre = sum(u) / (sum(v) + 2 w s)
    SS = sum (u - centre v)**2 + w s**2 ((1 - centre)**2 + (1 + centre)**2)
    interval = centre +- t(N - 1) sqrt(SS N / (N - 1)) / (sum(v) + 2 w s)

Rare losses, and whole groups lost among groups of very different sizes, make the mean skewed, and a skewed
mean is further off on one side than its standard error says. The limit on that side moves out by Hall's
first-order term (JRSS B 54, 1992, 221-228):

    shift = sum (u - centre v)**3 / SS (2 t**2 + 1) / 6 / (sum(v) + 2 w s), outwards only
"""

import math
from dataclasses import dataclass

import numpy as np

from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.special import ndtri, stdtr, stdtrit


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean with its interval.

    ``sd`` is that of one unit's contribution, ``p_nonnegative`` the p-value of "the mean is at least 0".
    """

    value: float
    low: float
    high: float
    sd: float
    p_nonnegative: float


def pseudo_units(alpha: float) -> float:
    """Return ``w`` for a difference in [-1, 1]: ``(ln alpha / z)**2 / 2``, 1.66 at alpha .05.

    Then the interval around "no unit changed" is ``ln(1/alpha) / n`` wide on each side.
    """
    z = float(ndtri(1 - alpha))
    return (math.log(alpha) / z) ** 2 / 2


def pseudo_units_one_arm(alpha: float) -> float:
    """Return ``w`` for a mean in [0, 1]: the positive root of ``w + z sqrt(w) = ln(1/alpha)``.

    Then "every unit right" has a lower bound of ``1 - ln(1/alpha) / n``, the rule of three again.
    """
    z = float(ndtri(1 - alpha))
    return ((math.sqrt(z * z + 4 * math.log(1 / alpha)) - z) / 2) ** 2


def difference_interval(sums: Floats, sizes: Floats, alpha: float) -> MeanInterval:
    """Return the interval of a mean difference in [-1, 1].

    ``sums`` and ``sizes`` hold one number an independent unit (at least one): the unit's summed differences
    and its summed weights. Without groups and weights: the differences themselves, and ones.
    """
    return _interval(sums, sizes, alpha, pseudo_units(alpha), (-1.0, 1.0))


def scaled_difference_interval(
    sums: Floats, sizes: Floats, scale: float, alpha: float
) -> tuple[float, float]:
    """Return the interval of the mean of ``after - scale * before``, each of them in [0, 1].

    The imaginary cases stand at its ends, ``-scale`` and 1; arguments as in :func:`difference_interval`.
    """
    found = _interval(sums, sizes, alpha, pseudo_units(alpha), (-scale, 1.0))
    return found.low, found.high


def share_interval(sums: Floats, sizes: Floats, alpha: float) -> MeanInterval:
    """Return the interval of a mean in [0, 1]; arguments as in :func:`difference_interval`."""
    return _interval(sums, sizes, alpha, pseudo_units_one_arm(alpha), (0.0, 1.0))


def _interval(sums: Floats, sizes: Floats, alpha: float, w: float, ends: tuple[float, float]) -> MeanInterval:
    mean_size = float(sizes.mean())
    u, v = sums / mean_size, sizes / mean_size
    units = len(u)
    total = units + 2 * w
    # An imaginary group is as large as the root mean square of the real ones: squares make the variance, and
    # one of average size would be lost beside a few large groups. 1 where all units are of one size.
    size = math.sqrt(float(np.mean(v**2)))
    weight = units + 2 * w * size
    centre = (float(u.sum()) + w * size * sum(ends)) / weight
    spread = float(((u - centre * v) ** 2).sum()) + w * size**2 * sum((end - centre) ** 2 for end in ends)
    se = math.sqrt(spread * total / (total - 1)) / weight
    t = float(stdtrit(total - 1, 1 - alpha))
    shift = float(((u - centre * v) ** 3).sum()) / spread * (2 * t**2 + 1) / 6 / weight
    low, high = centre - t * se + min(shift, 0.0), centre + t * se + max(shift, 0.0)
    value = float(u.sum()) / units
    return MeanInterval(
        value=value,
        low=min(max(low, ends[0]), value),
        high=max(min(high, ends[1]), value),
        sd=math.sqrt(max(float(np.mean((u - value * v) ** 2)), 0.0)),
        p_nonnegative=float(stdtr(total - 1, centre / se)),
    )
