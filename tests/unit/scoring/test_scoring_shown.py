"""What is computed for showing only: the exact test on flips, quantiles of times."""

from dataclasses import replace

import numpy as np
import pytest

from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import TokenTimes
from evalgate.scoring.methods.mcnemar import exact_p
from evalgate.scoring.quantiles import latency_quantiles, token_quantiles
from tests.synthetic_runs import Served, run_of


@pytest.mark.parametrize(("broke", "fixed"), [(0, 0), (0, 1), (5, 5), (47, 15), (8, 5), (0, 30), (400, 500)])
def test_the_exact_test_agrees_with_scipy(broke, fixed):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(broke, broke + fixed).pvalue if broke + fixed else 1.0
    assert exact_p(broke, fixed) == pytest.approx(expected, rel=1e-9)
    assert exact_p(fixed, broke) == exact_p(broke, fixed)


def test_the_exact_test_of_ten_thousand_flips_is_no_overflow():
    assert 0 <= exact_p(6000, 4000) < 1e-80


def served(count):
    return [Served(f"c{number}", latency=1.0 + number / count) for number in range(count)]


def test_quantiles_lie_in_their_intervals_and_in_order():
    found = latency_quantiles(run_of(served(400)), (0.5, 0.95, 0.99), 0.05)
    values = [each.value for each in found]
    assert values == sorted(values)
    assert values == pytest.approx(np.quantile(1 + np.arange(400) / 400, [0.5, 0.95, 0.99]), abs=0.01)
    for each in found:
        assert each.low <= each.value <= each.high
        assert each.level == pytest.approx(0.9)


def test_no_cases_have_no_quantiles():
    assert all(isinstance(each, Unmeasured) for each in latency_quantiles(run_of([]), (0.5, 0.95), 0.05))


def test_first_tokens_of_the_timed_requests_only():
    told, untold = TokenTimes(2.25, 0.01), TokenTimes(None, None, "nobody looked")
    half = [replace(each, tokens=told if n % 2 else untold) for n, each in enumerate(served(60))]
    (median,) = token_quantiles(run_of(half), "ttft_p95", (0.5,), 0.05)
    assert median.value == pytest.approx(2.25)
    (nothing,) = token_quantiles(run_of(served(60)), "ttft_p95", (0.5,), 0.05)
    assert isinstance(nothing, Unmeasured)


def test_times_between_tokens_of_the_answers_that_came_bit_by_bit():
    whole = [Served(f"w{n}", tokens=TokenTimes(1.0)) for n in range(30)]
    streamed = [Served(f"s{n}", tokens=TokenTimes(0.2, 0.01)) for n in range(30)]
    (median,) = token_quantiles(run_of(whole + streamed), "tpot_p95", (0.5,), 0.05)
    assert median.value == pytest.approx(0.01)


def test_first_tokens_with_trials_in_any_order():
    trials = [
        Served(f"c{n}", trial=t, latency=1.0, tokens=TokenTimes(2.1 + 0.1 * t))
        for t in (1, 0)
        for n in range(30)
    ]
    low, high = token_quantiles(run_of(trials), "ttft_p95", (0.25, 0.75), 0.05)
    assert (low.value, high.value) == (pytest.approx(2.1, abs=0.01), pytest.approx(2.2, abs=0.01))
