import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.numbers import Unmeasured
from evalgate.scoring.routing import (
    RoutedOutcomes,
    apgr,
    calibration,
    cpt,
    router_quality,
    routing_curve,
    threshold_for,
)

# Six cases, best score first: up helps on the first and third, hurts on the last.
SCORE = np.array([0.9, 0.8, 0.7, 0.4, 0.3, 0.1])
WEAK = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
STRONG = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])


def outcomes(score=SCORE, weak=WEAK, strong=STRONG, cluster=None):
    return RoutedOutcomes(np.asarray(score, float), np.asarray(weak), np.asarray(strong), cluster)


def test_the_curve_has_a_point_for_every_threshold_and_both_ends():
    curve = routing_curve(outcomes())
    assert curve.share == pytest.approx(np.arange(7) / 6)
    assert curve.accuracy * 6 == pytest.approx([3, 4, 4, 5, 5, 5, 4])
    assert curve.threshold.tolist() == [math.inf, *SCORE]


def test_equal_scores_go_together():
    curve = routing_curve(outcomes(score=[0.5, 0.5, 0.5, 0.2, 0.2, 0.2]))
    assert curve.share == pytest.approx([0, 0.5, 1])
    assert curve.accuracy * 6 == pytest.approx([3, 5, 4])


def test_apgr_is_the_area_under_the_recovered_gap():
    curve = routing_curve(outcomes())
    recovered = (curve.accuracy - 0.5) / (4 / 6 - 0.5)
    area = np.sum((recovered[1:] + recovered[:-1]) / 2 * np.diff(curve.share))
    assert apgr(outcomes(), 0.05).value == pytest.approx(area)


def test_cpt_is_the_smallest_share_that_recovers_so_much_of_the_gap():
    curve = routing_curve(outcomes())
    assert cpt(curve, 1.0) == pytest.approx(1 / 6)
    assert cpt(curve, 0.5) == pytest.approx(1 / 12)
    assert cpt(curve, 0.0) == 0


def test_a_score_that_knows_nothing_is_a_coin():
    nothing = outcomes(score=np.zeros(6))
    assert apgr(nothing, 0.05).value == pytest.approx(0.5)
    assert cpt(routing_curve(nothing), 0.5) == pytest.approx(0.5)


def test_without_a_gap_there_is_nothing_to_recover():
    same = outcomes(strong=WEAK)
    assert isinstance(apgr(same, 0.05), Unmeasured)
    assert isinstance(cpt(routing_curve(same), 0.5), Unmeasured)


def test_the_threshold_for_a_share_sends_no_more_than_that_to_strong():
    curve = routing_curve(outcomes())
    chosen = threshold_for(curve, 0.4)
    assert (chosen.threshold, chosen.strong_share) == (0.8, pytest.approx(2 / 6))
    assert np.mean(chosen.threshold <= SCORE) == pytest.approx(chosen.strong_share)
    assert threshold_for(curve, 0.01).threshold == math.inf


def test_calibration_bins_hold_every_case_once_and_keep_equal_predictions_together():
    predicted = np.array([0.1] * 7 + [0.2] * 2 + [0.9])
    bins = calibration(predicted, np.array([0.0] * 6 + [1.0] * 4), bins=10)
    assert [each.cases for each in bins] == [7, 2, 1]
    assert bins[0].happened == pytest.approx(1 / 7)
    assert bins[0].predicted == pytest.approx(0.1)


def test_the_interval_is_as_wide_as_resampling_clusters_says():
    rng = np.random.default_rng(5)
    clusters = 150
    cluster = np.repeat(np.arange(clusters), 2)
    need = np.repeat(rng.random(clusters), 2)
    weak = (rng.random(300) > need * 0.6).astype(float)
    strong = (rng.random(300) > need * 0.2).astype(float)
    score = need + rng.normal(0, 0.3, 300)
    found = apgr(outcomes(score, weak, strong, [str(name) for name in cluster]), 0.05)
    again = []
    for _ in range(400):
        drawn = rng.integers(0, clusters, clusters)
        at = np.concatenate([2 * drawn, 2 * drawn + 1])
        again.append(apgr(outcomes(score[at], weak[at], strong[at]), 0.05).value)
    spread = (found.high - found.low) / 2 / 1.6449
    assert spread == pytest.approx(np.std(again), rel=0.2)


def test_the_quality_says_all_of_it():
    found = router_quality("strong", outcomes(), STRONG > WEAK, 0.05, wanted_share=0.5)
    assert (found.weak_accuracy, found.strong_accuracy) == (0.5, pytest.approx(4 / 6))
    assert found.chosen.strong_share == 0.5
    assert 0 < found.calibration_error < 1
    assert sum(each.cases for each in found.calibration) == 6


cases = st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans()), min_size=1, max_size=40).filter(
    lambda rows: sum(strong - weak for _, weak, strong in rows) > 0
)


@given(cases)
def test_law_apgr_looks_at_the_order_alone_and_turns_round_with_it(rows):
    score, weak, strong = (np.array(column, float) for column in zip(*rows, strict=True))
    found = apgr(outcomes(score, weak, strong), 0.05).value
    assert apgr(outcomes(np.exp(score), weak, strong), 0.05).value == pytest.approx(found)
    assert apgr(outcomes(-score, weak, strong), 0.05).value == pytest.approx(1 - found)


@given(cases)
def test_law_the_curve_runs_from_all_weak_to_all_strong(rows):
    score, weak, strong = (np.array(column, float) for column in zip(*rows, strict=True))
    curve = routing_curve(outcomes(score, weak, strong))
    assert (curve.share[0], curve.share[-1]) == (0, pytest.approx(1))
    assert curve.accuracy[0] == pytest.approx(weak.mean())
    assert curve.accuracy[-1] == pytest.approx(strong.mean())
    assert 0 <= cpt(curve, 0.5) <= cpt(curve, 0.8) <= 1
