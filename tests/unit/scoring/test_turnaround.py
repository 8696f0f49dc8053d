"""Answers that nobody waits for: out of the latencies, and judged by when they are there."""

from dataclasses import replace

import pytest

from evalgate.core.numbers import Unmeasured
from evalgate.gate.judge import judge
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.scoring.turnaround import NO_BATCH, NOBODY_WAITS
from tests.synthetic_runs import Served, limit_of, rules_of, run_of

HOUR = 3600.0
DEADLINE = limit_of("turnaround", "max", 24 * HOUR)


def live(count, latency=1.0, call="live"):
    return [Served(f"c{n}", latency=latency + n / 1000, call=call) for n in range(count)]


def by_batch(served, window=24 * HOUR, taken=None):
    """The same, answered by a batch API; ``taken`` is a recorded turnaround."""
    if taken is None:
        return replace(served, batch_window=window, latency=window)
    return replace(served, batch_window=window, latency=taken, turnaround=taken)


def test_a_window_is_a_promise():
    found = compare_absolute(run_of([by_batch(each) for each in live(5)])).find("turnaround")
    assert (found.candidate.value, found.candidate.low, found.candidate.high) == (86400, 86400, 86400)
    assert (found.n, found.method) == (5, "declared")
    assert "the completion window that the policy declares" in found.assumptions[0]


def test_recorded_turnarounds_have_a_p95():
    served = [by_batch(each, taken=600.0 + n) for n, each in enumerate(live(200))]
    found = compare_absolute(run_of(served)).find("turnaround")
    assert found.candidate.value == pytest.approx(790, abs=2)
    assert found.candidate.low < found.candidate.value < found.candidate.high
    assert found.assumptions == ()
    slower = [by_batch(each, taken=2 * (600.0 + n)) for n, each in enumerate(live(200, call="other"))]
    change = compare(run_of(served), run_of(slower, "candidate")).find("turnaround")
    assert change.change.value == pytest.approx(1, abs=0.01)
    assert change.method == "exceedance"


def test_few_recorded_turnarounds_leave_the_promise():
    served = [by_batch(each, taken=600.0) for each in live(39)]
    assert compare_absolute(run_of(served)).find("turnaround").candidate.value == 86400


def test_without_a_batch_there_is_nothing_to_limit():
    rules = rules_of(DEADLINE)
    found = compare_absolute(run_of(live(50), rules=rules))
    assert found.find("turnaround").candidate == Unmeasured(NO_BATCH)
    (check,) = judge(found, rules).checks
    assert (check.verdict, check.reason) == ("pass", f"batch turnaround: {NO_BATCH}")


def test_an_old_recording_of_a_batch_does_not_ungate_who_waits():
    before = live(100)
    after = [replace(each, latency=each.latency * 2, call="new") for each in before[:60]]
    after += [replace(by_batch(each), call="new", session="elsewhere") for each in before[60:]]
    found = compare(run_of(before), run_of(after, "candidate")).find("latency_p95")
    assert (found.gated, found.n) == (True, 60)
    assert found.change.value == pytest.approx(1, abs=0.1)


def test_from_batch_to_live_there_was_nothing_to_wait_for():
    found = compare(run_of([by_batch(each) for each in live(60)]), run_of(live(60), "candidate"))
    latency = found.find("latency_p95")
    assert not latency.gated
    assert "under both policies" in latency.not_gated_because
    assert latency.candidate.value == pytest.approx(1.05, abs=0.01)
    back = compare(run_of(live(60)), run_of([by_batch(each) for each in live(60)], "candidate"))
    latency = back.find("latency_p95")
    assert latency.nothing_because == NOBODY_WAITS
    assert (latency.candidate, latency.change) == (Unmeasured(NOBODY_WAITS), Unmeasured(NOBODY_WAITS))


def test_a_wait_moved_into_a_batch_needs_a_deadline():
    before, after = live(60), [by_batch(each) if n % 3 else each for n, each in enumerate(live(60))]
    limits = (limit_of("latency_geomean", "max", 5.0), limit_of("latency_geomean", "max_rise", 0.1))
    undated, dated = rules_of(*limits), rules_of(*limits, DEADLINE)
    for rules, verdict in ((undated, "inconclusive"), (dated, "pass")):
        ruling = judge(compare(run_of(before, rules=rules), run_of(after, "candidate", rules=rules)), rules)
        assert {check.verdict for check in ruling.checks} == {verdict}
        assert ruling.blocked == (verdict == "inconclusive")


def test_a_rise_is_no_deadline_where_there_was_no_batch_before():
    after = [by_batch(each, window=1000 * HOUR) for each in live(60)]
    rules = rules_of(limit_of("latency_p95", "max_rise", 0.1), limit_of("turnaround", "max_rise", 0.1))
    ruling = judge(compare(run_of(live(60), rules=rules), run_of(after, "candidate", rules=rules)), rules)
    assert (ruling.verdict, ruling.blocked) == ("inconclusive", True)
    assert "no budget limits that; add turnaround: {max: 24h}" in ruling.checks[0].reason
    before = [by_batch(each) if n % 3 else each for n, each in enumerate(live(60))]
    ruling = judge(
        compare(run_of(before, rules=rules), run_of([by_batch(each) for each in before], "candidate")), rules
    )
    assert [check.verdict for check in ruling.checks] == ["pass", "pass"]
