import numpy as np
import pytest

from evalgate.core.errors import RunsNotComparable
from evalgate.scoring.aa import aa, flip_rate, split_trials
from evalgate.scoring.columns import columns_of
from tests.synthetic_runs import Served, run_of


def noisy(n=400, trials=2, chance=0.8, seed=0):
    rng = np.random.default_rng(seed)
    return run_of(
        [
            Served(
                f"c{i}",
                bool(rng.random() < chance),
                float(rng.lognormal()),
                float(rng.lognormal()),
                call=f"t{t}",
                trial=t,
            )
            for i in range(n)
            for t in range(trials)
        ]
    )


@pytest.mark.parametrize("trials", [2, 3, 6])
def test_flip_rate_is_unbiased_for_any_number_of_trials(trials):
    found = flip_rate(columns_of(noisy(4000, trials)), 0.05)
    assert found.value == pytest.approx(2 * 0.8 * 0.2, abs=0.02)
    assert found.low < 0.32 < found.high


def test_trials_become_runs_of_their_own():
    first, second = split_trials(noisy(50))
    assert {graded.outcome.trial for graded in second.results} == {0}
    assert len(first.results) == len(second.results) == 50
    assert second.manifest.policy == "production (trial 1)"


def test_comparisons_show_what_noise_makes_of_every_metric():
    found = aa(noisy())
    assert found.trials == 2
    change = found.comparisons[0].find("accuracy")
    assert change.affected == 400
    assert change.change.low < 0 < change.change.high
    assert found.flip_rate.value == pytest.approx((change.losses + change.gains) / 400)


def test_three_trials_give_two_comparisons():
    assert len(aa(noisy(60, 3)).comparisons) == 2


def test_a_single_trial_is_refused_with_the_cure():
    with pytest.raises(RunsNotComparable, match="record at least two trials"):
        aa(noisy(20, 1))
