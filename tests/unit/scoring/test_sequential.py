from itertools import pairwise

import numpy as np
import pytest

from evalgate.scoring.methods.sequential import FRACTIONS, alpha_spent, bounds, case_order, looks
from evalgate.scoring.methods.special import ndtri


def test_published_bounds():
    assert bounds(FRACTIONS, 0.05, "obrien_fleming") == pytest.approx(
        (6.09, 3.750, 2.540, 2.016, 1.720), abs=3e-3
    )
    assert bounds(FRACTIONS, 0.05, "pocock") == pytest.approx((2.41, 2.26, 2.10, 2.06, 2.04), abs=5e-3)


def test_a_single_look_is_the_plain_test():
    for spending in ("obrien_fleming", "pocock"):
        assert bounds((1.0,), 0.05, spending) == pytest.approx((1.6449,), abs=1e-4)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_error_over_all_looks_is_alpha(spending):
    rng = np.random.default_rng(0)
    steps = np.diff((0.0, *FRACTIONS))
    walk = np.cumsum(rng.normal(size=(400_000, len(steps))) * np.sqrt(steps), axis=1)
    crossed = (walk / np.sqrt(FRACTIONS) >= bounds(FRACTIONS, 0.05, spending)).any(axis=1)
    assert crossed.mean() == pytest.approx(0.05, abs=0.0015)


def test_all_of_alpha_is_spent_at_the_end():
    for spending in ("obrien_fleming", "pocock"):
        assert alpha_spent(1.0, 0.025, spending) == pytest.approx(0.025)


def test_looks_carry_levels_that_stand_for_the_bounds():
    found = looks(1000, 0.05)
    assert [look.cases for look in found] == [100, 250, 500, 750, 1000]
    assert -ndtri(found[-1].pass_alpha) == pytest.approx(1.720, abs=2e-3)
    assert -ndtri(found[0].fail_alpha) == pytest.approx(2.41, abs=5e-3)
    assert all(look.pass_alpha < 0.05 and look.fail_alpha < 0.05 for look in found)


def test_looks_with_too_few_discordant_cases_are_left_out():
    assert [look.cases for look in looks(200, 0.05, discordance=0.05)] == [100, 150, 200]
    assert [look.cases for look in looks(20, 0.05, discordance=0.05)] == [20]
    assert looks(20, 0.05, discordance=0.05)[0].pass_alpha == pytest.approx(0.05, abs=1e-4)


def test_case_order_is_drawn_from_the_seed_alone_and_keeps_groups_together():
    groups = {f"c{i}": f"g{i // 4}" if i < 40 else None for i in range(80)}
    order = case_order(groups, 7)
    assert sorted(order) == sorted(groups)
    assert order == case_order(dict(reversed(groups.items())), 7)
    assert order != case_order(groups, 8)
    assert order != tuple(groups)
    seen = [groups[case] or case for case in order]
    assert sum(left != right for left, right in pairwise(seen)) == len(set(seen)) - 1
