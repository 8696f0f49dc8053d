"""Where a monotone function crosses zero."""

from collections.abc import Callable

import numpy as np

from evalgate.scoring.methods.arrays import Floats


def bisect(value: Callable[[Floats], Floats], low: Floats, high: Floats, steps: int = 60) -> Floats:
    """Return where a falling function crosses zero, for many problems at once.

    ``value`` takes and returns one number a problem, positive at ``low`` and not positive at ``high``. The
    answer is within ``(high - low) / 2**steps``.
    """
    low, high = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    for _ in range(steps):
        middle = (low + high) / 2
        above = value(middle) > 0
        low = np.where(above, middle, low)
        high = np.where(above, high, middle)
    return (low + high) / 2


def last_true(holds: Callable[[float], bool], low: float, high: float, tolerance: float = 1e-9) -> float:
    """Return the largest argument up to which ``holds``, which is true at ``low`` and false at ``high``."""
    while high - low > tolerance:
        middle = (low + high) / 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return high
