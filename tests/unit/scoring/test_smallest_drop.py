"""How small a drop a number of cases can rule out: against the tables that were computed exactly."""

import math

import pytest

from evalgate.scoring.methods.smallest_drop import cases_for, least_cases, noise, provable_drop


@pytest.mark.parametrize(("drop", "cases"), [(0.01, 299), (0.02, 149), (0.03, 99), (0.05, 59), (0.10, 29)])
def test_the_floor_is_where_an_unbroken_run_of_cases_proves_the_budget(drop, cases):
    assert least_cases(drop, 0.05) == cases
    assert (1 - drop) ** cases <= 0.05 < (1 - drop) ** (cases - 1)
    assert provable_drop(cases, 0.05) <= drop < provable_drop(cases - 1, 0.05)


# Exact, by enumeration of Tango's interval; the formula is low by 1 to 12 % where this few cases differ.
@pytest.mark.parametrize(
    ("drop", "discordance", "exact"),
    [(0.01, 0.02, 1343), (0.02, 0.05, 818), (0.03, 0.05, 384), (0.05, 0.10, 266), (0.10, 0.20, 130)],
)
def test_the_cases_for_a_budget_are_a_little_below_the_exact_ones(drop, discordance, exact):
    assert exact * 0.88 <= cases_for(drop, discordance, 0.05) <= exact


@pytest.mark.parametrize(("cases", "points"), [(200, 3.9), (500, 2.5), (1000, 1.8), (2000, 1.2), (5000, 0.8)])
def test_the_noise_of_a_twentieth_of_flips(cases, points):
    assert noise(cases, 0.05, 0.05) * 100 == pytest.approx(points, abs=0.06)


def test_few_flips_never_ask_for_less_than_the_floor():
    assert cases_for(0.10, 0.001, 0.05) == 29
    assert math.isclose(provable_drop(1, 0.05), 0.95)
