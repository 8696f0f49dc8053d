import re
from dataclasses import replace

import numpy as np
import pytest

from evalgate.core.errors import RunsNotComparable
from evalgate.scoring.columns import columns_of
from evalgate.scoring.pairs import pair
from tests.synthetic_runs import Served, run_of


def test_rows_are_cases_in_order_of_appearance_and_columns_are_trials():
    columns = columns_of(
        run_of(
            [
                Served("b", right=True, latency=1, trial=0),
                Served("a", right=False, latency=2, trial=0),
                Served("b", right=False, latency=3, trial=1),
                Served("a", right=True, latency=4, trial=1),
            ]
        )
    )
    assert columns.case_ids == ("b", "a")
    assert columns.latency_s.tolist() == [[1, 3], [2, 4]]
    assert columns.correct.tolist() == [[1, 0], [0, 1]]
    assert columns.mean(columns.correct).tolist() == [0.5, 0.5]


def test_uneven_repeats_are_averaged_over_what_there_is():
    columns = columns_of(
        run_of([Served("a", latency=1), Served("b", latency=2), Served("b", latency=6, trial=1)])
    )
    assert columns.present.tolist() == [[True, False], [True, True]]
    assert columns.mean(columns.latency_s).tolist() == [1, 4]


def test_a_failed_case_is_wrong_and_can_be_counted_right():
    columns = columns_of(
        run_of([Served("a", failed=True), Served("b"), Served("c", right=None, failed=True)])
    )
    assert columns.correct[:, 0].tolist() == [0, 1, 0]
    assert columns.failures_right().correct[:, 0].tolist() == [1, 1, 0]
    assert columns.graded.tolist() == [True, True, False]


def test_cases_without_group_stand_alone():
    columns = columns_of(run_of([Served("a", group="g"), Served("b"), Served("c", group="g"), Served("d")]))
    assert len(np.unique(columns.groups)) == 3
    assert columns.groups[0] == columns.groups[2]


def test_unmeasured_cost_keeps_its_reason():
    columns = columns_of(run_of([Served("a", cost=None), Served("b", cost=None)]))
    assert columns.cost_unknown == "the cost of case 'a' is unknown: usage is unknown (2 such)"


def test_candidate_rows_follow_the_baselines_order():
    base = run_of([Served("a", latency=1), Served("b", latency=2)])
    cand = run_of([Served("b", latency=2), Served("a", latency=1)])
    found = pair(base, cand)
    assert found.candidate.latency_s[:, 0].tolist() == [1, 2]
    assert not found.differs.any.any()


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        (
            [Served("a"), Served("x"), Served("y")],
            r"case 'b' is in only one of the two runs \(3 such\); run the baseline again",
        ),
        (
            [Served("a"), Served("b"), Served("b", trial=1)],
            r"case 'b' has 1 trials in the baseline and 2|differently",
        ),
        ([Served("a", trial=1), Served("b", trial=1)], "differently numbered"),
        ([Served("a"), Served("b"), Served("b")], r"case 'b', trial 0, stands in the run 2 times \(1 such\)"),
    ],
)
def test_runs_that_do_not_cover_the_same_are_refused_with_a_cure(candidate, message):
    with pytest.raises(RunsNotComparable) as refused:
        pair(run_of([Served("a"), Served("b")]), run_of(candidate, "candidate"))
    assert re.search(message, str(refused.value))


def test_another_version_of_the_suite_is_refused():
    with pytest.raises(
        RunsNotComparable, match="different versions of suite 'tickets'; run the baseline again"
    ):
        pair(run_of([Served("a")]), run_of([Served("a")], suite_digest="d2"))


def test_an_empty_run_has_no_rows():
    columns = columns_of(run_of([]))
    assert columns.n == 0
    assert not columns.weighted


def test_a_case_with_one_ungraded_trial_is_not_graded():
    columns = columns_of(run_of([Served("a"), Served("b"), Served("a", trial=1), Served("b", None, trial=1)]))
    assert columns.graded.tolist() == [True, False]


def test_what_a_judge_failed_on_counts_on_neither_side():
    base = run_of([Served("a"), Served("b"), Served("c", right=None)])
    cand = run_of([Served("a"), Served("b", right=None), Served("c")])
    found = pair(base, cand)
    for side in (found.baseline, found.candidate):
        assert side.graded.tolist() == [True, False, False]
        assert side.correct[:, 0].tolist() == [1, 0, 0]
        assert side.score[:, 0].tolist() == [1, 0, 0]
        assert side.cost_usd[:, 0].tolist() == [0.01] * 3, "it was paid for all the same"


def test_pairwise_grades_need_the_baseline_they_were_made_with():
    base, cand = run_of([Served("a")]), run_of([Served("a")], policy="next")
    judged = replace(cand, manifest=replace(cand.manifest, judged_against="production"))
    assert pair(base, judged).n == 1
    with pytest.raises(RunsNotComparable, match="the judge compared the answers of 'next'"):
        pair(run_of([Served("a")], policy="older"), judged)
