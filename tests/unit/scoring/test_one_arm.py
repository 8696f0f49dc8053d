import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from evalgate.scoring.methods.harrell_davis import harrell_davis
from evalgate.scoring.methods.one_arm import clustered_quantile_interval, quantile_interval, wilson_interval
from evalgate.scoring.methods.paired_t import t_interval


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (340, 400), (1, 2), (9_000, 10_000)])
def test_wilson_agrees_with_statsmodels(right, n):
    expected = proportion_confint(right, n, alpha=0.1, method="wilson")
    assert wilson_interval(right, n, 0.05) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [5, 40, 58, 59, 93, 200, 1000])
def test_order_statistics_agree_with_scipys_quantile_test(n):
    values = np.random.default_rng(n).lognormal(size=n)
    low, high = quantile_interval(values, 0.95, 0.05)
    lower = stats.quantile_test(values, q=0, p=0.95, alternative="greater").confidence_interval(0.95)
    upper = stats.quantile_test(values, q=0, p=0.95, alternative="less").confidence_interval(0.95)
    assert low == pytest.approx(-math.inf if np.isnan(lower.low) else lower.low)
    assert high == (math.inf if np.isnan(upper.high) else pytest.approx(upper.high))


def test_an_upper_bound_of_the_p95_needs_59_values():
    assert quantile_interval(np.arange(58.0), 0.95, 0.05)[1] == math.inf
    assert quantile_interval(np.arange(59.0), 0.95, 0.05)[1] == 58


def test_independent_units_of_one_value_are_the_exact_interval():
    values = np.random.default_rng(2).lognormal(size=400)
    found = clustered_quantile_interval(values, np.arange(400), np.ones(400), 0.95, 0.05)
    exact = quantile_interval(values, 0.95, 0.05)
    assert found == pytest.approx(exact, rel=0.05)


def test_repeats_that_repeat_the_same_value_add_nothing():
    values = np.random.default_rng(3).lognormal(size=200)
    once = quantile_interval(values, 0.95, 0.05)
    repeated = clustered_quantile_interval(
        np.repeat(values, 10), np.repeat(np.arange(200), 10), np.ones(2000), 0.95, 0.05
    )
    assert repeated == pytest.approx(once, rel=0.1)


@pytest.mark.parametrize("n", [40, 41, 200, 3000])
def test_harrell_davis_agrees_with_scipy(n):
    values = np.random.default_rng(n).lognormal(size=n)
    expected = float(stats.mstats.hdquantiles(values, prob=[0.95])[0])
    assert harrell_davis(values, 0.95) == pytest.approx(expected, rel=1e-9)


def test_harrell_davis_with_equal_weights_is_unweighted():
    values = np.random.default_rng(1).lognormal(size=300)
    assert harrell_davis(values, 0.95, np.full(300, 7.0)) == pytest.approx(harrell_davis(values, 0.95))


def test_harrell_davis_with_weights_follows_them():
    values = np.arange(1000.0)
    heavy_top = np.where(values >= 500, 9.0, 1.0)
    assert harrell_davis(values, 0.95, heavy_top) > harrell_davis(values, 0.95)


def test_t_interval_agrees_with_scipy():
    values = np.random.default_rng(4).normal(0.1, 1, 30)
    found = t_interval(values, np.ones(30), 0.05)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert t_interval(np.ones(1), np.ones(1), 0.05).high == math.inf
