from dataclasses import replace

import numpy as np
import pytest

from evalgate.gate.looks import judge_look
from evalgate.scoring.compare import compare_look
from evalgate.scoring.methods.sequential import looks
from tests.synthetic_runs import Served, limit_of, rules_of, run_of

DROP = limit_of("accuracy", "max_drop", 0.05)
RISE = limit_of("cost_per_correct", "max_rise", 0.05)
SLOW = limit_of("latency_p95", "max_rise", 0.1)
LOOKS = looks(1000, 0.05)


def looked(at, wrong, *limits):
    """One look: of the cases so far, those that ``wrong`` names are lost by the candidate."""
    rules = rules_of(*limits)
    base = [
        Served(f"c{i}", latency=1 + i % 97 / 50, cost=0.01 + i % 89 / 1e5) for i in range(LOOKS[at].cases)
    ]
    cand = [
        replace(each, right=not wrong(i), call="anew", cost=each.cost * 0.7) for i, each in enumerate(base)
    ]
    return judge_look(compare_look(run_of(base, rules=rules), run_of(cand, "candidate"), LOOKS[at]), rules)


def test_a_large_regression_stops_at_the_first_look():
    found = looked(0, lambda i: i % 5 == 0, DROP, RISE)
    assert (found.stop, found.ruling.verdict) == (True, "fail")
    assert found.ruling.headline.endswith("; decided after 100 of 1,000 cases")


def test_what_would_pass_at_the_plain_level_may_go_on():
    found = looked(0, lambda _: False, DROP)
    assert (found.stop, found.ruling.verdict) == (False, "inconclusive")
    assert "not at the stricter level that looking early leaves" in found.ruling.checks[0].reason


def test_clearly_equal_stops_before_the_end():
    found = looked(2, lambda i: i == 3, DROP, RISE)
    assert (found.stop, found.ruling.verdict, found.ruling.blocked) == (True, "pass", False)


def test_p95_waits_for_the_last_look():
    found = looked(2, lambda i: i == 3, DROP, SLOW)
    assert not found.stop
    assert "judged when all cases are measured" in found.ruling.checks[1].reason
    last = looked(4, lambda i: i == 3, DROP, SLOW)
    assert (last.stop, last.ruling.verdict) == (True, "pass")


def test_slices_wait_for_the_last_look_but_a_fail_does_not_wait_for_them():
    every = limit_of("accuracy", "max_drop", 0.1, slice="*")
    assert not looked(2, lambda i: i == 3, DROP, every).stop
    assert looked(0, lambda i: i % 4 == 0, DROP, every).stop


def test_the_last_look_always_stops_and_shows_the_plain_interval():
    found = looked(4, lambda i: i % 20 == 1, DROP)
    assert found.stop
    assert found.ruling.verdict == "inconclusive"
    assert found.ruling.checks[0].level == pytest.approx(0.9)
    assert "decided after" not in found.ruling.headline


def test_looking_five_times_keeps_the_error_at_the_margin():
    rng = np.random.default_rng(4)
    passed = failed = 0
    limit, runs = limit_of("accuracy", "max_drop", 0.05), 400
    from evalgate.scoring.methods.special import ndtri
    from evalgate.scoring.methods.tango import tango_z

    for _ in range(runs):
        draws = rng.random(1000)
        lost, gained = draws < 0.1, draws > 0.95
        for look in LOOKS:
            b, c = float(lost[: look.cases].sum()), float(gained[: look.cases].sum())
            z = float(tango_z(b, c, look.cases, np.array(-limit.allowance)))
            if z > -ndtri(look.pass_alpha):
                passed += 1
                break
            if z < ndtri(look.fail_alpha):
                failed += 1
                break
    assert passed / runs < 0.085
    assert failed / runs < 0.085
