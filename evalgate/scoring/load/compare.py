"""Two policies under the same load: what each user waits, and how much traffic each policy carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from evalgate.core.load import LoadComparison, Queue, RatePoint, SideLoad, StationLoad, Traffic
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.load.busy import queue_of, station_loads
from evalgate.scoring.load.ceiling import SATURATED, ceiling_rps, point
from evalgate.scoring.load.replicate import Draw, Side, draws, played, quantiles
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.special import stdtrit

NO_BASELINE = Unmeasured("there is no baseline")
REQUESTS = 20_000
REPLICATIONS = 20
# A search simulates a dozen rates, and a request with several visits costs ten times one with a single one.
_SEARCH_REQUESTS = 3_000
_CURVE_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Asked:
    """What to simulate: which P95 counts as kept (None: any), how often and how long, from which seed."""

    traffic: Traffic
    p95_within_s: float | None = None
    alpha: float = 0.05
    requests: int = REQUESTS
    replications: int = REPLICATIONS
    seed: int = 0
    curves: bool = False


def compare_under_load(
    suite: str, baseline: Side | None, candidate: Side, weights: Floats, asked: Asked
) -> LoadComparison:
    """Send the same requests through both policies, ``asked.replications`` times.

    A replication draws cases anew as well as arrivals, so the spread over replications is that of a
    bootstrap: intervals are ``mean +- t * sd`` of the logarithms, t with one degree less than replications.
    """
    sides = [side for side in (baseline, candidate) if side is not None]
    gathered = [_Gathered() for _ in sides]
    traffic = asked.traffic
    for draw in draws(traffic, weights, asked.requests, asked.replications, asked.seed):
        for side, into in zip(sides, gathered, strict=True):
            into.add(side, draw, asked)
    shown = [
        each.summed(side, asked, _curve(side, draw, asked) if asked.curves else ())
        for side, each in zip(sides, gathered, strict=True)
    ]
    return LoadComparison(
        suite=suite,
        traffic=traffic,
        replications=asked.replications,
        requests=len(draw.cases),
        baseline=shown[0] if baseline is not None else None,
        candidate=shown[-1],
        p95_change=_p95_change(shown, gathered, asked),
        ceiling_change=_ceiling_change(shown, gathered, asked),
        p95_within_s=asked.p95_within_s,
    )


class _Gathered:
    """What the replications of one side showed."""

    def __init__(self) -> None:
        self.quantiles: list[Floats] = []
        self.ceilings: list[float] = []
        self.rejected: list[float] = []
        self.loads: list[tuple[StationLoad, ...]] = []
        self.queue: Queue | None = None

    def add(self, side: Side, draw: Draw, asked: Asked) -> None:
        traffic = asked.traffic
        timeline = played(side, draw, traffic.rps, traffic.patience_s)
        self.quantiles.append(quantiles(timeline, _SHARES))
        self.rejected.append(float(timeline.rejected.mean()))
        self.loads.append(station_loads(timeline, side.stations))
        self.queue = queue_of(timeline, side.stations)
        # The last replication's ceiling is a good place to look for this one's.
        near = next((each for each in reversed(self.ceilings) if 0 < each < inf), traffic.rps)
        ceiling = ceiling_rps(side, _shortened(draw), asked.p95_within_s, traffic.patience_s, near)
        self.ceilings.append(ceiling)

    def p95s(self) -> Floats:
        return np.array([each[1] for each in self.quantiles])

    def summed(self, side: Side, asked: Asked, curve: tuple[RatePoint, ...]) -> SideLoad:
        stations = tuple(_mean_load(each) for each in zip(*self.loads, strict=True))
        busiest = max(stations, key=lambda each: each.utilisation, default=None)
        waits: list[Measured]
        if busiest is not None and busiest.utilisation > SATURATED:
            waits = [_saturated(side.policy, busiest)] * len(_SHARES)
        else:
            columns = np.array(self.quantiles).T
            waits = [_estimate(each, asked.alpha, "requests give up before that") for each in columns]
        return SideLoad(
            policy=side.policy,
            p50_s=waits[0],
            p95_s=waits[1],
            p99_s=waits[2],
            rejected_share=float(np.mean(self.rejected)),
            stations=stations,
            queue=self.queue,
            ceiling_rps=_ceiling(side.policy, self.ceilings, asked),
            curve=curve,
        )


def _mean_load(loads: Sequence[StationLoad]) -> StationLoad:
    last = loads[-1]
    return StationLoad(
        station=last.station,
        requests=round(float(np.mean([each.requests for each in loads]))),
        utilisation=float(np.mean([each.utilisation for each in loads])),
        binds=last.binds,
        queue_mean=float(np.mean([each.queue_mean for each in loads])),
        queue_max=max(each.queue_max for each in loads),
        per_call=float(np.mean([each.per_call for each in loads])),
    )


def _saturated(policy: str, busiest: StationLoad) -> Unmeasured:
    return Unmeasured(
        f"{policy} uses {busiest.utilisation:.0%} of {busiest.station!r} ({busiest.binds}); above "
        f"{SATURATED:.0%} the P95 under load is noise: compare throughput, or offer fewer requests"
    )


def _ceiling(policy: str, ceilings: Sequence[float], asked: Asked) -> Measured:
    values = np.array(ceilings)
    if (values == inf).all():
        return Unmeasured(
            f"no deployment of {policy} has limits or a service time, so nothing bounds its rate"
        )
    if (values == 0).any():
        return Unmeasured(f"the P95 of {policy} is above what is asked for even when nothing else runs")
    return _estimate(values, asked.alpha, "no rate holds")


def _estimate(values: Floats, alpha: float, unless: str) -> Measured:
    """The geometric mean of the replications with the interval of a bootstrap on the logarithm."""
    if not np.isfinite(values).all() or (values <= 0).any():
        return Unmeasured(unless)
    middle, reach = _log_spread(np.log(values), alpha)
    return Estimate(
        float(np.exp(middle)),
        float(np.exp(middle - reach)),
        float(np.exp(middle + reach)),
        1 - 2 * alpha,
        "replications",
    )


def _log_spread(logs: Floats, alpha: float) -> tuple[float, float]:
    if len(logs) < 2:
        return float(logs.mean()), inf
    return float(logs.mean()), -stdtrit(len(logs) - 1, alpha) * float(logs.std(ddof=1))


def _ratio(base: Floats, cand: Floats, alpha: float) -> Measured:
    if not (np.isfinite(base).all() and np.isfinite(cand).all() and (base > 0).all() and (cand > 0).all()):
        return Unmeasured("one side has no such number in some replications")
    middle, reach = _log_spread(np.log(cand / base), alpha)
    low, high = np.exp(middle - reach) - 1, np.exp(middle + reach) - 1
    return Estimate(float(np.exp(middle) - 1), float(low), float(high), 1 - 2 * alpha, "replications")


def _p95_change(shown: Sequence[SideLoad], gathered: Sequence[_Gathered], asked: Asked) -> Measured:
    if len(shown) < 2:
        return NO_BASELINE
    unknown = next((each.p95_s for each in shown if isinstance(each.p95_s, Unmeasured)), None)
    return unknown or _ratio(gathered[0].p95s(), gathered[1].p95s(), asked.alpha)


def _ceiling_change(shown: Sequence[SideLoad], gathered: Sequence[_Gathered], asked: Asked) -> Measured:
    if len(shown) < 2:
        return NO_BASELINE
    unknown = next((each.ceiling_rps for each in shown if isinstance(each.ceiling_rps, Unmeasured)), None)
    return unknown or _ratio(np.array(gathered[0].ceilings), np.array(gathered[1].ceilings), asked.alpha)


def _shortened(draw: Draw) -> Draw:
    sizes = None if draw.sizes is None else draw.sizes[:_SEARCH_REQUESTS]
    return Draw(draw.unit_arrivals[:_SEARCH_REQUESTS], draw.cases[:_SEARCH_REQUESTS], sizes)


def _curve(side: Side, draw: Draw, asked: Asked) -> tuple[RatePoint, ...]:
    """The P95 over rates up to saturation, or up to three times the traffic where nothing saturates."""
    patience, short = asked.traffic.patience_s, _shortened(draw)
    ceiling = ceiling_rps(side, short, None, patience, asked.traffic.rps)
    most = ceiling * 1.05 if 0 < ceiling < inf else 3 * asked.traffic.rps
    return tuple(point(side, short, share * most, patience) for share in _CURVE_SHARES)
