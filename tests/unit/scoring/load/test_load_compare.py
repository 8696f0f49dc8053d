"""Policies under load: the two ways of simulating agree, and comparing has its laws."""

import math

import numpy as np
import pytest

from evalgate.core.load import Station, StepTime, Traffic
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.scoring.load import simulate as simulation
from evalgate.scoring.load.compare import Asked, compare_under_load
from evalgate.scoring.load.demand import Demand
from evalgate.scoring.load.replicate import Side
from evalgate.scoring.load.simulate import Requests, simulate

CASES = 200


def demand(seed: int = 1, scale: float = 1.0, visits: int = 1) -> Demand:
    rng = np.random.default_rng(seed)
    rows = CASES * visits
    return Demand(
        first=np.arange(0, rows + 1, visits),
        tail_s=np.zeros(CASES),
        station=np.tile(np.arange(visits), CASES),
        service_s=rng.lognormal(-1, 0.5, rows) * scale,
        pause_s=rng.uniform(0, 0.2, rows),
        tokens=rng.integers(100, 900, rows).astype(float),
        prompt_tokens=rng.integers(50, 800, rows),
        output_tokens=rng.integers(10, 100, rows),
    )


def load(
    candidate: Side, baseline: Side | None = None, rps: float = 8, within: float | None = 2.0, **more: object
):
    asked = Asked(Traffic(rps, 1.0), within, requests=1500, replications=8, **more)
    return compare_under_load("s", baseline, candidate, np.ones(CASES), asked)


@pytest.mark.parametrize("station", [Station("a", slots=4), Station("a", slots=4, requests_per_s=9.0)])
@pytest.mark.parametrize("patience", [math.inf, 1.0])
def test_both_ways_of_simulating_agree(station, patience):
    rng = np.random.default_rng(5)
    arrivals, cases = np.cumsum(rng.exponential(0.1, 3000)), rng.integers(0, CASES, 3000)
    asked = demand()
    who = Requests(arrivals, cases, patience_s=patience)
    quick = simulate(asked, who, [station])
    slow = simulation._in_sequence(asked, who, [station])
    if patience == math.inf:
        assert quick.latency_s == pytest.approx(slow.latency_s, abs=1e-6)
    assert abs(int(quick.rejected.sum()) - int(slow.rejected.sum())) <= 3
    assert quick.running_s == pytest.approx(slow.running_s, rel=0.01)


def test_without_bounds_a_request_takes_what_was_recorded():
    asked = demand(visits=2)
    cases = np.arange(CASES)
    timeline = simulate(asked, Requests(np.arange(CASES) * 0.01, cases), [Station("a"), Station("b")])
    recorded = (asked.service_s + asked.pause_s).reshape(CASES, 2).sum(axis=1)
    assert timeline.latency_s == pytest.approx(recorded)


def test_a_second_visit_adds_to_the_load_of_its_deployment():
    both = Station("a", slots=3)
    once, twice = demand(visits=1), demand(visits=2)
    twice = Demand(
        **{n: getattr(twice, n) for n in Demand.__slots__ if n != "station"}, station=np.zeros(2 * CASES, int)
    )
    arrivals, cases = np.arange(CASES) * 0.2, np.arange(CASES)
    one, two = (simulate(each, Requests(arrivals, cases), [both]) for each in (once, twice))
    assert two.running_s[0] == pytest.approx(twice.service_s.sum())
    assert two.latency_s.mean() > one.latency_s.mean()


def test_an_engine_slows_down_as_it_fills():
    engine = [Station("a", engine=StepTime(0.012, 0.0004, 0.00004, 32))]
    rng = np.random.default_rng(2)
    cases = rng.integers(0, CASES, 400)
    unit = np.cumsum(rng.exponential(1.0, 400))
    p95 = [
        float(np.quantile(simulate(demand(), Requests(unit / rps, cases), engine).latency_s, 0.95))
        for rps in (1, 8, 30)
    ]
    assert p95[0] < p95[1] < p95[2]


def test_a_policy_against_itself_loses_nothing():
    side = Side("a", demand(), [Station("a", slots=8)])
    found = load(side, side)
    for change in (found.p95_change, found.ceiling_change):
        assert isinstance(change, Estimate)
        assert (change.value, change.low, change.high) == (0, 0, 0)


def test_a_faster_policy_has_a_lower_p95_and_carries_more():
    stations = [Station("a", slots=4)]
    found = load(Side("c", demand(scale=0.7), stations), Side("b", demand(), stations))
    assert isinstance(found.p95_change, Estimate)
    assert isinstance(found.ceiling_change, Estimate)
    assert found.p95_change.high < 0
    assert found.ceiling_change.low > 0


def test_the_same_seed_gives_the_same_numbers():
    side = Side("a", demand(), [Station("a", slots=4)])
    assert load(side, seed=3) == load(side, seed=3)
    assert load(side, seed=3) != load(side, seed=4)


def test_a_saturated_policy_has_no_p95():
    found = load(Side("a", demand(), [Station("own", slots=2)]), rps=20)
    assert isinstance(found.candidate.p95_s, Unmeasured)
    assert "'own' (concurrency)" in found.candidate.p95_s.reason
    assert found.candidate.utilisation > 0.9
    assert isinstance(found.candidate.ceiling_rps, Estimate)
    assert found.candidate.ceiling_rps.value < 20


def test_a_ceiling_is_where_its_quota_is():
    found = load(Side("a", demand(), [Station("a", requests_per_s=10.0)]), rps=4, within=None)
    ceiling = found.candidate.ceiling_rps
    assert isinstance(ceiling, Estimate)
    assert ceiling.value == pytest.approx(9.0, rel=0.02)
    assert found.candidate.stations[0].binds == "rpm"


def test_nothing_bounded_has_no_ceiling():
    ceiling = load(Side("a", demand(), [Station("a")]), within=None).candidate.ceiling_rps
    assert ceiling == Unmeasured(
        "no deployment of a has limits or a service time, so nothing bounds its rate"
    )


def test_too_slow_alone_has_no_ceiling():
    ceiling = load(Side("a", demand(), [Station("a", slots=4)]), within=0.01).candidate.ceiling_rps
    assert isinstance(ceiling, Unmeasured)
    assert "even when nothing else runs" in ceiling.reason


def test_a_trace_keeps_its_shape_at_any_rate():
    moments = tuple(float(each) for each in np.cumsum([0.1] * 50 + [5.0] + [0.1] * 50))
    side = Side("a", demand(), [Station("a", slots=4)])
    asked = Asked(Traffic(5.0, 0.0, moments), replications=4)
    found = compare_under_load("s", None, side, np.ones(CASES), asked)
    assert found.requests == 101
    assert isinstance(found.candidate.p95_s, Estimate)
    assert isinstance(found.p95_change, Unmeasured)


def test_a_curve_rises_with_the_rate():
    side = Side("a", demand(), [Station("a", slots=4)])
    curve = load(side, curves=True).candidate.curve
    known = [each.p95_s for each in curve if each.p95_s is not None]
    assert known[-1] > known[0]
    assert [each.rps for each in curve] == sorted(each.rps for each in curve)
