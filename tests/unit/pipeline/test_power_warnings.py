"""Budgets that no harmless change could be shown to keep are named, with what would cure it."""

import pytest

from evalgate.load.project import load_project
from evalgate.pipeline.planning.power_warnings import power_warnings


def warned(mail, budgets, count=4, **changed):
    mail.edit("evalgate.yaml", "accuracy: {max_drop: 60pp}", budgets)
    case = {"input": "Is it open?", "target": "rooms", "vars": {"need": 0.9}, **changed}
    mail.cases(*({"id": f"m-{n}", **case} for n in range(count)))
    return power_warnings(load_project(mail.root).suites[0])


@pytest.mark.parametrize(("count", "impossible"), [(298, True), (299, False)])
def test_one_point_of_accuracy_needs_299_cases(mail, count, impossible):
    (said,) = warned(mail, "accuracy: {max_drop: 1pp}", count)
    assert ("needs 299 independent graded cases" in said) == impossible


@pytest.mark.parametrize(("count", "warnings"), [(338, 1), (339, 0)])
def test_two_points_are_likelier_inconclusive_than_not_under_339_cases(mail, count, warnings):
    said = warned(mail, "accuracy: {max_drop: 2pp}", count)
    assert len(said) == warnings
    assert all("more likely inconclusive" in each and "needs 773" in each for each in said)


def test_the_warning_says_how_many_cases_to_add_and_what_would_do_instead(mail):
    assert warned(mail, "accuracy: {max_drop: 2pp}", 60) == [
        "accuracy max_drop 2pp needs 149 independent graded cases even where nothing changes, and the suite "
        "has 60: add 89, or allow 4.9pp or more"
    ]


def test_cases_of_one_group_count_once(mail):
    (said,) = warned(mail, "accuracy: {max_drop: 5pp}", 200, group="one")
    assert "the suite has 1:" in said


def test_cases_without_a_target_do_not_count(mail):
    (said,) = warned(mail, "accuracy: {max_drop: 5pp}", 200, target=None)
    assert "nothing is graded" in said


def test_cases_without_a_target_count_where_the_grader_needs_none(mail):
    mail.write("suites/mail/suite.yaml", "policies: policies/mail\ngrader: {kind: regex, pattern: loans}\n")
    assert warned(mail, "accuracy: {max_drop: 5pp}", 200, target=None) == []


def test_a_drop_of_nothing_cannot_be_shown(mail):
    (said,) = warned(mail, "accuracy: {max_drop: 0pp}", 200)
    assert "no number of cases" in said


@pytest.mark.parametrize("count", [148, 149])
@pytest.mark.parametrize(
    "written",
    ["flip_rate: {max: 2%}", "format_failure_rate: {max_rise: 2pp}", "failure_rate: {max_rise: 2pp}"],
)
def test_a_share_that_should_be_small_needs_cases_without_any(mail, written, count):
    said = warned(mail, written, count)
    assert len(said) == (count == 148)
    assert all("needs 149 independent cases even where there are none" in each for each in said)


def test_flips_beyond_chance_need_trials(mail):
    (said,) = warned(mail, "flip_rate: {max_rise: 2pp}", 200)
    assert "set trials: 3, or limit max" in said


@pytest.mark.parametrize(("count", "warnings"), [(39, 1), (40, 0)])
def test_a_rise_of_p95_needs_40_calls(mail, count, warnings):
    said = warned(mail, "latency_p95: {max_rise: 10%}", count)
    assert [each.split(",")[0] for each in said] == ["latency_p95 max_rise needs 40 calls a side"] * warnings


@pytest.mark.parametrize(("count", "warnings"), [(58, 1), (59, 0)])
def test_an_upper_limit_on_p95_needs_59_calls(mail, count, warnings):
    assert len(warned(mail, "latency_p95: {max: 2s}", count)) == warnings


def test_trials_count_as_calls(mail):
    mail.edit("suites/mail/suite.yaml", "policies:", "trials: 2\npolicies:")
    assert warned(mail, "latency_p95: {max_rise: 10%}", 20) == []


@pytest.mark.parametrize(("count", "warnings"), [(19, 1), (20, 0)])
def test_a_rise_of_cost_needs_20_changed_cases(mail, count, warnings):
    assert len(warned(mail, "cost_per_correct: {max_rise: 5%}", count)) == warnings


def test_small_slices_are_named_with_their_size(mail):
    budgets = "slices: {by: channel, accuracy: {max_drop: 5pp}}"
    (said,) = warned(mail, budgets, 29, slices={"channel": "post"})
    assert said == "slices of channel under 30 graded cases are shown and not gated: post (29)"


def test_a_critical_slice_has_a_floor_of_its_own(mail):
    budgets = "slices: {by: channel, accuracy: {max_drop: 5pp}, critical: [post]}"
    (said,) = warned(mail, budgets, 40, slices={"channel": "post"})
    assert "needs 59 independent graded cases" in said
    assert "channel post has 40" in said


def test_the_shared_limits_are_those_of_scoring_and_gate():
    from evalgate.gate import limits
    from evalgate.pipeline.planning import power_warnings as ours
    from evalgate.scoring import cost, p95

    assert ours.LEAST_CALLS_FOR_P95 == p95.LEAST_CALLS
    assert ours.LEAST_CHANGED_FOR_COST == cost.LEAST_CHANGED
    assert ours.LEAST_SLICE == limits.LEAST_SLICE
