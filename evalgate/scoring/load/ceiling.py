"""The highest rate that a policy carries: its P95 in bounds, and no deployment saturated."""

import math
from collections.abc import Callable
from math import inf

from evalgate.core.load import RatePoint, Station
from evalgate.scoring.load.busy import station_loads
from evalgate.scoring.load.replicate import Draw, Side, played, quantiles

# Above it the noise of a P95 grows past any use: at 0.95, runs of 200,000 requests still differ by a fifth.
SATURATED = 0.9
_PRECISION = 0.002
_STEP = 1.1
_NOTHING = 1e-9


def point(side: Side, draw: Draw, rps: float, patience_s: float | None) -> RatePoint:
    """Return the P95 and the utilisation at one rate."""
    timeline = played(side, draw, rps, patience_s)
    busy = max((each.utilisation for each in station_loads(timeline, side.stations)), default=0.0)
    p95_s = float(quantiles(timeline, [0.95])[0])
    return RatePoint(rps, None if busy > SATURATED or p95_s == inf else p95_s, busy)


def ceiling_rps(
    side: Side, draw: Draw, within_s: float | None, patience_s: float | None, near: float = 1.0
) -> float:
    """Return the highest rate at which the P95 is at most ``within_s`` (None: any) without saturation.

    Infinite where no deployment has a bound, 0 where the P95 is too long even without any queue. ``near`` is
    where to look first.
    """

    def holds(rps: float) -> bool:
        found = point(side, draw, rps, patience_s)
        return found.p95_s is not None and (within_s is None or found.p95_s <= within_s)

    if not any(_bounded(station) for station in side.stations):
        return inf if holds(near) else 0.0
    low, high = near, near * _STEP
    if holds(near):
        while holds(high):
            low, high = high, high * (high / low) ** 2
    else:
        low, high = near / _STEP, near
        while not holds(low):
            if low < near * _NOTHING:
                return 0.0
            low, high = low * (low / high) ** 2, low
    return _bisected(holds, low, high)


def _bounded(station: Station) -> bool:
    bounds = (station.requests_per_s, station.tokens_per_s, station.slots, station.engine)
    return any(bound is not None for bound in bounds)


def _bisected(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return the highest rate between ``low``, which holds, and ``high``, which does not, to 0.2 %."""
    while high > low * (1 + _PRECISION):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
