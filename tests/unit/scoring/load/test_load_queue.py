"""The queue against closed forms and against a simulation by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.scoring.load.limiter import BURST_S, admitted
from evalgate.scoring.load.queue import starts, starts_with_patience

REQUESTS = 200_000


def erlang_c(slots: int, busy: float) -> float:
    """The chance that a request of an M/M/c queue has to wait."""
    offered = slots * busy
    last = offered**slots / math.factorial(slots) / (1 - busy)
    return last / (sum(offered**k / math.factorial(k) for k in range(slots)) + last)


def poisson(rng: np.random.Generator) -> np.ndarray:
    return np.cumsum(rng.exponential(1.0, REQUESTS))


@pytest.mark.parametrize(("slots", "busy"), [(1, 0.5), (1, 0.8), (8, 0.7), (8, 0.85), (32, 0.9)])
def test_an_exponential_queue_waits_as_long_as_erlang_says(slots, busy):
    rng = np.random.default_rng(7)
    arrived = poisson(rng)
    waits = starts(arrived, rng.exponential(slots * busy, REQUESTS), slots) - arrived
    expected = erlang_c(slots, busy) * busy / (1 - busy)
    # The waits of a busy queue hang together over some 1 / (1 - busy)**2 requests.
    spread = 4 * waits.std() * math.sqrt(2 / (1 - busy) ** 2 / REQUESTS)
    assert abs(waits.mean() - expected) < spread
    assert spread < 0.35 * expected


def test_a_queue_of_equal_services_waits_half_as_long_as_an_exponential_one():
    arrived = poisson(np.random.default_rng(8))
    waits = starts(arrived, np.full(REQUESTS, 0.8), 1) - arrived
    pollaczek_khinchine = 0.8**2 / (2 * (1 - 0.8))
    assert waits.mean() == pytest.approx(pollaczek_khinchine, rel=0.05)


def test_littles_law_holds_to_rounding():
    rng = np.random.default_rng(9)
    arrived, service = poisson(rng)[:5000], rng.exponential(5.0, 5000)
    left = np.sort(starts(arrived, service, 6) + service)
    moments = np.concatenate((arrived, left))
    order = np.argsort(moments, kind="stable")
    inside = np.cumsum(np.repeat([1, -1], 5000)[order])
    area = float((inside[:-1] * np.diff(moments[order])).sum())
    assert area == pytest.approx(float(left.sum() - arrived.sum()), rel=1e-9)


times = st.lists(st.floats(0, 50), min_size=1, max_size=40)


@given(gaps=times, takes=st.data(), slots=st.integers(1, 5))
def test_starts_are_those_of_a_queue_by_hand(gaps, takes, slots):
    ready = np.cumsum(gaps)
    service = np.array(takes.draw(st.lists(st.floats(0, 20), min_size=len(gaps), max_size=len(gaps))))
    free = [-math.inf] * slots
    expected = []
    for at, needs in zip(ready, service, strict=True):
        first = free.index(min(free))
        expected.append(max(at, free[first]))
        free[first] = expected[-1] + needs
    assert starts(ready, service, slots) == pytest.approx(expected, abs=1e-9)
    everyone, stayed = starts_with_patience(ready, ready, service, slots, math.inf)
    assert stayed.all()
    assert everyone == pytest.approx(expected, abs=1e-9)


@given(gaps=times, patience=st.floats(0, 10), slots=st.integers(1, 3))
def test_nobody_waits_longer_than_its_patience(gaps, patience, slots):
    ready = np.cumsum(gaps)
    begun, stayed = starts_with_patience(ready, ready, np.full(len(ready), 7.0), slots, patience)
    assert ((begun - ready)[stayed] <= patience).all()
    assert stayed[0]


@given(gaps=times, per_s=st.floats(0.1, 10))
def test_a_quota_lets_through_what_the_cell_rate_algorithm_would(gaps, per_s):
    asked = np.cumsum(gaps)
    due, expected = -math.inf, []
    for at in asked:
        expected.append(max(at, due - BURST_S))
        due = max(due, at) + 1 / per_s
    assert admitted(asked, np.ones(len(asked)), per_s) == pytest.approx(expected, abs=1e-6)


def test_a_quota_is_never_exceeded_over_a_minute():
    asked = np.sort(np.random.default_rng(3).uniform(0, 120, 3000))
    through = admitted(asked, np.ones(3000), 10.0)
    counts = np.searchsorted(through, through + 60.0) - np.arange(3000)
    assert counts.max() <= 10 * (60 + BURST_S) + 1
    assert (through >= asked).all()


def test_without_a_quota_everything_goes_at_once():
    asked = np.array([0.0, 0.0, 1.0])
    assert admitted(asked, np.ones(3), None) is asked
