import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evalgate.core.numbers import Unmeasured
from evalgate.scoring.compare import compare, compare_absolute
from tests.synthetic_runs import Served, rules_of, run_of

SUITE = rules_of(inference="suite")


def runs(chances, trials=5, seed=0):
    """Cases that are right with these chances before and after; equal chances share their calls."""
    rng = np.random.default_rng(seed)
    before, after = [], []
    for index, (p0, p1) in enumerate(chances):
        for trial in range(trials):
            first = Served(f"c{index}", bool(rng.random() < p0), trial=trial)
            before.append(first)
            after.append(first if p0 == p1 else replace(first, right=bool(rng.random() < p1), call="anew"))
    return run_of(before, rules=SUITE), run_of(after, "candidate")


def test_interval_is_that_of_the_noise_of_affected_cases_alone():
    base, cand = runs([(0.5, 0.8)] * 20 + [(0.7, 0.7)] * 80)
    change = compare(base, cand).find("accuracy")
    values = [
        np.array([each.grade.correct for each in run.results], float).reshape(100, 5) for run in (base, cand)
    ]
    variance = sum((each.var(axis=1, ddof=1) / 5)[:20].sum() for each in values)
    half = stats.norm.ppf(0.95) * math.sqrt(variance) / 100
    difference = values[1].mean() - values[0].mean()
    assert (change.change.low, change.change.high) == pytest.approx((difference - half, difference + half))
    assert change.method == "suite"
    assert (
        "this is about these very cases (inference: suite), not about traffic like them" in change.assumptions
    )


def test_population_is_wider_and_never_says_suite():
    base, cand = runs([(0.5, 0.8)] * 20 + [(0.7, 0.7)] * 80)
    suite = compare(base, cand).find("accuracy").change
    population = compare(base, cand, rules_of()).find("accuracy")
    assert population.change.high - population.change.low > suite.high - suite.low
    assert population.method == "pseudo_case_t"
    assert not any("suite" in note for note in population.assumptions)


@pytest.mark.parametrize("trials", [1, 2])
def test_fewer_than_three_trials_are_refused_with_the_cure(trials):
    base, cand = runs([(0.5, 0.8)] * 50, trials)
    found = compare(base, cand)
    assert isinstance(found.find("accuracy").change, Unmeasured)
    assert "needs 3 trials of each case" in found.find("accuracy").change.reason
    assert "needs 3 trials" in compare_absolute(base).find("accuracy").candidate.reason


def test_a_policy_against_itself_is_identical_also_with_one_trial():
    base, _ = runs([(0.5, 0.5)] * 50, trials=1)
    assert compare(base, base).find("accuracy").method == "identical"


def test_misses_as_often_as_promised():
    # Miss rates of .03 to .07 a side from three trials on: simulate the suite's own noise.
    chances = np.random.default_rng(1).beta(2, 1, (60, 2))
    truth = (chances[:, 1] - chances[:, 0]).mean()
    limits = [compare(*runs(chances, trials=3, seed=seed)).find("accuracy").change for seed in range(150)]
    assert np.mean([each.low > truth for each in limits]) < 0.12
    assert np.mean([each.high < truth for each in limits]) < 0.12


def test_noise_of_a_trial_is_known_where_there_are_several():
    base, cand = runs([(0.5, 0.5001)] * 400, trials=4, seed=3)
    change = compare(base, cand, rules_of()).find("accuracy")
    assert change.trial_sd == pytest.approx(math.sqrt(0.5), rel=0.05)
    assert change.sd**2 == pytest.approx(change.trial_sd**2 / 4, rel=0.2)
    once = compare(*runs([(0.5, 0.6)] * 40, trials=1), rules_of()).find("accuracy")
    assert once.trial_sd is None
