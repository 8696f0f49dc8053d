"""What a judgement says of each side's money: weights, cleanup, a month of traffic."""

from dataclasses import replace

import pytest

from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.run import Run
from evalgate.core.trials import TrialsPass
from evalgate.pipeline.comparing.judgement import judge_alone, judge_pair
from evalgate.pricing.cleanup import cleanup_per_request
from tests.synthetic_runs import Served, rules_of, run_of

CLEANED = rules_of(cleanup_usd_per_wrong=1.0)


def monthly(run: Run, requests: int = 1000) -> Run:
    return replace(run, manifest=replace(run.manifest, requests_per_month=requests))


def test_shares_and_costs_weigh_cases_as_metrics_do() -> None:
    run = run_of(
        [
            Served("a", cost=0.04, weight=3, deployment="strong"),
            Served("b", cost=0.00, deployment="weak"),
            Served("c", failed=True, cost=0.00),
        ]
    )
    found = judge_alone(run)
    side = found.candidate_side
    assert side.cost_per_request_usd == pytest.approx(0.12 / 5)
    assert dict(side.deployment_shares) == pytest.approx({"strong": 0.6, "weak": 0.2})
    assert found.notes == (
        "cases weigh 1 to 3 in every metric, share and cost; numbers of cases, calls and flips count them "
        "as they are",
    )
    assert judge_alone(run_of([Served("a", weight=2), Served("b", weight=2)])).notes == ()


def test_cost_per_correct_stands_with_and_without_cleanup() -> None:
    before = run_of([Served("a"), Served("b", right=False)], rules=CLEANED)
    after = run_of([Served("a"), Served("b", call="new")], "next", CLEANED)
    found = judge_pair(before, after)
    for side, whole, without in ((found.baseline_side, 1.02, 0.02), (found.candidate_side, 0.01, 0.01)):
        assert isinstance(side.cost_per_correct, Estimate)
        assert isinstance(side.without_cleanup, Estimate)
        assert side.cost_per_correct.value == pytest.approx(whole)
        assert side.without_cleanup.value == pytest.approx(without)
    assert (found.baseline_side.cleanup_usd, found.candidate_side.cleanup_usd) == (0.5, 0)
    alone = judge_alone(before).candidate_side
    assert isinstance(alone.without_cleanup, Estimate)
    assert alone.without_cleanup.value == pytest.approx(0.02)
    free = judge_alone(run_of([Served("a")])).candidate_side
    assert (free.without_cleanup, free.cleanup_usd) == (None, None)


def test_a_month_is_calls_and_cleanup_of_its_requests() -> None:
    run = run_of([Served("a"), Served("b", right=False)], rules=CLEANED)
    assert judge_alone(monthly(run)).candidate_side.month_usd == pytest.approx(1000 * (0.01 + 0.5))
    assert judge_alone(monthly(run)).requests_per_month == 1000
    assert judge_alone(run).candidate_side.month_usd is None
    unknown = judge_alone(monthly(run_of([Served("a", cost=None)]))).candidate_side.month_usd
    assert unknown == Unmeasured("usage is unknown")


def test_a_case_is_repaired_by_what_its_trials_show() -> None:
    trials = [Served("a", right=trial > 0, trial=trial, weight=3) for trial in range(5)]
    trials += [Served("b", right=False, trial=trial) for trial in range(5)]
    trials += [Served("c", right=None, trial=trial) for trial in range(5)]
    for rule, wrong in ((None, 3 * 0.2 + 1), (TrialsPass(4, 5), 1), (TrialsPass(5, 5), 4)):
        rules = rules_of(cleanup_usd_per_wrong=10, trials_pass=rule)
        assert cleanup_per_request(run_of(trials, rules=rules)) == pytest.approx(10 * wrong / 5)
