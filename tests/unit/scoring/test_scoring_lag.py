import re

import pytest

from evalgate.gate.judge import judge
from evalgate.scoring.columns import columns_of
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.scoring.lag import mismeasured_because, p95_moved_by_lag
from tests.synthetic_runs import Served, limit_of, rules_of, run_of

RULES = rules_of(limit_of("latency_p95", "max_rise", 0.10))


def served(lag=None, late=1.0, name="same", latency=1.0):
    """A hundred cases, of which the share ``late`` was measured ``lag`` seconds late."""
    return run_of(
        [
            Served(f"c{n}", latency=latency, call=name, lag=lag if n < 100 * late else None)
            for n in range(100)
        ],
        rules=RULES,
    )


def test_lag_moves_a_p95_by_what_is_left_without_it():
    assert p95_moved_by_lag(columns_of(served(lag=0.2))) == pytest.approx(0.25)
    assert p95_moved_by_lag(columns_of(served())) == 0
    assert p95_moved_by_lag(columns_of(served(lag=1.0))) == float("inf")


def test_being_late_now_and_then_moves_nothing():
    assert p95_moved_by_lag(columns_of(served(lag=0.5, late=0.5))) == 0.0


def test_the_reason_says_how_much_and_what_to_do():
    why = mismeasured_because(columns_of(served(lag=0.2)))
    assert re.fullmatch(r".* can have raised a P95 by 25% \(judged up to 5%\); measure again .*", why)
    assert mismeasured_because(columns_of(served(lag=0.04))) == ""


@pytest.mark.parametrize("lags", [(None, 0.2), (0.2, None), (0.2, 0.2)])
def test_a_change_that_either_side_measured_badly_is_not_judged(lags):
    before, after = (served(lag=lag, name=name) for lag, name in zip(lags, "ab", strict=True))
    ruling = judge(compare(before, after), RULES)
    assert ruling.verdict == "inconclusive"
    assert "not to be trusted: evalgate's own event loop" in ruling.checks[0].reason
    # Under on_inconclusive: estimate there is no estimate to go by either.
    assert ruling.blocked


def test_calls_that_both_sides_share_are_measured_alike():
    same = served(lag=0.2)
    assert judge(compare(same, same), RULES).verdict == "pass"


def test_a_maximum_that_even_slow_measuring_holds_is_held():
    run = served(lag=0.2)
    held, broken = (rules_of(limit_of("latency_p95", "max", most)) for most in (2.0, 0.9))
    assert judge(compare_absolute(run, held), held).verdict == "pass"
    assert judge(compare_absolute(run, broken), broken).verdict == "inconclusive"
    assert judge(compare_absolute(served(), broken), broken).verdict == "fail"
