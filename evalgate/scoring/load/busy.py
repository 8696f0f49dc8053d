"""How busy each deployment was in one replication, and how long the queue in front of it."""

from collections.abc import Sequence

import numpy as np

from evalgate.core.load import Queue, Station, StationLoad
from evalgate.scoring.load.simulate import Timeline, Visits
from evalgate.scoring.methods.arrays import Floats

_DRAWN = 200


def station_loads(timeline: Timeline, stations: Sequence[Station]) -> tuple[StationLoad, ...]:
    """Return the load of each deployment, over the time in which requests came."""
    span_s = _span_s(timeline)
    return tuple(
        _load(station, visits, running_s, span_s)
        for station, visits, running_s in zip(stations, timeline.visits, timeline.running_s, strict=True)
    )


def _span_s(timeline: Timeline) -> float:
    return float(timeline.arrived[-1] - timeline.arrived[0]) if len(timeline.arrived) > 1 else 0.0


def _load(station: Station, visits: Visits, running_s: float, span_s: float) -> StationLoad:
    asked = _asked_of(station, visits, running_s)
    shares = {name: amount / (most * span_s) for name, (amount, most) in asked.items() if span_s}
    binds = max(shares, key=lambda name: shares[name], default="")
    _, waiting = _waiting(visits)
    waited_s = float((visits.begun - visits.asked)[visits.stayed].sum())
    return StationLoad(
        station=station.name,
        requests=len(visits.asked),
        utilisation=shares.get(binds, 0.0),
        binds=binds,
        queue_mean=waited_s / span_s if span_s else 0.0,
        queue_max=int(waiting.max(initial=0)),
        per_call=visits.carried / len(visits.asked) if len(visits.asked) else 1.0,
    )


def _asked_of(station: Station, visits: Visits, running_s: float) -> dict[str, tuple[float, float]]:
    """What was asked of each bound, and how much of it there is per second."""
    asked: dict[str, tuple[float, float]] = {}
    if station.requests_per_s is not None:
        asked["rpm"] = (float(len(visits.asked)), station.requests_per_s)
    if station.tokens_per_s is not None:
        asked["tpm"] = (float(visits.tokens.sum()), station.tokens_per_s)
    if station.engine is not None:
        asked["engine"] = (running_s, float(station.engine.max_running))
    elif station.slots is not None:
        asked["concurrency"] = (running_s, float(station.slots))
    return asked


def _waiting(visits: Visits) -> tuple[Floats, Floats]:
    """The moments at which the queue changes, and how many wait from each on."""
    asked, begun = visits.asked[visits.stayed], np.sort(visits.begun[visits.stayed])
    moments = np.concatenate((asked, begun))
    # Who starts at once was never waiting: at equal moments starts go first, and only sums are read.
    order = np.lexsort((np.repeat([1, 0], [len(asked), len(begun)]), moments))
    steps = np.repeat([1.0, -1.0], [len(asked), len(begun)])[order]
    return moments[order], np.cumsum(steps)


def queue_of(timeline: Timeline, stations: Sequence[Station]) -> Queue | None:
    """Return the queue of the deployment that waits longest, at evenly spaced moments; None without waits."""
    waits = [float((each.begun - each.asked)[each.stayed].sum()) for each in timeline.visits]
    worst = int(np.argmax(waits)) if waits else 0
    if not waits or waits[worst] <= 0:
        return None
    moments, waiting = _waiting(timeline.visits[worst])
    at = np.linspace(0.0, timeline.arrived[-1], _DRAWN)
    found = np.searchsorted(moments, at, side="right") - 1
    depth = np.where(found >= 0, waiting[np.maximum(found, 0)], 0).astype(int)
    return Queue(stations[worst].name, tuple(at.tolist()), tuple(np.maximum(depth, 0).tolist()))
