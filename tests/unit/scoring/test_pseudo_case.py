import numpy as np
import pytest
from scipy import stats

from evalgate.scoring.methods.pseudo_case import (
    difference_interval,
    pseudo_units,
    pseudo_units_one_arm,
    share_interval,
)


def test_number_of_imaginary_cases():
    assert pseudo_units(0.05) == pytest.approx(1.66, abs=0.005)
    assert pseudo_units(0.025) == pytest.approx(1.77, abs=0.005)


def test_one_imaginary_pair_is_the_interval_of_bonett_and_price():
    # Adding one case at each end: share (gains + 1 - losses - 1) / (n + 2), Wald variance with those counts.
    from evalgate.scoring.methods import pseudo_case

    losses, gains, n, alpha = 7, 2, 4000, 0.05
    values = np.concatenate([-np.ones(losses), np.ones(gains), np.zeros(n - losses - gains)])
    found = pseudo_case._interval(values, np.ones(n), alpha, 1.0, (-1.0, 1.0))
    p_loss, p_gain = (losses + 1) / (n + 2), (gains + 1) / (n + 2)
    se = np.sqrt((p_loss + p_gain - (p_gain - p_loss) ** 2) / (n + 2))
    centre, z = p_gain - p_loss, stats.norm.ppf(1 - alpha)
    assert found.high == pytest.approx(centre + z * se, abs=2e-6)
    assert centre - z * se - 2e-4 < found.low < centre - z * se, "losses are rarer than their spread says"


def test_nothing_changed_is_worth_the_rule_of_three():
    found = difference_interval(np.zeros(1000), np.ones(1000), 0.05)
    assert found.value == 0
    assert found.high == pytest.approx(-np.log(0.05) / 1000, rel=0.01)
    assert found.low == -found.high


def test_all_right_is_worth_the_rule_of_three():
    w = pseudo_units_one_arm(0.05)
    assert w + stats.norm.ppf(0.95) * np.sqrt(w) == pytest.approx(-np.log(0.05))
    found = share_interval(np.ones(1000), np.ones(1000), 0.05)
    assert (found.value, found.high) == (1, 1)
    assert 1 - found.low == pytest.approx(-np.log(0.05) / 1000, rel=0.01)


def test_against_the_formula_written_out():
    rng = np.random.default_rng(3)
    d = rng.uniform(-0.4, 0.3, 80)
    w, n = pseudo_units(0.05), 80
    total = n + 2 * w
    centre = d.sum() / total
    spread = ((d - centre) ** 2).sum() + w * ((1 - centre) ** 2 + (1 + centre) ** 2)
    t = stats.t.ppf(0.95, total - 1)
    half = t * np.sqrt(spread * total / (total - 1)) / total
    shift = ((d - centre) ** 3).sum() / spread * (2 * t**2 + 1) / 6 / total
    assert shift < 0
    found = difference_interval(d, np.ones(n), 0.05)
    assert (found.low, found.high) == pytest.approx((centre - half + shift, centre + half))
    assert found.value == pytest.approx(d.mean())
    assert found.p_nonnegative == pytest.approx(
        stats.t.cdf(centre / (np.sqrt(spread * total / (total - 1)) / total), total - 1)
    )


def test_many_groups_approach_the_clustered_standard_error_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 12, 3000)
    groups = np.repeat(np.arange(3000), sizes)
    values = np.clip(np.repeat(rng.normal(0, 0.2, 3000), sizes) + rng.normal(0, 0.2, len(groups)), -1, 1)
    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    found = difference_interval(np.bincount(groups, weights=values), sizes.astype(float), 0.05)
    assert (found.high - found.low) / 2 == pytest.approx(1.645 * float(fit.bse[0]), rel=0.02)
    assert found.value == pytest.approx(float(fit.params[0]))


def test_the_skew_of_lost_groups_moves_one_limit_and_mirrors_with_the_sides():
    sizes = np.random.default_rng(2).lognormal(0, 1, 200)
    sums = np.where(np.arange(200) % 25 == 0, -sizes, 0.0)
    lost, won = difference_interval(sums, sizes, 0.05), difference_interval(-sums, sizes, 0.05)
    assert (lost.low, lost.high) == pytest.approx((-won.high, -won.low))
    assert lost.value - lost.low > lost.high - lost.value


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_a_single_case_gives_a_wide_interval_inside_the_range(value):
    found = difference_interval(np.array([value]), np.ones(1), 0.05)
    assert -1 <= found.low <= value <= found.high <= 1
    assert found.high - found.low > 0.9
