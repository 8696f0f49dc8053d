from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evalgate.core.comparison import Comparison
from evalgate.core.errors import RunsNotComparable
from evalgate.core.numbers import Unmeasured
from evalgate.core.trials import TrialsPass, pass_k_variances, trial_values
from evalgate.scoring.aa import aa
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.scoring.methods.pseudo_case import difference_interval
from tests.synthetic_runs import Served, rules_of, run_of


def test_without_a_rule_a_case_counts_its_share() -> None:
    assert trial_values(4, None) == (0, 0.25, 0.5, 0.75, 1)


def test_at_least() -> None:
    assert trial_values(5, TrialsPass(4, 5)) == (0, 0, 0, 0, 1, 1)
    assert trial_values(1, TrialsPass(1, 1)) == (0, 1)


def test_pass_hat_k_is_the_chance_that_k_drawn_trials_are_all_right() -> None:
    assert trial_values(5, TrialsPass(3, None)) == pytest.approx((0, 0, 0, 0.1, 0.4, 1))
    assert trial_values(5, TrialsPass(1, None)) == pytest.approx(trial_values(5, None))
    assert trial_values(3, TrialsPass(3, None)) == trial_values(3, TrialsPass(3, 3))


def test_a_rule_reads_as_it_is_written() -> None:
    assert (str(TrialsPass(4, 5)), str(TrialsPass(3, None))) == ("4 of 5", "pass^3")


def test_a_rule_that_needs_more_trials_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs 3 trials, and there are 2"):
        trial_values(2, TrialsPass(3, None))
    with pytest.raises(ValueError, match="needs 6 trials"):
        pass_k_variances(5, 3)


def chances(trials: int, p: float) -> list[float]:
    return [stats.binom.pmf(right, trials, p) for right in range(trials + 1)]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.93])
@pytest.mark.parametrize(("trials", "k"), [(4, 2), (6, 3), (9, 2), (5, 1)])
def test_pass_hat_k_and_its_variance_are_unbiased(trials: int, k: int, p: float) -> None:
    weights, values = chances(trials, p), trial_values(trials, TrialsPass(k, None))
    mean = sum(w * v for w, v in zip(weights, values, strict=True))
    assert mean == pytest.approx(p**k)
    variance = sum(w * v**2 for w, v in zip(weights, values, strict=True)) - mean**2
    told = sum(w * v for w, v in zip(weights, pass_k_variances(trials, k), strict=True))
    assert told == pytest.approx(variance)


def test_with_k_of_1_the_variance_is_that_of_a_mean() -> None:
    table = [np.array([1.0] * right + [0.0] * (5 - right)).var(ddof=1) / 5 for right in range(6)]
    assert pass_k_variances(5, 1) == pytest.approx(table)


# what a rule does to a comparison


def tried(rights: dict[str, int], trials: int = 5, call: str = "same") -> list[Served]:
    return [
        Served(case, right=trial < right, trial=trial, call=call, cost=0.01)
        for case, right in rights.items()
        for trial in range(trials)
    ]


def compared(before: dict[str, int], after: dict[str, int], rule: TrialsPass, **rules: object) -> Comparison:
    judged = rules_of(trials_pass=rule, **rules)
    return compare(run_of(tried(before), rules=judged), run_of(tried(after, call="new"), "next", judged))


BEFORE = {f"c{n}": 5 for n in range(40)}
AFTER = BEFORE | {"c0": 4, "c1": 3, "c2": 0}


def test_some_of_all_is_right_or_wrong_and_judged_like_a_single_trial() -> None:
    found = compared(BEFORE, AFTER, TrialsPass(4, 5))
    accuracy = found.find("accuracy")
    assert accuracy is not None
    assert accuracy.method == "tango"
    once = compare(
        run_of([Served(case) for case in BEFORE]),
        run_of([Served(case, right=case not in {"c1", "c2"}, call="new") for case in BEFORE], "next"),
    )
    assert accuracy.change == once.find("accuracy").change  # type: ignore[union-attr]
    assert accuracy.baseline == once.find("accuracy").baseline  # type: ignore[union-attr]
    assert (found.cases.broke, found.cases.both_right) == (2, 38)
    assert [flip.case_id for flip in found.flips] == ["c1", "c2"]
    assert "a case is right when 4 of its 5 trials are" in accuracy.assumptions
    assert found.find("score").candidate.value == pytest.approx(192 / 200)  # type: ignore[union-attr]


def test_pass_hat_k_averages_chances_and_gets_the_interval_of_grades() -> None:
    accuracy = compared(BEFORE, AFTER, TrialsPass(3, None)).find("accuracy")
    assert accuracy is not None
    assert accuracy.candidate.value == pytest.approx((37 + 0.4 + 0.1) / 40)  # type: ignore[union-attr]
    moved = np.array([0.4 - 1, 0.1 - 1, -1] + [0] * 37)
    interval = difference_interval(moved, np.ones(40), 0.05)
    assert (accuracy.change.low, accuracy.change.high) == pytest.approx((interval.low, interval.high))  # type: ignore[union-attr]
    assert (accuracy.method, accuracy.trial_sd) == ("pseudo_case_t", None)
    assert "a case counts the chance that 3 of its trials are all right (pass^k)" in accuracy.assumptions


def test_cost_per_correct_divides_by_what_the_rule_counts() -> None:
    found = compared(BEFORE, AFTER, TrialsPass(4, 5), cleanup_usd_per_wrong=1.0).find("cost_per_correct")
    assert found is not None
    assert found.candidate.value == pytest.approx((40 * 0.01 + 2) / 38)  # type: ignore[union-attr]


def test_a_failed_trial_may_be_what_breaks_a_case() -> None:
    failing = tried(BEFORE, call="new")
    failing = [replace(each, failed=each.case == "c0" and each.trial < 2) for each in failing]
    judged = rules_of(trials_pass=TrialsPass(4, 5))
    found = compare(run_of(tried(BEFORE), rules=judged), run_of(failing, "next", judged)).find("accuracy")
    assert found is not None
    assert found.change.value == pytest.approx(-1 / 40)  # type: ignore[union-attr]
    assert found.failed_right.value == 0  # type: ignore[union-attr]


def test_on_this_very_suite_the_noise_of_the_rule_is_needed() -> None:
    for rule, said in ((TrialsPass(4, 5), "one observation"), (TrialsPass(3, None), "needs 6 trials")):
        accuracy = compared(BEFORE, AFTER, rule, inference="suite").find("accuracy")
        assert isinstance(accuracy.change, Unmeasured)  # type: ignore[union-attr]
        assert said in accuracy.change.reason  # type: ignore[union-attr]
        assert isinstance(accuracy.candidate, Unmeasured)  # type: ignore[union-attr]
    accuracy = compared(BEFORE, AFTER, TrialsPass(2, None), inference="suite").find("accuracy")
    assert accuracy is not None
    noise = sum(pass_k_variances(5, 2)[right] for right in (4, 3, 0)) + 37 * pass_k_variances(5, 2)[5]
    value = (0.6 + 0.3 + 0 + 37) / 40 - 1
    half = stats.norm.ppf(0.95) * noise**0.5 / 40
    assert (accuracy.change.low, accuracy.change.high) == pytest.approx((value - half, value + half))  # type: ignore[union-attr]


def test_runs_with_fewer_trials_than_the_rule_are_not_judged() -> None:
    judged = rules_of(trials_pass=TrialsPass(3, None))
    with pytest.raises(RunsNotComparable, match="a case with 2 trials, and trials_pass needs 3"):
        compare_absolute(run_of(tried({"a": 2}, trials=2), rules=judged))


def test_a_policy_against_itself_is_compared_trial_by_trial() -> None:
    found = aa(run_of(tried(AFTER), rules=rules_of(trials_pass=TrialsPass(4, 5))))
    assert found.flip_rate.value == pytest.approx((0.4 + 0.6) / 40)  # type: ignore[union-attr]
    assert found.comparisons[-1].cases.both_wrong == 2
