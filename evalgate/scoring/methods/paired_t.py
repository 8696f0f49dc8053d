"""Mean of unbounded values (log latencies), by the plain t interval over independent units."""

import math

import numpy as np

from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.pseudo_case import MeanInterval
from evalgate.scoring.methods.special import stdtrit


def t_interval(sums: Floats, sizes: Floats, alpha: float) -> MeanInterval:
    """Return the interval of a mean; unbounded with a single unit.

    ``sums`` and ``sizes`` hold one number an independent unit: its summed values and its summed weights.
    The mean is a ratio, ``sum(sums) / sum(sizes)``, with the usual linearised variance (Cochran, Sampling
    Techniques, 1977, section 6.3) and ``units - 1`` degrees of freedom.
    """
    units, mean_size = len(sums), float(sizes.mean())
    value = float(sums.sum()) / float(sizes.sum())
    if units < 2:
        return MeanInterval(value, -math.inf, math.inf, math.inf, 0.5)
    residuals = (sums - value * sizes) / mean_size
    sd = math.sqrt(float(np.sum(residuals**2)) / (units - 1))
    half = float(stdtrit(units - 1, 1 - alpha)) * sd / math.sqrt(units)
    return MeanInterval(value, value - half, value + half, sd, 0.5)
