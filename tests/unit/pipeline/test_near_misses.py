"""Golden near-misses: each is tried on its own, whatever the order of the stream."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from evalgate.core.cases import Case
from evalgate.core.policy_file import ExactCache
from evalgate.pipeline.measuring.measure import Pass
from evalgate.pipeline.measuring.replaying import run_now
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.serving.serve import Asked
from tests.synthetic_runs import Served, graded, run_of
from tests.unit.serving.serving_fakes import ScriptedCaller, policy

CASES = (
    Case(id="b", input="Is 24 December a holiday?", target="no", near_miss_of="a"),
    Case(id="a", input="Is 25 December a holiday?", target="yes"),
)


def outcomes(*rules, ordered=True, cache=True):
    spec = ExactCache(mode="exact", normalize=list(rules), ttl_s=0.5) if cache else None
    suite = SimpleNamespace(cases=CASES, ordered=ordered, faults=(), baseline=None)
    caller = ScriptedCaller()
    a_pass = Pass(suite, policy(cache=spec))
    found = [run_now(a_pass.serve(Asked(case, 0, 100.0 * at), caller)) for at, case in enumerate(CASES)]
    return found, caller


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(("rules", "merged"), [((), False), (("mask_numbers",), True)])
def test_a_near_miss_is_tried_whatever_the_traffic(rules, merged, ordered):
    (near, other), caller = outcomes(*rules, ordered=ordered)
    assert near.cache.near_miss is merged
    assert not near.cache.hit
    assert other.cache.near_miss is None
    # Trying costs no call of the answering model.
    assert len(caller.requests) == 2


def test_without_a_cache_nothing_is_merged():
    (near, _), _ = outcomes(cache=False)
    assert near.cache is None


def run(*merged, policy_name="production"):
    """One case for each: True merged, False kept apart, None no near-miss."""
    results = []
    for index, flag in enumerate(merged):
        made = graded(Served(f"c{index}"))
        trace = SimpleNamespace(hit=False, source=None, near_miss=flag)
        results.append(replace(made, outcome=replace(made.outcome, cache=trace)))
    return replace(run_of([], policy_name), results=tuple(results))


def test_the_rate_is_counted_over_near_misses():
    change = compare_absolute(run(True, False, False, False, None)).find("near_miss_rate")
    assert (change.candidate.value, change.candidate.low, change.candidate.high) == (0.25, 0.25, 0.25)
    assert change.n == 4
    none = compare_absolute(run(None, None)).find("near_miss_rate")
    assert "near_miss_of" in none.candidate.reason


def test_the_change_tells_what_is_newly_merged():
    change = compare(run(False, True, False), run(True, True, False, policy_name="candidate")).find(
        "near_miss_rate"
    )
    assert change.change.value == pytest.approx(1 / 3)
    assert (change.losses, change.gains, change.affected) == (1, 0, 1)
