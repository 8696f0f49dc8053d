from dataclasses import replace

import pytest

from evalgate.core.numbers import Estimate
from evalgate.core.outcome import Failure
from evalgate.gate.judge import judge
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.scoring.methods.one_arm import wilson_interval
from evalgate.scoring.methods.tango import tango_interval
from tests.synthetic_runs import Served, limit_of, rules_of, run_of


def served(failed, n=200, **fields):
    """``n`` cases of which those numbered in ``failed`` get nothing; answered ones differ by policy."""
    return [Served(f"c{i}", failed=i in failed, call=f"{i in failed}", **fields) for i in range(n)]


def change(before, after):
    return compare(run_of(before), run_of(after, "candidate")).find("failure_rate")


def test_the_change_is_accuracy_s_with_answered_for_correct():
    found = change(served({1, 2, 3}), served({2, 3, *range(50, 70)}))
    low, high = tango_interval(20, 1, 200, 0.05)
    assert found.change.value == pytest.approx(19 / 200)
    assert (found.change.low, found.change.high) == pytest.approx((-high, -low))
    assert (found.losses, found.gains, found.n, found.method) == (20, 1, 200, "tango")
    assert found.candidate.value == pytest.approx(22 / 200)
    assert (found.candidate.low, found.candidate.high) == pytest.approx(wilson_interval(22, 200, 0.05))


def test_a_wrong_answer_is_an_answer_and_cases_without_target_count():
    before, after = served(set(), right=False), served({0}, right=None)
    assert change(before, before).change.method == "identical"
    found = compare_absolute(run_of(after)).find("failure_rate")
    assert (found.candidate.value, found.n) == (pytest.approx(1 / 200), 200)


def test_a_case_weighs_what_it_weighs_and_trials_are_averaged():
    cases = [Served(f"c{i}", weight=3.0 if i == 0 else 1.0, failed=i == 0) for i in range(40)]
    assert compare_absolute(run_of(cases)).find("failure_rate").candidate.value == pytest.approx(3 / 42)
    tried = [Served(f"c{i}", trial=trial, failed=trial == i == 0) for i in range(40) for trial in range(2)]
    assert compare_absolute(run_of(tried)).find("failure_rate").candidate.value == pytest.approx(0.5 / 40)


@pytest.mark.parametrize(
    ("failing", "verdict"), [(set(), "pass"), ({0, 1, 2}, "inconclusive"), (set(range(30)), "fail")]
)
def test_the_verdict_has_three_values(failing, verdict):
    rules = rules_of(limit_of("failure_rate", "max_rise", 0.02))
    runs = run_of(served(set()), rules=rules), run_of(served(failing), "candidate", rules=rules)
    (check,) = judge(compare(*runs), rules).checks
    assert check.verdict == verdict


def test_the_limit_on_one_side_has_three_values():
    rules = rules_of(limit_of("failure_rate", "max", 0.05))
    verdicts = []
    for failing in (set(), set(range(12)), set(range(30))):
        (check,) = judge(compare_absolute(run_of(served(failing)), rules), rules).checks
        assert isinstance(check.candidate, Estimate)
        verdicts.append(check.verdict)
    assert verdicts == ["pass", "inconclusive", "fail"]


def by_fault(run):
    """The run with every failure met by a fault of the suite's traffic."""

    def met(graded):
        outcome = graded.outcome
        attempts = (replace(outcome.steps[0].attempts[0], fault_at_s=1.0),)
        steps = (replace(outcome.steps[0], attempts=attempts),)
        return replace(graded, outcome=replace(outcome, steps=steps))

    results = [met(each) if isinstance(each.outcome.result, Failure) else each for each in run.results]
    return replace(run, manifest=replace(run.manifest, faults=1), results=tuple(results))


def test_failures_by_design_leave_no_question_open():
    rules = rules_of(limit_of("accuracy", "max_drop", 0.02))
    down = run_of(served(set(range(40))), rules=rules)
    # A fallback answers for who is down, and errs now and then.
    after = [replace(each, right=at % 5 > 0) if at < 40 else each for at, each in enumerate(served(set()))]
    recorded = judge(compare(down, run_of(after, "candidate", rules=rules)), rules).checks[0]
    assert recorded.verdict == "inconclusive"
    assert "answers to the failed cases would decide" in recorded.reason
    sides = by_fault(down), by_fault(run_of(after, "candidate", rules=rules))
    check = judge(compare(*sides), rules).checks[0]
    assert check.verdict == "pass"
    assert any("1 fault of the suite's traffic befell both" in each for each in check.assumptions)
