import math

import numpy as np
import pytest
from scipy import stats

from evalgate.scoring.methods.tango import no_worse_p, tango_interval, tango_z


def test_published_example_of_tango_1998():
    # Cells (1, 1, 7, 12) of 21 pairs at 95 %, as printed in the literature.
    low, high = tango_interval(losses=7, gains=1, n=21, alpha=0.025)
    assert (low, high) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_limits_solve_the_score_equation():
    z = stats.norm.ppf(0.95)
    for losses, gains, n in [(34, 6, 400), (0, 3, 50), (5, 0, 80), (1, 1, 10), (400, 100, 1000)]:
        low, high = tango_interval(losses, gains, n, 0.05)
        assert tango_z(losses, gains, n, np.array(low)) == pytest.approx(z, abs=1e-6)
        assert tango_z(losses, gains, n, np.array(high)) == pytest.approx(-z, abs=1e-6)


def test_score_statistic_against_the_constrained_likelihood_found_numerically():
    losses, gains, n, difference = 7.0, 3.0, 60.0, -0.1

    def minus_log_likelihood(p_loss):
        p_gain = p_loss + difference
        return -(
            losses * np.log(p_loss)
            + gains * np.log(p_gain)
            + (n - losses - gains) * np.log(1 - p_loss - p_gain)
        )

    grid = np.linspace(0.1 + 1e-9, 0.55 - 1e-9, 400_001)
    p_loss = grid[np.argmin(minus_log_likelihood(grid))]
    variance = n * (2 * p_loss + difference - difference**2)
    expected = (gains - losses - n * difference) / math.sqrt(variance)
    assert float(tango_z(losses, gains, n, np.array(difference))) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("n", "budget", "passes"),
    [
        (298, 0.01, False),
        (299, 0.01, True),
        (148, 0.02, False),
        (149, 0.02, True),
        (59, 0.05, True),
        (58, 0.05, False),
    ],
)
def test_without_a_discordant_case_the_rule_of_three_decides(n, budget, passes):
    low, high = tango_interval(0, 0, n, 0.05)
    assert (low > -budget) is passes
    assert high == -low


def test_swapped_table_gives_the_mirrored_interval():
    low, high = tango_interval(12, 5, 300, 0.05)
    assert tango_interval(5, 12, 300, 0.05) == (-high, -low)


def test_everything_lost_or_won():
    assert tango_interval(10, 0, 10, 0.05)[0] == -1
    assert tango_interval(0, 10, 10, 0.05)[1] == 1
    assert -1 < tango_interval(10, 0, 10, 0.05)[1] < 0


def false_pass(n, budget, discordance):
    """Exact rate of a pass when the true drop is the budget: every table, its trinomial weight."""
    p_loss, p_gain = (discordance + budget) / 2, (discordance - budget) / 2
    losses, gains = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    possible = losses + gains <= n
    losses, gains = losses[possible], gains[possible]
    weight = np.exp(
        stats.multinomial.logpmf(
            np.stack([losses, gains, n - losses - gains], axis=1), n, [p_loss, p_gain, 1 - discordance]
        )
    )
    passed = tango_z(losses.astype(float), gains.astype(float), n, np.array(-budget)) > stats.norm.ppf(0.95)
    none = (losses == 0) & (gains == 0)
    passed = np.where(none, -tango_interval(0, 0, n, 0.05)[0] < budget, passed)
    return float(weight[passed].sum())


@pytest.mark.parametrize(
    ("n", "budget", "discordance", "published"),
    [
        (50, 0.01, 0.05, 0.019),
        (100, 0.01, 0.05, 0.055),
        (200, 0.01, 0.02, 0.044),
        (200, 0.02, 0.1, 0.047),
        (200, 0.05, 0.1, 0.049),
    ],
)
def test_exact_false_pass_rates_of_the_method_page(n, budget, discordance, published):
    assert false_pass(n, budget, discordance) == pytest.approx(published, abs=6e-4)


def test_worst_exact_false_pass_is_within_the_promise():
    worst = max(
        false_pass(n, budget, discordance)
        for n in (30, 60, 120, 200)
        for budget in (0.01, 0.02, 0.05, 0.1)
        for discordance in np.arange(budget, 0.3, 0.02) + 1e-9
    )
    assert worst <= 0.065


def test_p_of_no_worse_is_mcnemars():
    assert no_worse_p(0, 0) == 1.0
    assert no_worse_p(30, 10) == pytest.approx(stats.norm.sf(20 / math.sqrt(40)))
    assert no_worse_p(10, 30) == pytest.approx(1 - stats.norm.sf(20 / math.sqrt(40)))


def test_against_the_exact_unconditional_test_at_small_n():
    """The oracle: sup over discordance of the chance of a table at least as extreme, tables ordered by z."""
    n, budget = 40, 0.1
    losses, gains = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    possible = losses + gains <= n
    losses, gains = losses[possible], gains[possible]
    z = tango_z(losses.astype(float), gains.astype(float), n, np.array(-budget))
    tables = np.stack([losses, gains, n - losses - gains], axis=1)
    worst = np.zeros(len(z))
    for discordance in np.linspace(budget, 1, 91):
        shares = [(discordance + budget) / 2, (discordance - budget) / 2, 1 - discordance]
        weight = stats.multinomial.pmf(tables, n, shares)
        order = np.argsort(-z, kind="stable")
        chance = np.cumsum(weight[order])
        # Tables with equal z belong together: each gets the chance of the last of them.
        last = np.searchsorted(-z[order], -z[order], side="right") - 1
        worst[order] = np.maximum(worst[order], chance[last])
    plausible = (losses + gains <= 20) & (losses + gains > 0)
    score_p = stats.norm.sf(z)
    decided_alike = (score_p <= 0.05) == (worst <= 0.05)
    assert decided_alike[plausible].mean() > 0.97
    # Where they part, it is by a hair: nothing passes that the exact test would find far from passing.
    assert worst[plausible & (score_p <= 0.05)].max() < 0.07
