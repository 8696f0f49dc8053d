"""P95 of the first token and of those after it, paired like P95 latency."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.outcome import TokenTimes
from evalgate.core.run import Session
from evalgate.gate.judge import judge
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.scoring.token_columns import NO_STREAMS
from tests.synthetic_runs import Served, limit_of, rules_of, run_of

UNTOLD = TokenTimes(None, None, "its answer was not recorded as a stream")
LEVELS = (limit_of("ttft_p95", "max", 0.8), limit_of("tpot_p95", "max", 0.05))


def sides(n=200, slower=1.0, *, call="after", seed=0):
    """Cases that wait a lognormal while for the first token; the candidate's waits are ``slower``."""
    rng = np.random.default_rng(seed)
    before, after = [], []
    for index in range(n):
        ttft, tpot = float(rng.lognormal(-1.5, 0.4)), float(rng.lognormal(-4, 0.3))
        served = Served(f"c{index}", latency=ttft + 50 * tpot, call="before", tokens=TokenTimes(ttft, tpot))
        before.append(served)
        after.append(replace(served, call=call, tokens=TokenTimes(ttft * slower, tpot)))
    return before, after


def changes(before, after, **settings):
    found = compare(run_of(before, **settings), run_of(after, "candidate", **settings))
    return found.find("ttft_p95"), found.find("tpot_p95"), found.find("latency_p95")


def test_the_first_token_has_the_method_of_latency():
    before, after = sides(slower=1.5)
    first, _, latency = changes(before, after)
    as_latency = [
        [replace(e, latency=e.tokens.ttft_s, tokens=None) for e in side] for side in (before, after)
    ]
    _, _, same = changes(*as_latency)
    assert first.change == same.change
    assert (first.baseline, first.candidate, first.losses) == (same.baseline, same.candidate, same.losses)
    assert (first.unit, first.scale, first.change.method) == ("s", "relative", "exceedance")
    assert first.change.low <= 0.5 <= first.change.high
    assert latency.change.value == pytest.approx(0)


def test_levels_are_proven_or_broken_or_open():
    before, _ = sides()
    rules = rules_of(*LEVELS)
    for factor, verdict in ((0.5, "pass"), (4.0, "fail"), (1.9, "inconclusive")):
        slow = [replace(e, tokens=replace(e.tokens, ttft_s=e.tokens.ttft_s * factor)) for e in before]
        ruling = judge(compare_absolute(run_of(slow, rules=rules)), rules)
        assert ruling.checks[0].verdict == verdict, factor


def test_a_stream_nobody_recorded_is_unmeasured_never_zero():
    before, after = sides()
    after[7] = replace(after[7], tokens=UNTOLD)
    first, then, _ = changes(before, after)
    assert isinstance(first.baseline, Estimate)
    for each in (first, then):
        assert isinstance(each.change, Unmeasured)
        assert "case 'c7' is unknown: its answer was not recorded as a stream" in each.candidate.reason


def test_a_policy_that_does_not_say_is_unmeasured_and_told_what_to_write():
    before, after = sides()
    after = [replace(each, tokens=None) for each in after]
    first, then, _ = changes(before, after)
    assert first.candidate == then.candidate == Unmeasured(NO_STREAMS)
    assert isinstance(first.change, Unmeasured)


def test_nothing_changed_is_nothing_changed_though_nobody_knows_how_long_it_takes():
    before, _ = sides()
    silent = [replace(each, tokens=None) for each in before]
    first, then, _ = changes(silent, silent)
    assert first.change.method == then.change.method == "identical"
    assert first.candidate == Unmeasured(NO_STREAMS)


def test_turning_the_stream_off_moves_the_first_token_and_no_latency():
    before, _ = sides(call="before")
    off = [replace(each, tokens=TokenTimes(each.latency)) for each in before]
    first, then, latency = changes(before, off)
    found = compare(run_of(before), run_of(off, "candidate"))
    assert not found.identical
    assert first.change.low > 1
    assert (first.gated, first.affected) == (True, 200)
    assert latency.change.method == "identical"
    assert then.candidate == Unmeasured(
        "every answer came in one piece, so no time passed between its tokens"
    )


def test_answers_in_one_piece_have_no_time_between_tokens_and_are_told():
    before, after = sides(slower=1.2)
    for index in range(50):
        after[index] = replace(after[index], tokens=TokenTimes(0.01))
    _, then, _ = changes(before, after)
    assert then.n == 150
    assert "50 of 200 cases are left out" in then.assumptions[-1]
    assert then.change.value == pytest.approx(0, abs=0.1)


def test_recorded_at_two_times_it_is_shown_and_not_gated():
    before, after = sides(slower=1.5)
    apart = (Session("s1", "2026-01-01T00:00:00Z"),)
    first, _, _ = changes(before, after, sessions=apart)
    assert not first.gated
    assert "not recorded interleaved" in first.not_gated_because


def test_our_own_lag_is_spread_over_the_tokens():
    before, after = sides(slower=1.2)
    late = [replace(each, lag=0.02 * each.latency) for each in after]
    later = [replace(each, lag=0.5 * each.latency) for each in after]
    assert compare_absolute(run_of(late)).find("tpot_p95").mismeasured_because == ""
    assert "event loop" in compare_absolute(run_of(later)).find("tpot_p95").mismeasured_because
    assert "event loop" in changes(before, later)[1].mismeasured_because


def test_trials_and_slices_keep_their_times():
    before, after = sides(n=120, slower=2.0)
    both = [
        [
            replace(e, trial=t, slices={"kind": "even" if int(e.case[1:]) % 2 == 0 else "odd"})
            for e in side
            for t in (0, 1)
        ]
        for side in (before, after)
    ]
    rules = rules_of(slice_by="kind")
    found = compare(run_of(both[0], rules=rules), run_of(both[1], "candidate", rules=rules))
    inside = found.find("ttft_p95", "even")
    assert (inside.n, found.find("ttft_p95").n) == (60, 120)
    assert inside.change.value > 0.5


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), slower=st.floats(0.3, 3))
def test_turned_around_the_change_is_turned_around(seed, slower):
    before, after = sides(n=80, slower=slower, seed=seed)
    there, back = changes(before, after)[0].change, changes(after, before)[0].change
    assert (1 + there.value) * (1 + back.value) == pytest.approx(1)
    assert (1 + there.low) * (1 + back.high) == pytest.approx(1)
