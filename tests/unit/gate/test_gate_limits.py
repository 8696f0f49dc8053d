import math
from dataclasses import replace

import pytest

from evalgate.core.comparison import Change, OtherState
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.gate.limits import check_of, judge_limit
from tests.synthetic_runs import limit_of


def estimate(value, low, high, method="tango"):
    return Estimate(value, low, high, 0.9, method)


def change_of(change, metric="accuracy", **fields):
    quality = metric in {"accuracy", "score"}
    settings = {
        "metric": metric,
        "slice": None,
        "scale": "absolute" if quality else "relative",
        "unit": "share" if quality else "usd",
        "baseline": estimate(0.9, 0.88, 0.92),
        "candidate": estimate(0.89, 0.87, 0.91),
        "change": change,
        "method": "tango",
        "level": 0.9,
        "n": 400,
        "clusters": 400,
        "trials": 1,
        "affected": 100,
        "sd": 0.2,
        **fields,
    }
    return Change(**settings)


def judged(change, limit):
    return check_of(limit, change, judge_limit(limit, change, 0.05))


DROP = limit_of("accuracy", "max_drop", 0.01)
RISE = limit_of("cost_per_correct", "max_rise", 0.05)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.009, 0.02, "pass"),
        (-0.01, 0.02, "pass"),
        (-0.0101, 0.02, "inconclusive"),
        (-0.05, -0.0099, "inconclusive"),
        (-0.05, -0.0101, "fail"),
        (0.01, 0.03, "pass"),
    ],
)
def test_a_drop_is_judged_by_the_whole_interval(low, high, verdict):
    assert judged(change_of(estimate((low + high) / 2, low, high)), DROP).verdict == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.4, 0.049, "pass"),
        (-0.4, 0.051, "inconclusive"),
        (0.051, 0.2, "fail"),
        (-1.0, math.inf, "inconclusive"),
    ],
)
def test_a_rise_is_judged_by_the_whole_interval(low, high, verdict):
    change = change_of(estimate(0.01, low, high), "cost_per_correct")
    assert judged(change, RISE).verdict == verdict


def test_a_rise_of_exactly_the_allowance_passes():
    exact = 1.05 - 1.0
    assert judged(change_of(estimate(exact, exact, exact), "cost_per_correct"), RISE).verdict == "pass"


def test_no_allowance_at_all_is_held_by_what_is_identical():
    change = change_of(estimate(0, 0, 0, "identical"))
    check = judged(change, limit_of("accuracy", "max_drop", 0.0))
    assert (check.verdict, check.reason) == ("pass", "accuracy is identical by construction")


@pytest.mark.parametrize(
    ("mode", "value", "blocked"),
    [
        ("block", -0.005, True),
        ("estimate", -0.005, False),
        ("estimate", -0.015, True),
        ("warn", -0.015, False),
    ],
)
def test_what_follows_from_an_inconclusive_check(mode, value, blocked):
    limit = replace(DROP, on_inconclusive=mode)
    check = judged(change_of(estimate(value, -0.05, 0.02)), limit)
    assert (check.verdict, check.blocked, check.gated) == ("inconclusive", blocked, True)
    assert (f"on_inconclusive: {mode}" in check.reason) is blocked


@pytest.mark.parametrize(("mode", "blocked"), [("block", True), ("estimate", True), ("warn", False)])
def test_an_unmeasured_limit_blocks_unless_warned(mode, blocked):
    check = judged(change_of(Unmeasured("no case has a target")), replace(DROP, on_inconclusive=mode))
    assert (check.verdict, check.blocked) == ("inconclusive", blocked)
    assert "accuracy was not measured: no case has a target" in check.reason


@pytest.mark.parametrize(("mode", "blocked"), [("block", True), ("estimate", False), ("warn", False)])
@pytest.mark.parametrize("change", [estimate(0.9, 0.5, 1.4), estimate(0, -0.1, 0.01), Unmeasured("too few")])
def test_what_is_not_gated_is_shown_and_blocks_only_under_block(mode, blocked, change):
    limit = replace(limit_of("latency_p95", "max_rise", 0.1), on_inconclusive=mode)
    check = judged(change_of(change, "latency_p95", gated=False, not_gated_because="recorded apart"), limit)
    assert (check.verdict, check.gated, check.blocked) == ("inconclusive", False, blocked)


@pytest.mark.parametrize("mode", ["block", "estimate", "warn"])
def test_a_proven_fail_always_blocks(mode):
    check = judged(change_of(estimate(-0.07, -0.1, -0.041)), replace(DROP, on_inconclusive=mode))
    assert check.blocked
    assert check.reason == "accuracy fell by at least 4.1 points, budget 1.0"


def test_a_proven_fall_is_never_rounded_into_the_budget():
    check = judged(change_of(estimate(-0.05, -0.09, -0.01004)), DROP)
    assert check.reason == "accuracy fell by at least 1.004 points, budget 1.0"


def test_a_gain_is_worded_as_a_gain():
    check = judged(change_of(estimate(-0.31, -0.35, -0.26), "cost_per_correct"), RISE)
    assert check.reason == "cost per correct fell by 31% (26 to 35%), inside the budget of 5%"
    check = judged(change_of(estimate(0.012, 0.003, 0.021)), DROP)
    assert check.reason == "accuracy rose by 1.2 points (0.3 to 2.1), inside the budget of 1.0"


def test_a_change_that_may_be_none_is_worded_with_signs():
    check = judged(change_of(estimate(-0.003, -0.009, 0.004)), DROP)
    assert check.reason == "accuracy changed by −0.3 points (−0.9 to +0.4), inside the budget of 1.0"


def test_an_inconclusive_check_says_how_many_cases_would_decide():
    check = judged(change_of(estimate(0.0, -0.02, 0.02)), DROP)
    z = 1.6448536 + 0.8416212
    assert check.cases_needed == math.ceil((z * 0.2 / 0.01) ** 2)
    assert (
        f"about {check.cases_needed:,} cases ({check.cases_needed - 400:,} more) would decide" in check.reason
    )


def test_the_rule_of_three_is_the_least_number_of_cases():
    check = judged(change_of(estimate(0.0, -0.0149, 0.0149), n=200, clusters=200, sd=0.01), DROP)
    assert check.cases_needed == 299


def test_cases_needed_count_cases_not_groups():
    alone = judged(change_of(estimate(0.0, -0.02, 0.02)), DROP).cases_needed
    grouped = judged(change_of(estimate(0.0, -0.02, 0.02), clusters=100), DROP).cases_needed
    assert grouped == pytest.approx(4 * alone, abs=4)


def test_an_estimate_on_the_limit_cannot_be_decided_by_cases():
    check = judged(change_of(estimate(-0.01, -0.03, 0.01)), DROP)
    assert check.cases_needed is None
    assert "more cases will not decide" in check.reason


def test_too_few_changed_cases_decide_nothing_and_say_how_many_would():
    change = change_of(
        estimate(0.2, 0.1, 0.3), "cost_per_correct", undecided_because="only 8 changed", n=100, affected=8
    )
    check = judged(change, RISE)
    assert (check.verdict, check.cases_needed) == ("inconclusive", 250)
    assert "only 8 changed" in check.reason


def test_failures_must_not_decide_a_pass():
    change = change_of(estimate(0.01, -0.005, 0.03), failed_right=estimate(-0.02, -0.04, 0.001))
    check = judged(change, DROP)
    assert check.verdict == "inconclusive"
    assert "only while failed cases count as wrong; counted right, it changed by −2.0 points" in check.reason
    agreeing = change_of(estimate(0.01, -0.005, 0.03), failed_right=estimate(0.01, -0.004, 0.03))
    assert judged(agreeing, DROP).verdict == "pass"


def test_failures_do_not_soften_a_fail():
    change = change_of(estimate(-0.1, -0.2, -0.05), failed_right=estimate(0, -0.005, 0.005))
    assert judged(change, DROP).verdict == "fail"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.86, 0.9, "pass"), (0.84, 0.9, "inconclusive"), (0.8, 0.8499, "fail")],
)
def test_an_absolute_minimum_is_judged_by_the_candidate_alone(low, high, verdict):
    change = change_of(Unmeasured("no baseline"), candidate=estimate((low + high) / 2, low, high, "wilson"))
    check = judged(change, limit_of("accuracy", "min", 0.85))
    assert (check.verdict, check.method) == (verdict, "wilson")


@pytest.mark.parametrize(
    ("low", "high", "verdict", "reason"),
    [
        (2.0, 2.4, "pass", "P95 latency is 2.2 s (2 s to 2.4 s), maximum 2.5 s held"),
        (2.4, math.inf, "inconclusive", "P95 latency is 2.7 s (at least 2.4 s)"),
        (2.6, 3.0, "fail", "P95 latency is at least 2.6 s, maximum 2.5 s"),
    ],
)
def test_an_absolute_maximum(low, high, verdict, reason):
    value = 2.2 if verdict == "pass" else 2.7
    change = change_of(
        estimate(0, 0, 0), "latency_p95", unit="s", candidate=estimate(value, low, high, "order_statistic")
    )
    limit = replace(limit_of("latency_p95", "max", 2.5), unit="s")
    check = judged(change, limit)
    assert check.verdict == verdict
    assert reason in check.reason


def test_an_absolute_limit_is_judged_though_times_may_not_be_compared():
    change = change_of(
        estimate(0.1, 0, 0.2),
        "latency_p95",
        gated=False,
        not_gated_because="recorded apart",
        candidate=estimate(1, 0.9, 1.1),
    )
    check = judged(change, replace(limit_of("latency_p95", "max", 2.5), unit="s"))
    assert (check.verdict, check.gated) == ("pass", True)


def test_absolute_limits_say_how_many_cases_would_decide():
    change = change_of(Unmeasured("x"), candidate=estimate(0.86, 0.84, 0.88, "wilson"))
    check = judged(change, limit_of("accuracy", "min", 0.85))
    sd = 0.02 / 1.6448536 * 20
    assert check.cases_needed == pytest.approx(((1.6448536 + 0.8416212) * sd / 0.01) ** 2, abs=1)


@pytest.mark.parametrize("name", ["max_drop", "min"])
def test_a_slice_under_30_cases_is_shown_only(name):
    limit = limit_of("accuracy", name, 0.01, slice="billing", critical=True)
    check = judged(change_of(estimate(-0.5, -0.7, -0.3), slice="billing", n=29, clusters=29), limit)
    assert (check.verdict, check.gated, check.blocked, check.cases_needed) == (
        "inconclusive",
        False,
        False,
        30,
    )
    assert "29 cases; it takes 30 to judge a slice, 1 more" in check.reason
    at_30 = judged(
        change_of(estimate(-0.5, -0.7, -0.3), slice="billing", n=30, clusters=30),
        limit_of("accuracy", "max_drop", 0.01, slice="billing"),
    )
    assert at_30.verdict == "fail"
    assert at_30.reason.startswith("accuracy in slice 'billing' fell by at least 30.0 points")


def test_an_identical_small_slice_passes():
    change = change_of(estimate(0, 0, 0, "identical"), slice="billing", n=3)
    assert judged(change, limit_of("accuracy", "max_drop", 0.01, slice="billing")).verdict == "pass"


def test_repeats_are_offered_where_they_would_decide():
    noisy = {"n": 400, "clusters": 400, "trials": 2, "sd": 0.2, "trial_sd": 0.28}
    check = judged(change_of(estimate(0.0, -0.02, 0.02), **noisy), DROP)
    # n (gap / reach)^2 must reach sd^2 - trial_sd^2 / 2 + trial_sd^2 / k.
    k = math.ceil(0.28**2 / (400 * (0.01 / 2.4864749) ** 2 - (0.2**2 - 0.28**2 / 2)))
    assert 2 < k <= 20
    assert f", or {k} trials of each case, would decide" in check.reason
    steady = judged(change_of(estimate(0.0, -0.02, 0.02), **{**noisy, "trial_sd": 0.01}), DROP)
    assert "trials of each case" not in steady.reason


HITS = limit_of("false_hit_rate", "max", 0.01)


def hits_of(value, low, high, n):
    candidate = estimate(value, low, high, "clopper_pearson")
    settings = {"scale": "absolute", "unit": "share", "candidate": candidate, "n": n, "sd": None}
    return change_of(estimate(0, 0, 0), "false_hit_rate", **settings)


def test_false_hits_pass_only_by_the_upper_bound():
    held = judged(hits_of(0.0, 0.0, 0.00997, 299), HITS)
    assert (held.verdict, held.reason) == ("pass", "false-hit rate is 0% (0% to 0.997%), maximum 1% held")
    broken = judged(hits_of(0.05, 0.03, 0.08, 300), HITS)
    assert (broken.verdict, broken.reason) == ("fail", "false-hit rate is at least 3%, maximum 1%")


def test_too_few_hits_say_how_many_would_decide():
    few = judged(hits_of(0.0, 0.0, 0.0295, 100), HITS)
    assert (few.verdict, few.blocked, few.cases_needed) == ("inconclusive", False, 299)
    assert few.reason.endswith("about 299 distinct labelled hits (199 more) would decide")
    some = judged(hits_of(0.005, 0.0003, 0.0235, 200), HITS)
    assert some.cases_needed > 1000
    none = change_of(estimate(0, 0, 0), "false_hit_rate", candidate=Unmeasured("no hit"), n=0, sd=None)
    assert judged(none, HITS).cases_needed == 299
    assert "about 299 distinct labelled hits would decide" in judged(none, HITS).reason


def test_a_rise_of_false_hits_is_counted_in_points():
    limit = limit_of("false_hit_rate", "max_rise", 0.005)
    settings = {"scale": "absolute", "unit": "share", "sd": None}
    fell = judged(change_of(estimate(-0.01, -0.02, 0.001), "false_hit_rate", **settings), limit)
    assert (fell.verdict, fell.reason[-26:]) == ("pass", ", inside the budget of 0.5")
    rose = judged(change_of(estimate(0.03, 0.011, 0.05), "false_hit_rate", **settings), limit)
    assert rose.reason == "false-hit rate rose by at least 1.1 points, budget 0.5"


COSTS = {
    "pass": estimate(-0.2, -0.25, -0.15, "fieller"),
    "fail": estimate(0.2, 0.15, 0.25, "fieller"),
    "inconclusive": estimate(0.04, 0.0, 0.08, "fieller"),
}


def in_states(cold, warm, *, declared=False):
    """A cost that is judged cold, as one outcome with cold prompt caches and another with warm ones."""
    other = change_of(COSTS[warm], "cost_per_correct")
    return change_of(COSTS[cold], "cost_per_correct", other_state=OtherState("cold", declared, other))


@pytest.mark.parametrize("cold", COSTS)
@pytest.mark.parametrize("warm", COSTS)
def test_a_cost_must_come_out_alike_with_cold_and_with_warm_prompt_caches(cold, warm):
    check = judged(in_states(cold, warm), RISE)
    assert check.verdict == (cold if cold == warm else "inconclusive")
    assert ("suite.yaml says which decides" in check.reason) == (cold != warm)
    # Blocked by estimate where it is outside in either state.
    assert check.blocked == ("fail" in {cold, warm})


def test_the_sentence_names_both_outcomes():
    reason = judged(in_states("pass", "fail"), RISE).reason
    assert reason.startswith(
        "cost per correct holds its budget with cold prompt caches and breaks it with warm ones; "
    )


@pytest.mark.parametrize("cold", COSTS)
@pytest.mark.parametrize("warm", COSTS)
def test_a_declared_state_decides_alone(cold, warm):
    check = judged(in_states(cold, warm, declared=True), RISE)
    assert check.verdict == cold
    assert "with warm prompt caches, cost per correct" in check.reason


def test_what_would_decide_is_more_than_what_did_not():
    """Cases that all stayed alike say nothing below ln(alpha) / ln(1 - allowance) of them, of any share."""
    rise = limit_of("failure_rate", "max_rise", 0.01)
    still = estimate(0.0, -0.094, 0.094, "pseudo_case_t")
    told = change_of(still, "failure_rate", scale="absolute", unit="share", n=90, clusters=30, sd=0.0)
    assert "about 895 cases (805 more) would decide" in judged(told, rise).reason
    few = change_of(
        estimate(-0.02, -0.057, 0.014, "fieller"), "answer_length", n=65, affected=22, undecided_because="so"
    )
    assert "(1 more) would decide" in judged(few, limit_of("answer_length", "max_rise", 0.01)).reason
