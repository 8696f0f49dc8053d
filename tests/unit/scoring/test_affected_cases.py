from dataclasses import replace

import pytest

from evalgate.core.calls import Attempt
from evalgate.core.outcome import Answer, CacheTrace, Cost, Grade, RouteTrace, Step
from evalgate.core.run import Run
from evalgate.scoring.affected import MANY, NONE
from evalgate.scoring.pairs import pair
from tests.synthetic_runs import Served, run_of


def changed(run: Run, **fields) -> Run:
    """The run with its first outcome changed in the given fields."""
    first = run.results[0]
    outcome = {key: value for key, value in fields.items() if hasattr(first.outcome, key)}
    rest = {key: value for key, value in fields.items() if key not in outcome}
    return replace(
        run, results=(replace(first, outcome=replace(first.outcome, **outcome), **rest), *run.results[1:])
    )


BASE = run_of([Served("a"), Served("b")])


def difference(candidate: Run):
    return pair(BASE, candidate).differs


def test_a_run_differs_from_itself_in_nothing():
    found = difference(run_of([Served("a"), Served("b")], "other name"))
    assert not found.any.any()
    assert list(found.source) == [NONE, NONE]


def test_router_score_and_cache_key_alone_are_no_difference():
    base = changed(BASE, route=RouteTrace(0.4, True, "strong"), cache=CacheTrace("k1", hit=False))
    other = changed(base, route=RouteTrace(0.9, True, "strong"), cache=CacheTrace("k2", hit=False))
    assert not pair(base, other).differs.any.any()


STEP = BASE.results[0].outcome.steps[0]


@pytest.mark.parametrize(
    ("fields", "served", "cost", "latency"),
    [
        ({"steps": (replace(STEP, digest="other"),)}, True, False, False),
        ({"steps": (replace(STEP, session="s2"),)}, True, False, False),
        ({"steps": (STEP, replace(STEP, role="fallback", digest="more"))}, True, False, False),
        ({"cache": CacheTrace("k", hit=True, source="b")}, True, False, False),
        ({"deployment": "weak"}, True, False, False),
        ({"result": Answer("something else")}, True, False, False),
        ({"grade": Grade(0.5, True)}, True, False, False),
        ({"cost": Cost(0.02)}, False, True, False),
        ({"latency_s": 2.0}, False, False, True),
        ({"steps": (replace(STEP, attempts=(replace(STEP.attempts[0], wait_s=1.0),)),)}, False, False, False),
    ],
)
def test_each_kind_of_difference_is_seen_and_put_where_it_belongs(fields, served, cost, latency):
    found = difference(changed(BASE, **fields))
    assert list(found.any) == [True, False]
    assert (found.served[0], found.cost[0], found.latency[0]) == (served, cost, latency)


def test_cost_retries_split_alone_is_no_difference():
    assert not difference(changed(BASE, cost=Cost(0.01, retries_usd=0.005))).any.any()


def test_a_cut_off_recording_is_a_difference_that_needs_no_interleaving():
    longer = replace(STEP, attempts=(Attempt(1.0, error="timeout"), *STEP.attempts))
    found = difference(changed(BASE, steps=(longer,)))
    assert found.any[0]
    assert found.source[0] == NONE


def test_sessions_of_differing_calls_are_kept():
    weak = Step("generate", "weak", "w", "s1", STEP.attempts)
    found = difference(changed(BASE, steps=(weak,)))
    assert found.sessions[found.source[0]] == "s1"
    assert difference(changed(BASE, steps=(replace(weak, session="s2"),))).source[0] == MANY


def test_only_calls_that_differ_count_among_several():
    base = changed(BASE, steps=(replace(STEP, session="old"), replace(STEP, digest="x")))
    other = changed(BASE, steps=(replace(STEP, session="old"), replace(STEP, digest="y")))
    found = pair(base, other).differs
    assert found.sessions[found.source[0]] == "s1"
