"""Micro-batching against its closed form, and the two simulations against each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.load import Collector, Station
from evalgate.scoring.load.arrivals import gamma_arrivals
from evalgate.scoring.load.busy import station_loads
from evalgate.scoring.load.collect import collected
from evalgate.scoring.load.demand import Demand
from evalgate.scoring.load.simulate import Requests, simulate

ARRIVALS = st.lists(st.floats(0, 100), min_size=1, max_size=80).map(lambda each: np.sort(np.array(each)))
COLLECTOR = st.builds(Collector, st.floats(0.001, 20), st.integers(1, 9))


def waits(asked, by):
    calls = collected(asked, by)
    return calls.sent[calls.call_of] - asked


def demand(service_s, visits=1):
    """One case for each service time, which asks one deployment ``visits`` times."""
    cases = len(service_s)
    rows = np.repeat(service_s, visits)
    return Demand(
        first=np.arange(cases + 1, dtype=np.intp) * visits,
        tail_s=np.zeros(cases),
        station=np.zeros(cases * visits, dtype=np.intp),
        service_s=rows,
        pause_s=np.zeros(cases * visits),
        tokens=np.full(cases * visits, 10.0),
        prompt_tokens=np.full(cases * visits, 5, dtype=np.intp),
        output_tokens=np.full(cases * visits, 5, dtype=np.intp),
    )


@pytest.mark.parametrize("rate", [2.0, 40.0, 400.0])
def test_poisson_arrivals_wait_as_the_closed_form_says(rate):
    window_s = 0.05
    asked = gamma_arrivals(200_000, rate, 1.0, np.random.default_rng(1))
    waited = waits(asked, Collector(window_s, 10**9))
    load = rate * window_s
    assert waited.mean() == pytest.approx(window_s * (1 + load / 2) / (1 + load), rel=0.01)
    calls = collected(asked, Collector(window_s, 10**9))
    assert len(asked) / len(calls.sent) == pytest.approx(1 + load, rel=0.01)


def test_poisson_arrivals_wait_longer_in_a_longer_window():
    asked = gamma_arrivals(50_000, 30.0, 1.0, np.random.default_rng(2))
    means = [waits(asked, Collector(window_s, 16)).mean() for window_s in (0.001, 0.01, 0.05, 0.2, 1.0)]
    assert means == sorted(means)


@given(ARRIVALS, COLLECTOR)
def test_nobody_waits_longer_than_the_window_and_no_call_is_too_large(asked, by):
    calls = collected(asked, by)
    waited = calls.sent[calls.call_of] - asked
    assert (waited >= 0).all()
    assert (waited <= by.window_s + 1e-9).all()
    assert np.bincount(calls.call_of).max() <= by.max_size
    assert (np.diff(calls.sent) >= 0).all()
    assert sorted(set(calls.call_of.tolist())) == list(range(len(calls.sent)))


@given(ARRIVALS)
def test_a_call_for_one_goes_at_once(asked):
    assert (waits(asked, Collector(5.0, 1)) == 0).all()


@given(ARRIVALS, COLLECTOR, st.integers(0, 3))
def test_a_call_takes_as_long_as_its_slowest_and_counts_once(asked, by, seed):
    service_s = np.random.default_rng(seed).uniform(0.1, 2, len(asked))
    calls = collected(asked, by)
    for number in range(len(calls.sent)):
        members = service_s[calls.call_of == number]
        assert calls.largest(service_s)[number] == members.max()
        assert calls.total(service_s)[number] == pytest.approx(members.sum())


@given(
    ARRIVALS,
    st.none() | COLLECTOR,
    st.sampled_from([None, 1, 3]),
    st.sampled_from([None, 0.5, 5.0]),
    st.sampled_from([None, 30.0]),
)
def test_both_ways_to_simulate_agree(asked, by, slots, rps, tps):
    """Cases of one visit are simulated in closed form; an idle second deployment forces the event loop."""
    service_s = np.random.default_rng(len(asked)).uniform(0.1, 2, len(asked))
    station = Station("a", requests_per_s=rps, tokens_per_s=tps, slots=slots, collects=by)
    who = Requests(asked, np.arange(len(asked)))
    closed = simulate(demand(service_s), who, [station])
    twice = demand(np.append(service_s, 1.0))
    more = Demand(
        **{
            **{name: getattr(twice, name) for name in Demand.__slots__},
            "first": np.append(twice.first[:-1], twice.first[-1] + 1),
            "station": np.append(twice.station, 1),
            "service_s": np.append(twice.service_s, 1.0),
            "pause_s": np.append(twice.pause_s, 0.0),
            "tokens": np.append(twice.tokens, 1.0),
            "prompt_tokens": np.append(twice.prompt_tokens, 1),
            "output_tokens": np.append(twice.output_tokens, 1),
        }
    )
    events = simulate(more, who, [station, Station("b")])
    assert events.latency_s == pytest.approx(closed.latency_s)
    assert len(events.visits[0].asked) == len(closed.visits[0].asked)


def test_a_quota_of_calls_carries_more_requests_the_longer_they_are_collected():
    asked = gamma_arrivals(4_000, 20.0, 1.0, np.random.default_rng(3))
    who = Requests(asked, np.zeros(len(asked), dtype=np.intp))
    alone = Station("a", requests_per_s=15.0)
    together = Station("a", requests_per_s=15.0, collects=Collector(0.1, 8))
    before, after = (simulate(demand(np.array([0.2])), who, [each]) for each in (alone, together))
    assert np.quantile(before.latency_s, 0.95) > 10
    assert np.quantile(after.latency_s, 0.95) < 0.35
    busy = [station_loads(each, [alone])[0] for each in (before, after)]
    assert busy[0].per_call == 1
    assert busy[1].per_call == pytest.approx(1 + 20 * 0.1, rel=0.05)
    assert busy[1].utilisation < 0.6 < busy[0].utilisation


def test_who_would_wait_too_long_gives_up_with_the_whole_call():
    asked = np.array([0.0, 0.01, 5.0, 5.01])
    who = Requests(asked, np.arange(4), None, 0.5)
    station = Station("a", slots=1, collects=Collector(0.1, 2))
    found = simulate(demand(np.full(4, 10.0)), who, [station])
    assert found.rejected.tolist() == [False, False, True, True]
