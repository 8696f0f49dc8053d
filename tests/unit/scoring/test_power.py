"""Power, held against the tables of the method page (computed there by another program)."""

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from evalgate.core.numbers import Unmeasured
from evalgate.scoring.compare import compare
from evalgate.scoring.power import (
    density_at_p95,
    mde,
    mde_ratio,
    normal_chances,
    required_n,
    required_n_p95,
    required_n_ratio,
    smallest_effect,
    tango_chances,
    tango_power,
    tango_required_n,
)
from evalgate.scoring.repeats import best_trials, repeats_mde, repeats_plan, repeats_required_n
from tests.synthetic_runs import Served, run_of


@pytest.mark.parametrize(
    ("budget", "cases"),
    [
        (0.01, (799, 1343, 3136, 6203, 12373)),
        (0.02, (258, 398, 818, 1566, 3098)),
        (0.05, (86, 88, 158, 266, 501)),
        (0.10, (29, 42, 49, 76, 130)),
    ],
)
def test_exact_cases_for_80_percent_power(budget, cases):
    for discordance, expected in zip((0.01, 0.02, 0.05, 0.10, 0.20), cases, strict=True):
        # The table takes the first tooth of the saw, we the first from which none within a tenth falls short.
        found = tango_required_n(discordance, budget, 0.05)
        assert 0.98 * expected <= found <= 1.15 * expected, discordance


@pytest.mark.parametrize(("true", "power"), [(0, 0.40), (0.005, 0.67), (0.01, 0.88)])
def test_a_true_gain_helps_a_lot(true, power):
    assert tango_power(1000, 0.05, 0.01, 0.05, true) == pytest.approx(power, abs=0.005)


def test_exact_chances_against_simulation():
    from evalgate.scoring.methods.tango import tango_interval

    rng = np.random.default_rng(8)
    n, discordance, budget, true = 120, 0.08, 0.05, -0.03
    moved = rng.binomial(n, discordance, 4000)
    losses = rng.binomial(moved, (discordance - true) / (2 * discordance))
    limits = np.array(
        [tango_interval(int(b), int(m - b), n, 0.05) for b, m in zip(losses, moved, strict=True)]
    )
    found = tango_chances(n, discordance, budget, 0.05, true)
    assert found.passes == pytest.approx((limits[:, 0] > -budget).mean(), abs=0.025)
    assert found.fails == pytest.approx((limits[:, 1] < -budget).mean(), abs=0.015)
    assert found.passes + found.fails + found.inconclusive == pytest.approx(1)


def test_where_nothing_ever_differs_the_rule_of_three_is_all():
    assert tango_power(299, 0.0, 0.01, 0.05) == 1
    assert tango_power(298, 0.0, 0.01, 0.05) == 0
    assert tango_required_n(0.0, 0.01, 0.05) == 299


@pytest.mark.parametrize(
    ("n", "discordance", "points"), [(120, 0.05, 5.8), (200, 0.10, 5.8), (1000, 0.05, 1.8), (5000, 0.02, 0.5)]
)
def test_smallest_budget_of_the_page(n, discordance, points):
    assert 100 * mde(math.sqrt(discordance), n, 0.05) == pytest.approx(points, rel=0.15)


def test_required_n_agrees_with_statsmodels_for_a_paired_t_test():
    expected = TTestPower().solve_power(effect_size=0.02 / 0.2, alpha=0.05, power=0.8, alternative="larger")
    assert required_n(0.2, 0.02, 0.05) == pytest.approx(expected, rel=0.01)


def test_mde_and_required_n_are_inverse():
    n = required_n(0.3, 0.03, 0.05)
    assert mde(0.3, n, 0.05) == pytest.approx(0.03, rel=0.01)
    n = required_n_ratio(0.8, 0.05, 0.05)
    assert mde_ratio(0.8, n, 0.05) == pytest.approx(0.05, rel=0.01)


def test_cost_cases_of_the_page():
    assert required_n_ratio(0.51, 0.05, 0.05) == pytest.approx(670, rel=0.02)
    assert required_n_ratio(0.82, 0.05, 0.05) == pytest.approx(1750, rel=0.02)


def test_p95_calls_of_the_page():
    sd = 0.57  # log sd at correlation .5: psi .076, density .103 / sd
    assert required_n_p95(0.076, 0.103 / sd, 0.10, 0.05) == pytest.approx(1560, rel=0.05)
    values = np.random.default_rng(0).lognormal(0, sd, 400_000)
    assert density_at_p95(values) == pytest.approx(0.103 / sd, rel=0.15)
    assert density_at_p95(np.ones(50)) == math.inf


def test_normal_chances_at_the_margin_are_alpha():
    chances = normal_chances(0.2, 500, 0.02, 0.05, true=-0.02)
    assert (chances.passes, chances.fails) == pytest.approx((0.05, 0.05))
    assert normal_chances(0.0, 500, 0.02, 0.05).passes == 1


@pytest.mark.parametrize(
    ("n", "rows"),
    [
        (120, {0.02: (3.2, 4.2, 4.0, 3.9), 0.05: (5.1, 4.8, 4.4, 4.1), 0.20: (10.1, 7.0, 5.9, 5.0)}),
        (1000, {0.02: (1.1, 0.8, 0.7, 0.6), 0.05: (1.8, 1.1, 0.9, 0.7), 0.20: (3.5, 2.1, 1.6, 1.2)}),
    ],
)
def test_repeats_table_of_the_page(n, rows):
    for flip_rate, points in rows.items():
        for trials, expected in zip((1, 3, 5, 10), points, strict=True):
            assert 100 * repeats_mde(flip_rate, n, trials, 0.05) == pytest.approx(expected, abs=0.06)


def test_the_message_of_the_page():
    plan = repeats_plan(0.07, 120, 0.02, 0.05)
    assert plan.resolves == pytest.approx(0.06, abs=0.001)
    assert plan.cases == pytest.approx(1080, rel=0.01)
    assert (plan.trials, plan.cases_repeated) == (3, pytest.approx(500, rel=0.1))
    assert repeats_plan(0.01, 120, 0.02, 0.05).trials == 1


def test_repeats_required_n_is_the_inverse_of_repeats_mde():
    for trials in (1, 3, 5):
        n = repeats_required_n(0.08, 0.02, trials, 0.05, between=0.01)
        assert repeats_mde(0.08, n, trials, 0.05, between=0.01) <= 0.02
        assert repeats_mde(0.08, n - 2, trials, 0.05, between=0.01) > 0.02


def test_best_trials_follow_the_price():
    assert best_trials(1.0, 0.01, within=0.1, between=0.9) == 3
    assert best_trials(0.01, 1.0, within=0.1, between=0.9) == 1
    assert best_trials(1.0, 0.01, within=0.1, between=0.0) == 5


def test_smallest_effect_of_what_was_measured():
    base = [Served(f"c{i}", latency=1 + i % 7 / 10) for i in range(400)]
    cand = [
        Served(
            each.case,
            right=i % 20 > 0,
            call="anew",
            latency=each.latency * (1.1 if i % 2 else 0.9),
            cost=0.01,
        )
        for i, each in enumerate(base)
    ]
    found = compare(run_of(base), run_of(cand))
    assert smallest_effect(found.find("accuracy"), 0.05) == pytest.approx(
        2.486 * math.sqrt(0.05 - 0.05**2) / 20, rel=0.05
    )
    assert 0.01 < smallest_effect(found.find("latency_geomean"), 0.05) < 0.02
    none = compare(run_of([]), run_of([])).find("accuracy")
    assert isinstance(smallest_effect(none, 0.05), Unmeasured)


def test_a_hundred_thousand_cases_take_normal_theory_which_agrees_where_both_are_feasible():
    near, far = tango_chances(39_900, 0.05, 0.002, 0.05), tango_chances(40_100, 0.05, 0.002, 0.05)
    assert near.passes == pytest.approx(far.passes, abs=0.003)
    assert tango_chances(100_000, 0.05, 0.002, 0.05).passes > near.passes
