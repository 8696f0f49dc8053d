"""Every threshold at once gives what each threshold measured on its own gives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.sweep import SweepPoint
from evalgate.scoring.accuracy import quality_of
from evalgate.scoring.answer_length import answer_length_of
from evalgate.scoring.answers import Answers
from evalgate.scoring.columns import Columns, columns_of
from evalgate.scoring.cost import cost_of
from evalgate.scoring.failures import failure_rate_of
from evalgate.scoring.format_failures import format_failures_of
from evalgate.scoring.geomean import geomean_of
from evalgate.scoring.p95 import p95_of
from evalgate.scoring.setting import Setting
from evalgate.scoring.sweep import threshold_curve, with_pareto
from tests.synthetic_runs import Served, run_of

SETTING = Setting(0.05, cleanup_usd_per_wrong=0.001)
ALONE = {
    "accuracy": lambda mixed: quality_of(mixed, "accuracy", SETTING),
    "cost_per_correct": lambda mixed: cost_of(mixed, SETTING),
    "latency_p95": lambda mixed: p95_of(mixed, SETTING),
    "latency_geomean": lambda mixed: geomean_of(mixed, SETTING),
    "failure_rate": lambda mixed: failure_rate_of(mixed, SETTING),
    "format_failure_rate": lambda mixed: format_failures_of(mixed, SETTING),
    "answer_length": lambda mixed: answer_length_of(mixed, SETTING),
}


def side(seed: int, n: int, **same: object) -> Columns:
    rng = np.random.default_rng(seed)
    cases = [
        Served(
            f"c{at}",
            right=bool(rng.random() < 0.4 + 0.2 * seed),
            cost=float(rng.exponential(0.01 * seed)),
            latency=float(rng.lognormal(0.1 * seed, 0.4)),
            readable=bool(rng.random() < 0.9),
            output_tokens=int(rng.integers(1, 50 * seed)),
            **same,  # type: ignore[arg-type]
        )
        for at in range(n)
    ]
    return columns_of(run_of(cases))


def alone(weak: Columns, strong: Columns, sent: np.ndarray) -> Columns:
    names = ("correct", "score", "cost_usd", "latency_s", "failed")
    mixed = {name: np.where(sent[:, None], getattr(strong, name), getattr(weak, name)) for name in names}
    answers = {
        name: np.where(sent[:, None], getattr(strong.answers, name), getattr(weak.answers, name))
        for name in ("unreadable", "characters", "tokens")
    }
    return replace(weak, **mixed, answers=Answers(**answers))


def near(found: object, expected: object) -> None:
    if isinstance(expected, Unmeasured):
        assert found == expected
        return
    assert isinstance(found, Estimate)
    assert isinstance(expected, Estimate)
    assert found.method == expected.method
    for name in ("value", "low", "high"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-12)


@given(
    n=st.sampled_from([2, 3, 45, 60, 200]),
    seed=st.integers(1, 50),
    wanted=st.lists(st.floats(-0.1, 1.1), min_size=1, max_size=5),
    ties=st.booleans(),
)
def test_a_curve_is_its_points_measured_one_by_one(n, seed, wanted, ties):
    weak, strong = side(1, n), side(2, n)
    scores = np.random.default_rng(seed).random(n)
    if ties:
        scores = np.round(scores, 1)
    points = threshold_curve(weak, strong, scores, wanted, SETTING)
    for point, threshold in zip(points, wanted, strict=True):
        sent = scores >= threshold
        mixed = alone(weak, strong, sent)
        assert point.values == (threshold,)
        assert point.strong_share == pytest.approx(sent.mean())
        for name, metric in ALONE.items():
            near(point.metrics[name], metric(mixed))


@pytest.mark.parametrize("change", [{"weight": 2.0}, {"group": "g"}, {"cost": None}, {"right": None}])
def test_what_has_no_running_sum_is_measured_one_by_one(change):
    n = 50
    rows = [
        [Served(f"c{at}", right=at % (2 + strong) > 0, latency=1 + 0.01 * at) for at in range(n)]
        for strong in (0, 1)
    ]
    for cases in rows:
        cases[7] = replace(cases[7], **change)
        cases[9] = replace(cases[9], **change)
    weak, strong = (columns_of(run_of(cases)) for cases in rows)
    scores = np.linspace(0, 1, n)
    (point,) = threshold_curve(weak, strong, scores, [0.5], SETTING)
    mixed = alone(weak, strong, scores >= 0.5)
    for name, metric in ALONE.items():
        near(point.metrics[name], metric(mixed))


def at(accuracy: float, cost: float | None) -> SweepPoint:
    level = Estimate(accuracy, 0, 1, 0.9, "wilson")
    usd = Unmeasured("no price") if cost is None else Estimate(cost, 0, 1, 0.9, "fieller")
    return SweepPoint((0.0,), {"accuracy": level, "cost_per_correct": usd})


def test_the_front_holds_what_nothing_beats_in_both():
    points = with_pareto(
        [at(0.8, 2), at(0.9, 3), at(0.85, 3), at(0.7, 1), at(0.7, 1), at(0.9, 4), at(1, None)]
    )
    assert [point.pareto for point in points] == [True, True, False, True, False, False, False]
