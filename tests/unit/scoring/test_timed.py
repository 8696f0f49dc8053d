"""Times are compared where both sides were called side by side; a random draw stands for the rest."""

from dataclasses import replace

import numpy as np
import pytest

from evalgate.core.draw import drawn_order
from evalgate.core.run import Session
from evalgate.scoring.compare import compare
from tests.synthetic_runs import Served, run_of

OLD = Session("old", "2026-01-01T00:00:00Z", interleaved=True)
NEW = Session("new", "2026-02-01T00:00:00Z", interleaved=True)


def sides(count=400, timed=(), slower=1.2, seed=1):
    """A candidate of other calls, all made in the new session; the baseline's are new on ``timed`` cases."""
    rng = np.random.default_rng(seed)
    names = [f"c{n}" for n in range(count)]
    chosen = set(timed(names) if callable(timed) else timed)
    before = [
        Served(name, call="before", session="new" if name in chosen else "old", latency=float(latency))
        for name, latency in zip(names, rng.lognormal(0, 0.5, count), strict=True)
    ]
    after = [
        replace(
            each, call="after", session="new", latency=each.latency * slower * float(rng.lognormal(0, 0.05))
        )
        for each in before
    ]
    return (run_of(each, sessions=(OLD, NEW)) for each in (before, after))


def first(count):
    return lambda names: drawn_order("new", names)[:count]


def p95(*runs):
    return compare(*runs).find("latency_p95")


def test_the_order_follows_from_the_session_alone():
    names = [f"c{n}" for n in range(50)]
    assert drawn_order("s", names) == drawn_order("s", reversed(names))
    assert drawn_order("s", names) != drawn_order("t", names)
    assert sorted(drawn_order("s", names)) == sorted(names)


def test_recorded_apart_nothing_is_gated():
    change = p95(*sides())
    assert not change.gated
    assert "record --remeasure" in change.not_gated_because


def test_a_draw_is_gated_and_stands_for_all():
    change = p95(*sides(timed=first(200)))
    assert change.gated
    assert change.n == 200
    assert any("of 400 cases whose calls differ, 200 drawn at random" in note for note in change.assumptions)
    assert any("each stands for 2" in note for note in change.assumptions)
    assert change.change.low <= 0.2 <= change.change.high


def test_cases_that_somebody_chose_are_not_gated():
    assert not p95(*sides(timed=[f"c{n}" for n in range(200)])).gated


def test_a_case_that_was_never_recorded_before_spoils_no_draw():
    change = p95(*sides(timed=lambda names: [*first(200)(names), drawn_order("new", names)[399]]))
    assert (change.gated, change.n) == (True, 200)


def test_a_handful_stands_for_nobody():
    assert not p95(*sides(timed=first(39))).gated
    assert p95(*sides(timed=first(40))).gated


def test_what_does_not_differ_keeps_its_weight():
    before, after = sides(400, timed=first(100))
    shared = [Served(f"s{n}", latency=9.0) for n in range(600)]
    more = run_of(shared, sessions=(OLD, NEW)).results
    change = p95(*(replace(run, results=run.results + more) for run in (before, after)))
    assert change.gated
    assert change.n == 700
    # Six in ten requests take 9 s on both sides, whatever was drawn of the others.
    assert change.candidate.value == pytest.approx(9.0)


def test_draws_hold_their_level():
    """An unchanged candidate is called slower by more than a tenth in at most about one draw in twenty."""
    wrong = sum(p95(*sides(300, first(120), slower=1.1, seed=seed)).change.low > 0.1 for seed in range(200))
    assert wrong <= 20
