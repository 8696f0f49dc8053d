"""A cheaper candidate is cheaper because of what it does, not because the provider's cache was warm."""

from dataclasses import replace

import pytest

from evalgate.core.calls import Attempt, Usage
from evalgate.core.outcome import Cost
from evalgate.core.policy_file import Price
from evalgate.core.prompt_cache import CachedTokens, PromptCacheUse
from evalgate.core.prompt_cache_file import PromptCacheFile
from evalgate.core.run import Session
from evalgate.gate.judge import judge
from evalgate.scoring.compare import compare
from tests.synthetic_runs import Served, limit_of, rules_of, run_of

SESSIONS = tuple(Session(name, "2026-01-01T00:00:00Z", interleaved=True) for name in ("old", "new"))
PRICE = Price(input_per_1m=10.0, cached_input_per_1m=1.0, output_per_1m=0.0)
RULES = rules_of(limit_of("cost_per_correct", "max_rise", 0.05))


def side(session, cached):
    """Sixty calls of 1,000 input tokens, of which so many came from the provider's cache."""
    run = run_of(
        [Served(f"c{n}", call=session, session=session) for n in range(60)], RULES, sessions=SESSIONS
    )
    results = []
    for each in run.results:
        usage = Usage(input_tokens=1000, cached_input_tokens=cached, output_tokens=0)
        (step,) = each.outcome.steps
        step = replace(step, attempts=(Attempt(1.0, usage=usage),))
        usd = ((1000 - (cached or 0)) * 10.0 + (cached or 0) * 1.0) / 1e6
        results.append(replace(each, outcome=replace(each.outcome, steps=(step,)), cost=Cost(usd)))
    return replace(run, manifest=replace(run.manifest, prices={"strong": PRICE}), results=tuple(results))


def cost_check(baseline, candidate):
    (check,) = judge(compare(baseline, candidate), RULES).checks
    return check


def test_a_cache_that_only_one_side_found_warm_decides_nothing():
    check = cost_check(side("old", None), side("new", 900))
    assert check.verdict == "inconclusive"
    assert "cache state unknown" in check.reason
    assert "saved $0 on the baseline's side and $0.486 on the candidate's" in check.reason


def test_a_cache_as_warm_on_both_sides_is_no_matter():
    assert cost_check(side("old", 900), side("new", 900)).verdict == "pass"
    assert cost_check(side("old", 900), side("new", 899)).verdict == "pass"


def test_side_by_side_the_cache_belongs_to_the_policy():
    baseline, candidate = side("new", None), side("new", 900)
    other = tuple(
        replace(each, outcome=replace(each.outcome, steps=(replace(each.outcome.steps[0], digest="other"),)))
        for each in candidate.results
    )
    assert cost_check(baseline, replace(candidate, results=other)).verdict == "pass"


def predicting(run):
    caches = {"strong": PromptCacheFile()}
    return replace(run, manifest=replace(run.manifest, prompt_caches=caches))


def test_predicted_tokens_are_the_same_whenever_the_calls_were_made():
    assert cost_check(predicting(side("old", None)), predicting(side("new", 900))).verdict == "pass"


def test_predicted_and_recorded_tokens_are_not_compared_even_side_by_side():
    check = cost_check(predicting(side("new", 900)), side("new", 950))
    assert check.verdict == "inconclusive"
    assert "declare it for all" in check.reason
    assert cost_check(predicting(side("new", 900)), side("new", None)).verdict == "fail"


def test_a_cost_is_measured_in_both_states():
    baseline, candidate = (in_two_states(side("new", None), warm) for warm in (900, 0))
    change = compare(baseline, candidate, RULES).find("cost_per_correct")
    assert change.change.value == 0
    assert (change.other_state.state, change.other_state.declared) == ("cold", False)
    assert change.other_state.change.change.value == pytest.approx(10_000 / 1_900 - 1)
    assert not compare(baseline, candidate, RULES).identical
    declared = replace(RULES, prompt_cache="warm")
    warm = compare(baseline, candidate, declared).find("cost_per_correct")
    assert warm.change == change.other_state.change.change
    assert warm.other_state.declared


def in_two_states(run, warm):
    """Cold, everything costs what it does; warm, so many tokens come from the cache."""
    results = []
    for each in run.results:
        usd = ((1000 - warm) * 10.0 + warm * 1.0) / 1e6
        tokens = CachedTokens(0, 0, each.cost.total_usd), CachedTokens(warm, 0, usd)
        results.append(replace(each, prompt_cache=PromptCacheUse(1000, *tokens)))
    return predicting(replace(run, results=tuple(results)))
