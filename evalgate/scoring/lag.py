"""Whether whoever measured the times was too busy to measure them."""

import numpy as np

from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.exceedance import SLOW_SHARE
from evalgate.scoring.pairs import Pairs

LARGEST_SHARE = 0.05
"""By more than this, our own lag must not be able to have moved a P95 that is judged."""

_CURE = "measure again with a lower --concurrency, or where more processors are free"


def p95_moved_by_lag(columns: Columns) -> float:
    """Return by which share our own lag can at most have raised the P95.

    Each latency is too long by at most its lag, so the P95 without any of it is the least it can have been.
    """
    there = columns.present
    times, lags = columns.latency_s[there], columns.lag_s[there]
    if not lags.any():
        return 0.0
    measured, least = (float(np.quantile(each, 1 - SLOW_SHARE)) for each in (times, times - lags))
    return measured / least - 1 if least > 0 else np.inf


def mismeasured_because(*sides: Columns) -> str:
    """Return why a latency says more about evalgate than about the policies; empty when it does not."""
    moved = max(map(p95_moved_by_lag, sides))
    if not moved > LARGEST_SHARE:
        return ""
    return (
        f"evalgate's own event loop was late so often that it can have raised a P95 by {moved:.0%} "
        f"(judged up to {LARGEST_SHARE:.0%}); {_CURE}"
    )


def change_mismeasured_because(pairs: Pairs) -> str:
    """Return the same of a change: either side's lag is enough."""
    return mismeasured_because(pairs.baseline, pairs.candidate)
