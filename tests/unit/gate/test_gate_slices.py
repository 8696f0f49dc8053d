import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate
from evalgate.gate.slices import holm, tripwire
from tests.synthetic_runs import limit_of


@pytest.mark.parametrize("seed", range(5))
def test_holm_agrees_with_statsmodels(seed):
    p = np.random.default_rng(seed).uniform(0, 0.1 + seed / 5, 12)
    assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_of_nothing():
    assert holm([]) == ()


def slice_of(name, drop, p, n=125):
    change = Estimate(-drop, -drop - 0.05, -drop + 0.05, 0.9, "tango")
    level = Estimate(0.9 - drop, 0.85 - drop, 0.95 - drop, 0.9, "wilson")
    return Change(
        metric="accuracy",
        slice=name,
        scale="absolute",
        unit="share",
        baseline=level,
        candidate=level,
        change=change,
        method="tango",
        level=0.9,
        n=n,
        clusters=n,
        trials=1,
        affected=n,
        p_no_worse=p,
        sd=0.2,
    )


LIMIT = limit_of("accuracy", "max_drop", 0.05, slice="*")


def verdicts(limit, *slices):
    return [check.verdict for check in tripwire(limit, slices, 0.05)]


def test_a_slice_fails_only_if_it_is_worse_beyond_chance_and_over_the_budget():
    assert verdicts(LIMIT, slice_of("a", 0.08, 0.001)) == ["fail"]
    assert verdicts(LIMIT, slice_of("a", 0.04, 0.001)) == ["pass"]
    assert verdicts(LIMIT, slice_of("a", 0.08, 0.06)) == ["pass"]


def test_holm_counts_every_watched_slice():
    rest = [slice_of(f"s{i}", 0.0, 0.5) for i in range(7)]
    assert verdicts(LIMIT, slice_of("a", 0.08, 0.008), *rest)[0] == "pass"
    assert verdicts(LIMIT, slice_of("a", 0.08, 0.006), *rest)[0] == "fail"


def test_small_slices_are_shown_and_do_not_dilute_the_rest():
    rest = [slice_of(f"s{i}", 0.5, 0.0001, n=29) for i in range(30)]
    checks = tripwire(LIMIT, [slice_of("a", 0.08, 0.04), *rest], 0.05)
    assert checks[0].verdict == "fail"
    assert {(check.verdict, check.gated, check.blocked) for check in checks[1:]} == {
        ("inconclusive", False, False)
    }


def test_checks_carry_the_name_of_their_slice():
    check = tripwire(LIMIT, [slice_of("billing", 0.08, 0.001)], 0.05)[0]
    assert check.slice == "billing"
    assert check.reason == (
        "accuracy in slice 'billing' fell by 8.0 points (3.0 to 13.0), slice budget 5.0 "
        "(p 0.001 after Holm's correction)"
    )


def test_a_minimum_of_every_slice_is_a_tripwire_too():
    limit = limit_of("accuracy", "min", 0.85, slice="*")
    assert verdicts(limit, slice_of("a", 0.0, 0.5), slice_of("b", 0.2, 0.0)) == ["pass", "fail"]
    assert verdicts(limit, slice_of("a", 0.06, 0.5)) == ["pass"]  # 84 %, which may be chance
