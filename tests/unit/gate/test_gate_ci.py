"""What a pull request may not decide for itself: waivers, strictness, its own evidence."""

import pytest

from evalgate.core.budgets import Limit, Rules, Waiver
from evalgate.core.errors import ExitCode
from evalgate.core.verdict import CallCounts, JudgeUse
from evalgate.gate.decide import decide, nothing_changed
from evalgate.gate.new_recordings import calls_used, held_back
from evalgate.gate.tighten import tightened
from evalgate.gate.waivers import in_force, waived
from tests.unit.report import decisions

DROP = Limit("accuracy", "max_drop", 0.01, "share", "absolute", "estimate")
BROKEN = decisions.check(verdict="fail", blocked=True, reason="accuracy fell")


def waiver(**changed):
    fields = {
        "metric": "accuracy",
        "limit": "max_drop",
        "slice": None,
        "allowance": 0.03,
        "reason": "known",
        "expiry": "2026-12-31",
    }
    return Waiver(**(fields | changed))


def judged_up_to(edge):
    """A judge that lets pass what may drop by ``edge`` or more."""
    return lambda limit: [decisions.check(blocked=limit.allowance < edge)]


@pytest.mark.parametrize(
    ("changed", "lets_pass"),
    [
        ({}, True),
        ({"allowance": 0.02}, True),
        ({"allowance": 0.019}, False),
        ({"metric": "score"}, False),
        ({"limit": "min"}, False),
        ({"slice": "billing"}, False),
    ],
)
def test_a_waiver_covers_its_own_limit_up_to_its_allowance(changed, lets_pass):
    [check] = waived([BROKEN], DROP, [waiver(**changed)], judged_up_to(0.02))
    assert check.blocked is not lets_pass
    assert (check.waiver is not None) is lets_pass
    assert check.verdict == "fail"


def test_what_does_not_block_needs_no_waiver():
    fine = decisions.check()
    assert waived([fine], DROP, [waiver()], judged_up_to(0.02)) == [fine]


def test_every_waiver_in_force_is_told_with_what_it_widens():
    [told] = in_force([waiver()], [DROP])
    assert told == (
        "a waiver is in force until 2026-12-31: the max_drop of accuracy may be 3.0 instead of 1.0 (known)"
    )
    [odd] = in_force([waiver(metric="score")], [DROP])
    assert "widens no limit" in odd


@pytest.mark.parametrize(
    ("written", "least", "result"),
    [
        ("warn", "block", "block"),
        ("warn", "estimate", "estimate"),
        ("estimate", "warn", "estimate"),
        ("block", "warn", "block"),
        ("block", "estimate", "block"),
        ("estimate", "estimate", "estimate"),
    ],
)
def test_rules_only_become_stricter(written, least, result):
    rules = Rules((Limit("accuracy", "max_drop", 0.01, "share", "absolute", written),))
    assert tightened(rules, least).limits[0].on_inconclusive == result


def with_new(added, **changed):
    return decisions.judgement(calls=CallCounts(80, 80, 0, added), **changed)


def test_the_share_counts_the_calls_of_judges_too():
    judged = with_new(20, judging=JudgeUse(("a/b",), 20, 0.0, 0))
    assert calls_used(judged) == 100
    assert held_back(judged, 0.2) is judged
    assert held_back(with_new(20), 0.2).verdict == "inconclusive"
    nothing = decisions.judgement(calls=CallCounts(0, 0, 0))
    assert held_back(nothing, 0.0) is nothing


def test_up_to_the_cap_nothing_changes():
    made = with_new(16)
    assert held_back(made, 0.2) is made


def test_above_the_cap_nothing_is_proven_and_it_blocks():
    held = held_back(with_new(17), 0.2)
    decision = decide([held])
    assert (held.verdict, held.blocked) == ("inconclusive", True)
    assert decision.exit_code == ExitCode.BLOCKED_UNPROVEN
    assert "17 of 80 calls" in held.headline
    assert all(check.verdict == "inconclusive" and check.blocked for check in held.checks)


def test_a_limit_that_only_warns_still_only_warns():
    checks = (decisions.check(on_inconclusive="warn"),)
    held = held_back(with_new(80, checks=checks), 0.2)
    assert (held.verdict, held.blocked) == ("inconclusive", False)


def test_a_proven_fail_stays_one_and_a_waiver_does_not_hold():
    checks = (BROKEN, decisions.check(verdict="fail", waiver=waiver()))
    held = held_back(with_new(80, checks=checks, verdict="fail", blocked=True, headline="it fell"), 0.2)
    assert held.headline == "it fell"
    assert decide([held]).exit_code == ExitCode.BLOCKED
    assert held.checks[1].waiver is None
    assert held.checks[1].verdict == "inconclusive"


def test_what_is_shown_and_not_judged_stays_so():
    shown = decisions.check(gated=False, verdict="inconclusive")
    assert held_back(with_new(80, checks=(shown,)), 0.2).checks == (shown,)


def test_nothing_changed_passes():
    decision = nothing_changed(["why"])
    assert (decision.verdict, decision.blocked, decision.exit_code) == ("pass", False, ExitCode.OK)
