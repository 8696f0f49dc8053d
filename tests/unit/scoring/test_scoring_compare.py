import math
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.run import Session
from evalgate.core.verdict import CaseCounts
from evalgate.scoring.compare import compare, compare_absolute
from tests.synthetic_runs import INTERLEAVED, Served, rules_of, run_of


def two_runs(n=100, broke=0, fixed=0, cost=1.0, latency=1.0, **settings):
    """n cases, of which the first 60 are called anew; ``broke`` lose, ``fixed`` gain."""
    rng = np.random.default_rng(n)
    before, after = [], []
    for index in range(n):
        case, usd, seconds = f"c{index}", float(rng.lognormal(-4, 0.5)), float(rng.lognormal(0, 0.5))
        right = not (broke <= index < broke + fixed) and index < 90
        before.append(Served(case, right, usd, seconds, call="before" if index < 60 else "same"))
        if index >= 60:
            after.append(replace(before[-1]))
            continue
        now = (right and index >= broke) or broke <= index < broke + fixed
        after.append(Served(case, now, usd * cost, seconds * latency, call="after"))
    return run_of(before, **settings), run_of(after, "candidate", **settings)


def test_accuracy_is_paired_and_tells_losses_from_gains():
    change = compare(*two_runs(broke=7, fixed=2)).find("accuracy")
    assert (change.losses, change.gains, change.affected, change.n) == (7, 2, 60, 100)
    assert change.method == "tango"
    assert change.change.value == pytest.approx(-0.05)
    assert change.level == pytest.approx(0.9)
    assert (change.baseline.value, change.candidate.value) == pytest.approx((0.88, 0.83))
    assert change.baseline.method == "wilson"


def test_flips_and_counts():
    found = compare(*two_runs(broke=2, fixed=1))
    assert found.cases == CaseCounts(total=100, both_right=87, both_wrong=10, fixed=1, broke=2, failed=0)
    assert [(flip.case_id, flip.kind) for flip in found.flips] == [
        ("c0", "broke"),
        ("c1", "broke"),
        ("c2", "fixed"),
    ]
    assert (found.flips[0].baseline, found.flips[0].candidate) == ("c0: right", "c0: wrong")
    assert found.flips[0].target == "right"


def test_failed_cases_stand_as_wrong_and_are_counted_apart():
    base = [Served(f"c{i}") for i in range(50)]
    cand = [replace(each, call="anew", failed=index < 3) for index, each in enumerate(base)]
    found = compare(run_of(base), run_of(cand, "candidate"))
    assert found.cases.failed == 3
    assert found.cases.broke == 3
    assert found.flips[0].candidate == "failed: no answer in time"
    change = found.find("accuracy")
    assert change.change.value == pytest.approx(-0.06)
    assert change.failed_right.value == 0


def test_cost_per_correct_counts_all_spend_over_right_answers():
    base, cand = two_runs(cost=0.5)
    change = compare(base, cand).find("cost_per_correct")
    spend = sum(each.cost.total_usd for each in base.results)
    right = sum(each.grade.correct for each in base.results)
    assert change.baseline.value == pytest.approx(spend / right)
    assert change.method == "fieller"
    assert change.change.low < change.change.value < change.change.high < 0
    assert change.affected == 60


def test_fewer_than_20_changed_cases_leave_the_cost_undecided():
    base = [Served(f"c{i}", cost=0.01 + i / 1e5) for i in range(100)]
    cand = [replace(each, cost=each.cost * 2, call="anew") if i < 19 else each for i, each in enumerate(base)]
    change = compare(run_of(base), run_of(cand)).find("cost_per_correct")
    assert "changed on 19 cases only; 20 are needed" in change.undecided_because
    cand[19] = replace(base[19], cost=0.02, call="anew")
    assert compare(run_of(base), run_of(cand)).find("cost_per_correct").undecided_because == ""


def test_groups_that_changed_are_counted_not_cases():
    base = [Served(f"c{i}", cost=0.01 + i / 1e5, group=f"g{i // 10}") for i in range(300)]
    cand = [
        replace(each, cost=each.cost * 2, call="anew") if i < 100 else each for i, each in enumerate(base)
    ]
    change = compare(run_of(base), run_of(cand)).find("cost_per_correct")
    assert "on 10 groups only" in change.undecided_because
    assert change.clusters == 30


def test_cleanup_makes_wrong_answers_cost():
    rules = rules_of(cleanup_usd_per_wrong=1.0)
    base, cand = two_runs(broke=5, rules=rules)
    found = compare(base, cand)
    spend = sum(each.cost.total_usd for each in base.results) + 1.0 * 10
    assert found.find("cost_per_correct").baseline.value == pytest.approx(spend / 90)
    assert found.without_cleanup.baseline.value == pytest.approx((spend - 10) / 90)
    assert compare(*two_runs()).without_cleanup is None


def test_ungraded_cases_cost_and_take_time_but_are_not_judged():
    base = [Served(f"c{i}", right=None if i < 10 else True, cost=1.0) for i in range(100)]
    cand = [replace(each, call="anew", cost=1.1) for each in base]
    found = compare(run_of(base), run_of(cand))
    assert found.ungraded == 10
    assert found.find("accuracy").n == 90
    assert found.find("cost_per_correct").baseline.value == pytest.approx(100 / 90)
    assert found.find("latency_p95").n == 100


def test_repeats_are_never_extra_cases():
    base = [Served(f"c{i}", right=i % 10 > 0, trial=t) for i in range(50) for t in range(3)]
    cand = [
        replace(each, right=each.right and not (each.trial == 1 and each.case < "c2"), call="anew")
        for each in base
    ]
    change = compare(run_of(base), run_of(cand)).find("accuracy")
    assert (change.method, change.n, change.clusters, change.trials) == ("pseudo_case_t", 50, 50, 3)
    assert change.losses == sum(i % 10 > 0 and f"c{i}" < "c2" for i in range(50))


@pytest.mark.parametrize("field", ["group", "weight"])
def test_groups_and_weights_leave_tango_for_the_pseudo_case_interval(field):
    base = [
        Served(
            f"c{i}",
            group=f"g{i // 2}" if field == "group" else None,
            weight=1 + (i % 2) if field == "weight" else 1,
        )
        for i in range(100)
    ]
    cand = [replace(each, right=i >= 5, call="anew") for i, each in enumerate(base)]
    change = compare(run_of(base), run_of(cand)).find("accuracy")
    assert change.method == "pseudo_case_t"
    assert change.clusters == (50 if field == "group" else 100)
    assert any("group" in note or "weight" in note for note in change.assumptions)
    expected = -5 / 100 if field == "group" else -7 / 150
    assert change.change.value == pytest.approx(expected)


def test_weights_weigh_the_cost_too():
    base = [Served(f"c{i}", cost=1.0 if i else 100.0, weight=1.0 if i else 50.0) for i in range(60)]
    cand = [replace(each, call="anew", cost=each.cost * 1.1) for each in base]
    change = compare(run_of(base), run_of(cand)).find("cost_per_correct")
    assert change.baseline.value == pytest.approx((50 * 100 + 59) / (50 + 59))


def test_p95_needs_40_calls_a_side():
    base = [Served(f"c{i}", latency=1 + i / 100) for i in range(39)]
    cand = [replace(each, call="anew", latency=each.latency * 1.1) for each in base]
    change = compare(run_of(base), run_of(cand)).find("latency_p95")
    assert isinstance(change.change, Unmeasured)
    assert "39 calls a side are too few for a P95, which needs 40" in change.change.reason
    base.append(Served("c39"))
    cand.append(Served("c39", call="anew"))
    assert isinstance(compare(run_of(base), run_of(cand)).find("latency_p95").change, Estimate)


def test_latency_ratio_is_of_harrell_davis_quantiles_inside_its_interval():
    change = compare(*two_runs(n=60, latency=1.3)).find("latency_p95")
    assert change.change.value == pytest.approx(0.3)
    assert change.change.low <= 0.3 <= change.change.high
    assert change.method == "exceedance"
    assert change.gated
    assert change.losses is not None


def test_geometric_mean_sees_a_small_uniform_slowdown_exactly():
    change = compare(*two_runs(n=60, latency=1.07)).find("latency_geomean")
    assert change.change.value == pytest.approx(0.07)
    assert change.change.low == pytest.approx(0.07)


@pytest.mark.parametrize(
    ("before", "after", "gated"),
    [
        ((INTERLEAVED,), (INTERLEAVED,), True),
        ((replace(INTERLEAVED, interleaved=False),), (INTERLEAVED,), False),
        ((INTERLEAVED,), (replace(INTERLEAVED, interleaved=False),), False),
        ((Session("s0", "2026"),), (INTERLEAVED,), False),
    ],
)
def test_times_are_gated_only_within_one_interleaved_session_of_both_sides(before, after, gated):
    base = [Served(f"c{i}", call="before") for i in range(50)]
    cand = [replace(each, call="after", latency=1.5) for each in base]
    found = compare(run_of(base, sessions=before), run_of(cand, sessions=after))
    for metric in ("latency_p95", "latency_geomean"):
        change = found.find(metric)
        assert change.gated is gated
        assert ("not recorded interleaved in one session" in change.not_gated_because) is not gated
    assert found.find("accuracy").gated
    assert found.find("cost_per_correct").gated


def test_sides_from_two_sessions_are_not_gated_though_both_are_interleaved():
    sessions = (INTERLEAVED, Session("s2", "2026", interleaved=True))
    base = [Served(f"c{i}", call="before") for i in range(50)]
    cand = [replace(each, call="after", session="s2" if i == 3 else "s1") for i, each in enumerate(base)]
    change = compare(run_of(base, sessions=sessions), run_of(cand, sessions=sessions)).find("latency_p95")
    assert not change.gated
    assert "differ on 1 of 50 cases (first 'c3')" in change.not_gated_because


def test_equal_calls_need_no_session_and_contribute_exactly_nothing():
    base = [Served(f"c{i}", session="long ago", latency=1 + i / 10) for i in range(60)]
    cand = [replace(each, cost=0.02) for each in base]
    change = compare(run_of(base), run_of(cand)).find("latency_p95")
    assert change.gated
    assert (change.change.low, change.change.high, change.change.method) == (0, 0, "identical")


def test_nothing_differs_so_everything_is_identical_by_construction():
    served = [Served(f"c{i}", right=i % 3 > 0, cost=None, latency=i) for i in range(7)]
    found = compare(run_of(served), run_of(served, "candidate"))
    assert found.identical
    assert found.affected == 0
    for change in found.changes:
        assert (change.change.value, change.change.low, change.change.high) == (0, 0, 0), change.metric
        assert change.method == "identical"


def test_other_calls_with_the_same_outcomes_are_not_identical():
    base = [Served(f"c{i}", latency=1.0) for i in range(100)]
    cand = [replace(each, call="anew") for each in base]
    found = compare(run_of(base), run_of(cand))
    assert not found.identical
    accuracy = found.find("accuracy").change
    assert accuracy.method == "tango"
    assert accuracy.low == pytest.approx(-(1 - 0.05 ** (1 / 100)))


def test_a_price_change_alone_leaves_accuracy_identical():
    base = [Served(f"c{i}", right=i % 2 > 0) for i in range(100)]
    cand = [replace(each, cost=0.02) for each in base]
    found = compare(run_of(base), run_of(cand))
    assert not found.identical
    assert found.find("accuracy").method == "identical"
    assert found.find("cost_per_correct").change.value == pytest.approx(1.0)


def test_slices_are_measured_one_by_one():
    base = [
        Served(f"c{i}", slices={"intent": "odd" if i % 2 else "even"} if i < 90 else {}) for i in range(100)
    ]
    cand = [replace(each, right=i % 2 == 0, call="anew") for i, each in enumerate(base)]
    found = compare(run_of(base, rules=rules_of(slice_by="intent")), run_of(cand))
    assert {change.slice for change in found.slices} == {"even", "odd"}
    assert found.find("accuracy", "odd").change.value == -1
    assert found.find("accuracy", "odd").n == 45
    assert found.find("accuracy", "even").change.value == 0
    assert found.find("accuracy", "nowhere") is None
    assert {change.metric for change in found.slices} == {change.metric for change in found.changes}


def test_rules_come_from_the_baseline_unless_given():
    base, cand = two_runs()
    base = replace(base, manifest=replace(base.manifest, rules=rules_of(alpha=0.025)))
    assert compare(base, cand).find("accuracy").level == pytest.approx(0.95)
    assert compare(base, cand, rules_of(alpha=0.1)).find("accuracy").level == pytest.approx(0.8)


def test_shared_calls_are_said_to_be_assumed_frozen():
    notes = compare(*two_runs(broke=3)).find("accuracy").assumptions
    assert notes[0].startswith("40 of 100 cases are served alike")
    assert len(notes) == 3


@pytest.mark.parametrize("odd", [math.nan, math.inf, -1.0])
def test_odd_numbers_are_a_sentence_and_touch_only_their_metric(odd):
    base = [Served(f"c{i}") for i in range(60)]
    cand = [replace(each, call="anew") for each in base]
    slow = compare(run_of(base), run_of([replace(cand[0], latency=odd), *cand[1:]]))
    assert "the latency of case 'c0' is" in slow.find("latency_p95").change.reason
    assert "the latency of case 'c0' is" in slow.find("latency_geomean").change.reason
    dear = compare(run_of(base), run_of([replace(cand[0], cost=odd), *cand[1:]]))
    assert "the cost of case 'c0' is" in dear.find("cost_per_correct").change.reason
    graded = compare(run_of(base), run_of([replace(cand[0], score=odd), *cand[1:]]))
    assert "the grade of case 'c0' is" in graded.find("score").change.reason
    for found in (slow, dear, graded):
        assert isinstance(found.find("accuracy").change, Estimate)


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("right", [True, False])
def test_tiny_runs_are_sentences_or_wide_intervals(n, right):
    base = [Served(f"c{i}", right) for i in range(n)]
    cand = [replace(each, call="anew", latency=2.0, cost=0.0) for each in base]
    for change in compare(run_of(base), run_of(cand)).changes:
        if isinstance(change.change, Estimate):
            assert not math.isnan(change.change.value + change.change.level)
            assert change.change.low <= change.change.value <= change.change.high
        else:
            assert change.change.reason


def test_zero_costs():
    base = [Served(f"c{i}", right=i > 2, cost=0.0) for i in range(60)]
    free = [replace(each, right=True, call="anew") for each in base]
    change = compare(run_of(base), run_of(free)).find("cost_per_correct")
    assert (change.change.value, change.change.high) == (0, 0)
    paid = [replace(each, cost=0.1, call="anew") for each in base]
    reason = compare(run_of(base), run_of(paid)).find("cost_per_correct").change.reason
    assert "the baseline costs nothing" in reason
    change = compare(run_of(paid), run_of(base)).find("cost_per_correct")
    assert change.change.value == -1


def test_none_correct_is_unmeasured_and_says_on_which_side():
    base = [Served(f"c{i}", right=True) for i in range(60)]
    cand = [replace(each, right=False, call="anew") for each in base]
    change = compare(run_of(base), run_of(cand)).find("cost_per_correct")
    assert change.change == Unmeasured("no case was answered correctly by the candidate")
    assert change.candidate == Unmeasured("no case was answered correctly")


def test_zero_latency_baseline():
    base = [Served(f"c{i}", latency=0.0) for i in range(60)]
    cand = [replace(each, latency=1.0, call="anew") for each in base]
    found = compare(run_of(base), run_of(cand))
    assert "P95 is 0 s" in found.find("latency_p95").change.reason
    assert "is 0 s" in found.find("latency_geomean").change.reason
    back = compare(run_of(cand), run_of(base)).find("latency_p95").change
    assert (back.value, back.low) == (-1, -1)


def test_without_baseline_the_candidates_own_numbers():
    served = [Served(f"c{i}", right=i > 5, slices={"intent": "a" if i < 50 else "b"}) for i in range(100)]
    found = compare_absolute(run_of(served, "first", rules_of(slice_by="intent")))
    assert found.baseline is None
    assert found.find("accuracy").candidate.value == pytest.approx(0.94)
    assert isinstance(found.find("accuracy").change, Unmeasured)
    assert found.find("accuracy", "a").candidate.value == pytest.approx(0.88)
    assert found.cases == CaseCounts(100, 94, 6, 0, 0, 0)
    repeated = [replace(each, trial=t) for t in range(2) for each in served]
    again = compare_absolute(run_of(repeated, "first", rules_of(slice_by="intent")))
    assert again.find("accuracy", "b").n == 50


def big_runs(n, slices):
    rng = np.random.default_rng(0)
    usd, seconds = rng.lognormal(-5, 1, n), rng.lognormal(0, 0.6, n)
    anew, right, flip = rng.random(n) < 0.3, rng.random(n) < 0.9, rng.random(n) < 0.1
    before = [
        Served(f"c{i}", bool(right[i]), float(usd[i]), float(seconds[i]), slices={"intent": f"s{i % slices}"})
        for i in range(n)
    ]
    after = [
        replace(
            each,
            right=bool(each.right ^ flip[i]),
            cost=each.cost * 0.8,
            latency=each.latency * 0.9,
            call="anew",
        )
        if anew[i]
        else each
        for i, each in enumerate(before)
    ]
    return run_of(before, rules=rules_of(slice_by="intent")), run_of(after)


def test_ten_thousand_cases_in_twenty_slices_are_quick():
    base, cand = big_runs(10_000, 20)
    compare(base, cand)
    spent = []
    for _ in range(3):
        start = time.process_time()
        compare(base, cand)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.6  # 0.3 s on an idle machine; see benchmarks


def test_scipy_stats_stays_out_of_the_way():
    import subprocess

    code = (
        "import sys, evalgate.scoring.compare, evalgate.gate.judge, evalgate.gate.decide; "
        "sys.exit(any(name.startswith('scipy.stats') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
