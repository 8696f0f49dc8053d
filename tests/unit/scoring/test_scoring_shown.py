"""What is computed for showing only: the exact test on flips, quantiles of times."""

from dataclasses import replace

import numpy as np
import pytest

from evalgate.core.numbers import Unmeasured
from evalgate.scoring.mcnemar import exact_p
from evalgate.scoring.quantiles import first_token_quantiles, latency_quantiles
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


def streamed(graded, ttft_s):
    attempt = replace(graded.outcome.steps[0].attempts[0], ttft_s=ttft_s)
    step = replace(graded.outcome.steps[0], attempts=(attempt,))
    return replace(graded, outcome=replace(graded.outcome, steps=(step,), latency_s=attempt.latency_s + 2.0))


def test_the_first_token_comes_after_everything_before_its_attempt():
    run = run_of(served(60))
    timed = replace(run, results=tuple(streamed(each, 0.25) for each in run.results))
    (median,) = first_token_quantiles(timed, (0.5,), 0.05)
    assert median.value == pytest.approx(2.25)


def test_first_tokens_of_the_timed_requests_only():
    run = run_of(served(60))
    half = tuple(streamed(e, 0.25) if n % 2 else e for n, e in enumerate(run.results))
    (median,) = first_token_quantiles(replace(run, results=half), (0.5,), 0.05)
    assert median.value == pytest.approx(2.25)
    (nothing,) = first_token_quantiles(run, (0.5,), 0.05)
    assert isinstance(nothing, Unmeasured)


def test_first_tokens_with_trials_in_any_order():
    trials = [Served(f"c{n}", trial=t, latency=1.0) for t in (1, 0) for n in range(30)]
    run = run_of(trials)
    timed = tuple(streamed(each, 0.1 * (1 + each.outcome.trial)) for each in run.results)
    low, high = first_token_quantiles(replace(run, results=timed), (0.25, 0.75), 0.05)
    assert (low.value, high.value) == (pytest.approx(2.1, abs=0.01), pytest.approx(2.2, abs=0.01))
