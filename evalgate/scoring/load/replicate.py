"""One replication of a load: who comes when, with which case.

The same draw is played for every policy (common random numbers).

Cases are resampled as well as arrivals, because a few hundred recordings fix a tail poorly: a bootstrap of
arrivals alone promises more than it knows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from evalgate.core.load import Station, Traffic
from evalgate.scoring.load.arrivals import gamma_arrivals, rescaled
from evalgate.scoring.load.demand import Demand
from evalgate.scoring.load.simulate import Requests, Timeline, simulate
from evalgate.scoring.methods.arrays import Floats, Ints

# The queue starts empty, which is kinder than a running day; the first tenth is not counted.
WARM_UP = 0.1


@dataclass(frozen=True, slots=True)
class Draw:
    """Moments at a rate of one request a second, and the case that each of them brings.

    ``sizes`` are the tokens in and out of each request, where not those of its case.
    """

    unit_arrivals: Floats
    cases: Ints
    sizes: Ints | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One policy: what its cases ask, and the deployments they ask."""

    policy: str
    demand: Demand
    stations: Sequence[Station]


def draws(traffic: Traffic, weights: Floats, requests: int, replications: int, seed: int) -> Iterator[Draw]:
    """Yield ``replications`` draws of ``requests`` requests over ``len(weights)`` cases.

    A trace gives its own moments (``requests`` is not used) and only the cases are resampled. Cases come in
    proportion to their ``weights``.
    """
    for number in range(replications):
        rng = np.random.default_rng((seed, number))
        kept = rng.choice(len(weights), len(weights), p=weights / weights.sum())
        if traffic.arrived_s:
            moments = rescaled(np.array(traffic.arrived_s), 1.0)
        else:
            moments = gamma_arrivals(requests, 1.0, traffic.burstiness, rng)
        sizes = np.array(traffic.sizes, dtype=np.intp) if traffic.sizes else None
        yield Draw(moments, kept[rng.integers(0, len(kept), len(moments))], sizes)


def played(side: Side, draw: Draw, rps: float, patience_s: float | None) -> Timeline:
    """Return what becomes of the draw's requests when they come at ``rps`` a second."""
    patience = inf if patience_s is None else patience_s
    asked = Requests(draw.unit_arrivals / rps, draw.cases, draw.sizes, patience)
    return simulate(side.demand, asked, side.stations)


def quantiles(timeline: Timeline, shares: Sequence[float]) -> Floats:
    """Return the seconds that ``shares`` of the requests stay below; who gave up waited for ever."""
    counted = slice(int(len(timeline.arrived) * WARM_UP), None)
    waited = np.where(timeline.rejected, inf, timeline.latency_s)[counted]
    waited = waited[~np.isnan(waited)]
    if not len(waited):
        return np.zeros(len(shares))
    return np.asarray(np.quantile(waited, shares, method="higher"))
