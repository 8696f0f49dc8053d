"""Laws of the comparison and of the gate that hold for every pair of runs."""

import math
import re
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalgate.core.budgets import Limit
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.gate.judge import judge
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.scoring.methods.pseudo_case import difference_interval
from evalgate.scoring.methods.tango import tango_interval
from evalgate.scoring.pairs import pair as matched
from evalgate.scoring.recovery import recovery_of
from evalgate.scoring.setting import Setting
from tests.synthetic_runs import Served, limit_of, rules_of, run_of

MODES = st.sampled_from(["block", "estimate", "warn"])
ALPHAS = st.sampled_from([0.01, 0.025, 0.05, 0.1])
SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])


ODD = (math.nan, math.inf, -1.0, 0.0)


@st.composite
def pairs_of_runs(draw, largest=60, odd_numbers=False):
    """Two runs over the same cases: any mix of equal and new calls, groups, weights, repeats, failures.

    The shape is drawn by hypothesis, the numbers by a generator that it seeds: a hundred drawn numbers a
    case would be all that a test has time for.
    """
    n, trials, groups = draw(st.integers(0, largest)), draw(st.integers(1, 3)), draw(st.integers(0, 6))
    weighted, anew, quality = draw(st.booleans()), draw(SHARES), draw(SHARES)
    failing, odd = draw(st.sampled_from([0, 0, 0.1])), draw(SHARES) if odd_numbers else 0
    random = Random(draw(st.integers(0, 2**32)))

    def served(case: Served, call: str) -> Served:
        return replace(
            case,
            call=call,
            right=None if case.right is None else random.random() < quality,
            cost=random.choice((None, *ODD)) if random.random() < odd else random.lognormvariate(-4, 1),
            latency=random.choice(ODD) if random.random() < odd else random.lognormvariate(0, 1),
            score=random.choice(ODD) if random.random() < odd else None,
            failed=random.random() < failing,
        )

    before, after = [], []
    for index in range(n):
        case = Served(
            f"c{index}",
            right=True if random.random() < 0.95 else None,
            group=f"g{random.randrange(groups)}" if groups and random.random() < 0.9 else None,
            weight=random.uniform(0.1, 10) if weighted else 1.0,
            slices={"intent": random.choice("ab")},
        )
        for trial in range(trials):
            before.append(served(replace(case, trial=trial), "same"))
            after.append(served(before[-1], "anew") if random.random() < anew else before[-1])
    return before, after


LIMITS = (
    limit_of("accuracy", "max_drop", 0.02),
    limit_of("score", "max_drop", 0.02),
    limit_of("cost_per_correct", "max_rise", 0.05),
    limit_of("latency_p95", "max_rise", 0.1),
    limit_of("latency_geomean", "max_rise", 0.1),
    limit_of("accuracy", "min", 0.5),
    limit_of("cost_per_correct", "max", 0.5),
    limit_of("accuracy", "max_drop", 0.05, slice="*"),
    limit_of("accuracy", "max_drop", 0.05, slice="a", critical=True),
    limit_of("flip_rate", "max", 0.02),
    limit_of("flip_rate", "max_rise", 0.02),
    limit_of("format_failure_rate", "max_rise", 0.02),
    limit_of("answer_length", "max_rise", 0.1),
)


def compared(pair, alpha=0.05):
    before, after = pair
    return compare(run_of(before), run_of(after, "candidate"), rules_of(alpha=alpha, slice_by="intent"))


def ruled(pair, *limits, alpha=0.05):
    return judge(compared(pair, alpha), rules_of(*limits, alpha=alpha, slice_by="intent"))


@settings(max_examples=60, deadline=None)
@given(pairs_of_runs(), ALPHAS)
def test_swapping_the_runs_flips_the_sign_and_mirrors_the_interval(pair, alpha):
    before, after = pair
    for one, other in zip(
        compared(pair, alpha).changes, compared((after, before), alpha).changes, strict=True
    ):
        if isinstance(one.change, Unmeasured) or isinstance(other.change, Unmeasured):
            continue
        if one.metric == "flip_rate":
            # Beyond the baseline's own flips, and that is another one.
            continue
        assert (one.losses, one.gains) == (other.gains, other.losses)
        if one.scale == "absolute":
            mirrored = (-one.change.value, -one.change.high, -one.change.low)
        else:
            ratios = (1 + one.change.value, 1 + one.change.high, 1 + one.change.low)
            assume(all(ratio > 1e-9 for ratio in ratios))
            mirrored = tuple(1 / ratio - 1 for ratio in ratios)
        found = (other.change.value, other.change.low, other.change.high)
        assert found == pytest.approx(mirrored, rel=1e-4, abs=1e-6), one.metric


@settings(max_examples=60, deadline=None)
@given(pairs_of_runs(), ALPHAS)
def test_flips_are_the_same_seen_from_either_side_and_bound_what_accuracy_moves(pair, alpha):
    before, after = pair
    there, back = compared(pair, alpha), compared((after, before), alpha)
    one, other = there.find("flip_rate"), back.find("flip_rate")
    assert one.candidate == other.candidate
    assert (one.losses, one.gains) == (other.gains, other.losses)
    moved = there.find("accuracy").change
    if isinstance(moved, Estimate):
        assert abs(moved.value) <= one.candidate.value + 1e-9
        assert 0 <= one.candidate.low <= one.candidate.value <= one.candidate.high <= 1


@settings(max_examples=60, deadline=None)
@given(pairs_of_runs(), ALPHAS)
def test_a_recovery_is_below_one_exactly_where_accuracy_fell(pair, alpha):
    before, after = (run_of(side) for side in pair)
    pairs, setting = matched(before, after), Setting(alpha)
    found, turned = recovery_of(pairs, setting), recovery_of(matched(after, before), setting)
    if not isinstance(found, Estimate):
        return
    moved = compared(pair, alpha).find("accuracy").change
    assert found.low <= found.value <= found.high
    assert (found.value < 1 - 1e-9) == (moved.value < -1e-9)
    if abs(found.high - 1) > 1e-6 and abs(moved.high) > 1e-6:
        assert (found.high < 1) == (moved.high < 0)
    if isinstance(turned, Estimate) and found.method == "nam_blackwelder" and found.low > 0:
        assert (turned.low, turned.high) == pytest.approx((1 / found.high, 1 / found.low), rel=1e-4)


@settings(max_examples=60, deadline=None)
@given(pairs_of_runs(), st.floats(0, 0.5), st.floats(0, 0.5), st.sampled_from(LIMITS[:5] + LIMITS[7:]), MODES)
def test_a_larger_allowance_never_turns_a_pass_into_anything_else(pair, allowance, more, limit, mode):
    def verdicts(size) -> list:
        return [
            check.verdict
            for check in ruled(pair, replace(limit, allowance=size, on_inconclusive=mode)).checks
        ]

    for small, large in zip(verdicts(allowance), verdicts(allowance + more), strict=True):
        if small == "pass":
            assert large == "pass"
        if large == "fail":
            assert small == "fail"


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 200),
    st.integers(0, 500),
    ALPHAS,
    st.floats(0.001, 0.3),
)
def test_unchanged_cases_never_turn_an_accuracy_pass_into_fail(losses, gains, still, added, alpha, budget):
    n = losses + gains + still
    assume(n > 0)
    if tango_interval(losses, gains, n, alpha)[0] > -budget:
        assert tango_interval(losses, gains, n + added, alpha)[1] > -budget
    import numpy as np

    moved = np.concatenate([-np.ones(losses), np.ones(gains), np.zeros(still)])
    longer = np.concatenate([moved, np.zeros(added)])
    if difference_interval(moved, np.ones(n), alpha).low > -budget:
        assert difference_interval(longer, np.ones(n + added), alpha).high > -budget


@settings(max_examples=40, deadline=None)
@given(pairs_of_runs(), st.integers(1, 100))
def test_unchanged_cases_never_turn_an_accuracy_pass_into_fail_of_the_gate(pair, added):
    limit = replace(LIMITS[0], allowance=0.1)
    before, after = pair
    more = [Served(f"more{index}", right=index % 3 > 0, trial=0) for index in range(added)]
    assume(not before or max(each.trial for each in before) == 0)
    if ruled(pair, limit).verdict == "pass":
        assert ruled(([*before, *more], [*after, *more]), limit).verdict != "fail"


@settings(max_examples=40, deadline=None)
@given(pairs_of_runs(), st.randoms(use_true_random=False))
def test_the_order_of_the_cases_changes_nothing(pair, random):
    before, after = pair
    order = list(range(len(before)))
    random.shuffle(order)
    shuffled = ([before[i] for i in order], [after[i] for i in order])
    one, other = compared(pair), compared(shuffled)
    for left, right in zip(one.changes + one.slices, other.changes + other.slices, strict=True):
        for name in ("baseline", "candidate", "change"):
            first, second = getattr(left, name), getattr(right, name)
            assert type(first) is type(second)
            if isinstance(first, Estimate):
                numbers = ((each.value, each.low, each.high) for each in (first, second))
                assert next(numbers) == pytest.approx(next(numbers), rel=1e-6, abs=1e-9)
        assert (left.n, left.losses, left.gains) == (right.n, right.losses, right.gains)
    assert one.cases == other.cases


@settings(max_examples=40, deadline=None)
@given(pairs_of_runs(), pairs_of_runs(odd_numbers=True), MODES)
def test_a_policy_against_itself_never_fails(plain, odd, mode):
    paired = tuple(limit for limit in LIMITS if "max_" in limit.limit or limit.metric == "flip_rate")
    relative = tuple(replace(limit, on_inconclusive=mode) for limit in paired)
    for side in plain:
        found = ruled((side, side), *relative)
        assert {check.verdict for check in found.checks if check.n} <= {"pass"}
    for side in odd:
        assert ruled((side, side), *relative).verdict != "fail"


@settings(max_examples=60, deadline=None)
@given(pairs_of_runs(odd_numbers=True), MODES)
def test_unmeasured_never_passes_and_odd_input_gives_sentences(pair, mode):
    limits = tuple(replace(limit, on_inconclusive=mode) for limit in LIMITS)
    after = pair[1]
    rules = rules_of(*limits, slice_by="intent")
    for found in (ruled(pair, *limits), judge(compare_absolute(run_of(after), rules), rules)):
        assert found.headline
        assert not re.search(r"(fell|rose) .*\bnan\b", found.headline)
        for check in found.checks:
            judged = check.candidate if check.limit in {"min", "max"} else check.change
            if isinstance(judged, Unmeasured):
                assert check.verdict == "inconclusive"
                assert judged.reason
            else:
                assert not math.isnan(judged.value)
                assert not math.isnan(judged.low + judged.high) or math.isinf(judged.low)
                assert judged.low <= judged.value <= judged.high
            assert check.reason
            assert check.blocked == expected_block(check)


def expected_block(check) -> bool:
    """The law of ``on_inconclusive`` from the design, in words of its own."""
    if check.verdict == "fail":
        return True
    if check.verdict == "pass":
        return False
    if check.on_inconclusive == "block":
        return True
    if check.on_inconclusive == "warn" or not check.gated:
        return False
    judged = check.candidate if check.limit in {"min", "max"} else check.change
    if isinstance(judged, Unmeasured):
        return True
    return {
        "max_drop": judged.value < -check.allowance - 1e-9,
        "max_rise": judged.value > check.allowance + 1e-9,
        "min": judged.value < check.allowance,
        "max": judged.value > check.allowance,
    }[check.limit]


@settings(max_examples=60, deadline=None)
@given(pairs_of_runs(), MODES)
def test_the_verdict_is_the_worst_of_what_is_gated(pair, mode):
    found = ruled(pair, *(replace(limit, on_inconclusive=mode) for limit in LIMITS))
    gated = {check.verdict for check in found.checks if check.gated}
    if found.verdict == "pass":
        assert gated == {"pass"}
    assert (found.verdict == "fail") == ("fail" in gated)
    assert found.blocked == any(check.blocked for check in found.checks)


def test_limits_hold_every_relative_metric():
    assert {limit.metric for limit in LIMITS if isinstance(limit, Limit)} >= {"accuracy", "latency_geomean"}
