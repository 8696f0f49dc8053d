import pytest

from evalgate.core.suite_file import TrialsPass
from evalgate.grading.trials import trial_values


def test_without_a_rule_a_case_counts_its_share() -> None:
    assert trial_values(4, None) == (0, 0.25, 0.5, 0.75, 1)


def test_at_least() -> None:
    assert trial_values(5, TrialsPass(4, 5)) == (0, 0, 0, 0, 1, 1)
    assert trial_values(1, TrialsPass(1, 1)) == (0, 1)


def test_pass_hat_k_is_the_chance_that_k_drawn_trials_are_all_right() -> None:
    assert trial_values(5, TrialsPass(3, None)) == pytest.approx((0, 0, 0, 0.1, 0.4, 1))
    assert trial_values(5, TrialsPass(1, None)) == pytest.approx(trial_values(5, None))
    assert trial_values(3, TrialsPass(3, None)) == trial_values(3, TrialsPass(3, 3))
