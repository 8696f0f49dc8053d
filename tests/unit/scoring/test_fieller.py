import math

import numpy as np
import pytest
from scipy import stats

from evalgate.scoring.methods.fieller import CostColumns, change_interval, fieller_change, ratio_interval


def closed_form(a, b, alpha):
    """Fieller's theorem in the form of Finney, by g: another route to the same limits."""
    n, t = len(a), stats.t.ppf(1 - alpha, len(a) - 1)
    cov = np.cov(a, b) / n
    (v11, v12), (_, v22) = cov
    ratio, g = a.mean() / b.mean(), t**2 * cov[1, 1] / b.mean() ** 2
    centre = ratio - g * v12 / v22
    half = t / b.mean() * math.sqrt(v11 - 2 * ratio * v12 + ratio**2 * v22 - g * (v11 - v12**2 / v22))
    return (centre - half) / (1 - g), (centre + half) / (1 - g)


def drawn(n=200, seed=0, rise=1.1):
    rng = np.random.default_rng(seed)
    cost = rng.lognormal(-4, 1, n)
    return CostColumns(
        cost,
        cost * rise * rng.lognormal(0, 0.3, n),
        (rng.random(n) < 0.9).astype(float),
        (rng.random(n) < 0.85).astype(float),
    )


def with_copy(columns, unit):
    return CostColumns(
        *(
            np.append(column, column[unit])
            for column in (
                columns.cost_before,
                columns.cost_after,
                columns.correct_before,
                columns.correct_after,
            )
        )
    )


def test_one_ratio_against_the_closed_form():
    columns = drawn()
    expected = closed_form(columns.cost_before, columns.correct_before, 0.05)
    assert ratio_interval(columns.cost_before, columns.correct_before, 0.05) == pytest.approx(expected)


def test_ratio_of_ratios_against_the_closed_form_of_its_cross_products():
    columns = drawn()
    c0, c1 = columns.cost_before.mean(), columns.cost_after.mean()
    y0, y1 = columns.correct_before.mean(), columns.correct_after.mean()
    # Linearised products, shifted so that their means are the products of the means.
    a = columns.cost_after * y0 + columns.correct_before * c1 - c1 * y0
    b = columns.cost_before * y1 + columns.correct_after * c0 - c0 * y1
    assert fieller_change(columns, 0.05) == pytest.approx(closed_form(a, b, 0.05))


def test_point_estimate_is_the_ratio_of_costs_per_correct():
    columns = drawn()
    before = columns.cost_before.sum() / columns.correct_before.sum()
    after = columns.cost_after.sum() / columns.correct_after.sum()
    assert change_interval(columns, 0.05).value == pytest.approx(after / before)


def test_worst_copy_widens_each_limit_to_that_of_one_more_case_like_the_worst():
    columns = drawn(n=60, seed=2)
    found, plain = change_interval(columns, 0.05), fieller_change(columns, 0.05)
    candidates = [fieller_change(with_copy(columns, unit), 0.05) for unit in range(60)]
    assert found.high == pytest.approx(max(high for _, high in [plain, *candidates]), rel=0.01)
    assert found.low == pytest.approx(min(low for low, _ in [plain, *candidates]), rel=0.01)
    assert found.low < plain[0]
    assert found.high > plain[1]


def test_swapped_arms_give_the_inverse_interval():
    columns = drawn(n=90, seed=4)
    swapped = CostColumns(
        columns.cost_after, columns.cost_before, columns.correct_after, columns.correct_before
    )
    one, other = change_interval(columns, 0.05), change_interval(swapped, 0.05)
    assert (other.value, other.low, other.high) == pytest.approx((1 / one.value, 1 / one.high, 1 / one.low))


def test_a_single_unit_and_a_hopeless_denominator_are_unbounded():
    one = CostColumns(*(np.ones(1) for _ in range(4)))
    assert (change_interval(one, 0.05).low, change_interval(one, 0.05).high) == (0, math.inf)
    rare = np.array([1.0, *np.zeros(19)])
    assert ratio_interval(np.ones(20), rare, 0.05) == (0, math.inf)


def test_one_case_that_decides_everything_shows_in_top_share():
    columns = drawn(n=100, seed=6)
    columns.cost_after[0] = 1000 * columns.cost_after.max()
    found = change_interval(columns, 0.05)
    assert found.top_share > 0.95
    assert found.n_eff < 1.2
    assert change_interval(drawn(n=500), 0.05).n_eff > 10


def test_constant_cost_and_everything_right_is_exact():
    ones = np.ones(50)
    found = change_interval(CostColumns(ones, 0.7 * ones, ones, ones), 0.05)
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.7, 0.7))
