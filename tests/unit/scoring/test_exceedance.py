import math

import numpy as np
import pytest
from scipy import stats

from evalgate.scoring.methods.exceedance import Calls, p_too_high, p_too_low, ratio_limits, slow_counts


def calls_of(before, after, units=None, weights=None):
    units = np.arange(len(before)) if units is None else units
    return Calls(before, after, units, weights, single=len(np.unique(units)) == len(before))


def drawn(n, seed=0, ratio=1.0, noise=0.3):
    rng = np.random.default_rng(seed)
    before = rng.lognormal(0, 0.5, n)
    return before * rng.lognormal(0, noise, n), before * ratio * rng.lognormal(0, noise, n)


def brute_p(before, after, ratio):
    """The method in plain loops: pool, rank, count who is slow on one side only, mid-p."""
    scaled = [each / ratio for each in after]
    pooled = sorted([*before, *scaled], reverse=True)
    slow = pooled[round(0.05 * len(pooled))]
    only_before = sum(b > slow >= a for b, a in zip(before, scaled, strict=True))
    only_after = sum(a > slow >= b for b, a in zip(before, scaled, strict=True))
    chance = stats.binom(only_before + only_after, 0.5)
    too_high = chance.cdf(only_after - 1) + chance.pmf(only_after) / 2
    too_low = chance.cdf(only_before - 1) + chance.pmf(only_before) / 2
    return too_high, too_low


@pytest.mark.parametrize(("n", "seed", "ratio"), [(40, 1, 1.0), (100, 2, 1.2), (333, 3, 0.8)])
def test_p_values_and_limits_against_brute_force_over_a_grid(n, seed, ratio):
    before, after = drawn(n, seed, ratio)
    calls = calls_of(before, after)
    grid = np.exp(np.linspace(-1.5, 1.5, 1201))
    p = np.array([brute_p(before, after, r) for r in grid])
    for index in range(0, len(grid), 100):
        assert p_too_high(calls, grid[index]) == pytest.approx(p[index, 0])
        assert p_too_low(calls, grid[index]) == pytest.approx(p[index, 1])
    kept = grid[(p[:, 0] > 0.05) & (p[:, 1] > 0.05)]
    low, high = ratio_limits(calls, 0.05)
    step = grid[1] / grid[0]
    assert kept[0] / step <= low <= kept[0] * step
    assert kept[-1] / step <= high <= kept[-1] * step


def test_bounded_from_40_calls_on():
    for n, bounded in ((20, False), (29, False), (40, True)):
        low, high = ratio_limits(calls_of(*drawn(n)), 0.05)
        assert (low > 0 and math.isfinite(high)) is bounded


def test_swapped_arms_give_the_inverse_interval():
    before, after = drawn(150, 7, 1.3)
    low, high = ratio_limits(calls_of(before, after), 0.05)
    assert ratio_limits(calls_of(after, before), 0.05) == pytest.approx((1 / high, 1 / low), rel=1e-5)


def test_slow_counts_say_who_is_slow_on_one_side_only():
    before = np.ones(100) + np.arange(100) / 1000
    after = before.copy()
    after[:7] = 9.0
    counts = slow_counts(calls_of(before, after))
    assert counts.only_after == 7
    # Ten pooled calls may be slow: the seven, then the three slowest, of which two are one case's two calls.
    assert counts.only_before == 0


def test_equal_calls_contribute_nothing():
    before, _ = drawn(100)
    assert slow_counts(calls_of(before, before)).only_after == 0
    assert p_too_high(calls_of(before, before), 1.0) == 0.5


def test_repeats_and_groups_use_the_z_test_over_units():
    before, after = drawn(300, 4, 1.1)
    units = np.repeat(np.arange(100), 3)
    calls = calls_of(before, after, units)
    pooled = np.sort(np.concatenate([before, after / 1.2]))[::-1]
    slow = pooled[30]
    excess = np.bincount(units, weights=(before > slow).astype(float) - (after / 1.2 > slow))
    expected = stats.norm.sf(excess.sum() / math.sqrt((excess**2).sum()))
    assert p_too_high(calls, 1.2) == pytest.approx(expected)


def test_equal_weights_agree_with_none_at_the_threshold():
    before, after = drawn(200, 9, 1.2)
    units = np.arange(200)
    weighted = Calls(before, after, units, np.full(200, 2.5), single=True)
    low, high = ratio_limits(weighted, 0.05)
    plain = ratio_limits(calls_of(before, after), 0.05)
    assert (low, high) == pytest.approx(plain, rel=0.15)


def test_weights_act_like_repeating_a_call():
    before, after = drawn(80, 11, 1.4)
    weights = np.where(np.arange(80) < 20, 3.0, 1.0)
    times = weights.astype(int)
    repeated = calls_of(np.repeat(before, times), np.repeat(after, times), np.repeat(np.arange(80), times))
    weighted = Calls(before, after, np.arange(80), weights, single=True)
    for ratio in (0.8, 1.0, 1.3, 1.7):
        assert p_too_high(weighted, ratio) == pytest.approx(p_too_high(repeated, ratio), abs=1e-9)


def test_zero_times_after_are_an_endless_improvement():
    before, _ = drawn(60)
    assert ratio_limits(calls_of(before, np.zeros(60)), 0.05) == (0.0, 0.0)
    assert ratio_limits(calls_of(np.zeros(60), np.zeros(60)), 0.05) == (0.0, math.inf)
