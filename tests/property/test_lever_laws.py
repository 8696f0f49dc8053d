"""Laws of the split of a cost over levers, on any pair of runs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.calls import Attempt, Usage
from evalgate.core.outcome import Answer, CacheTrace, Grade, Graded, Outcome, Step
from evalgate.core.policy_file import Price
from evalgate.pricing.cost import cost_of
from evalgate.pricing.levers import PRICES, decompose
from tests.synthetic_runs import run_of

ALIASES = st.sampled_from(["strong", "weak"])
TOKENS = st.integers(0, 5_000)


def attempt(tokens, error):
    return Attempt(1.0, error=error, usage=Usage(tokens, output_tokens=tokens // 3), billing="billed")


@st.composite
def steps(draw):
    """A cache hit, an answer after some failed attempts, or a failed call with a fallback behind it."""
    kind = draw(st.sampled_from(["hit", "answer", "fallback"]))
    if kind == "hit":
        return ()
    alias, tokens = draw(ALIASES), draw(TOKENS)
    failed = tuple(attempt(tokens, "timeout") for _ in range(draw(st.integers(0, 2))))
    if kind == "answer":
        return (Step("generate", alias, "d", "s", (*failed, attempt(tokens, None))),)
    lost = Step("generate", alias, "d", "s", (*failed, attempt(tokens, "timeout")))
    return lost, Step("fallback", draw(ALIASES), "e", "s", (attempt(draw(TOKENS), None),))


PRICE = st.builds(
    Price, input_per_1m=st.floats(0, 50), output_per_1m=st.floats(0, 50), per_request=st.floats(0, 0.1)
)
TABLE = st.fixed_dictionaries({"strong": PRICE, "weak": PRICE})


def run(cases, prices):
    results = []
    for number, (made, weight) in enumerate(cases):
        outcome = Outcome(f"c{number}", 0, Answer("x"), None, 1.0, made, CacheTrace("k", not made))
        results.append(Graded(outcome, cost_of(outcome, prices), Grade(1.0, True), {}, weight=weight))
    plain = run_of([])
    return replace(plain, manifest=replace(plain.manifest, prices=prices), results=tuple(results))


@st.composite
def pairs(draw):
    count = draw(st.integers(1, 6))
    weights = draw(st.lists(st.floats(0.1, 5), min_size=count, max_size=count))
    sides = [draw(st.lists(steps(), min_size=count, max_size=count)) for _ in range(2)]
    prices = [draw(TABLE) for _ in range(2)]
    return tuple(run(list(zip(side, weights, strict=True)), p) for side, p in zip(sides, prices, strict=True))


@given(pairs())
def test_the_levers_explain_all_of_the_change(sides):
    found = decompose(*sides)
    total = sum(each.usd for each in found.effects)
    assert found.baseline_usd + total == pytest.approx(found.candidate_usd, abs=1e-9)
    assert found.residual_usd == pytest.approx(0, abs=1e-9)


@given(pairs())
def test_turned_around_every_effect_changes_its_sign(sides):
    there, back = decompose(*sides), decompose(*reversed(sides))
    effects = {each.lever: each.usd for each in back.effects}
    for each in there.effects:
        assert each.usd == pytest.approx(-effects[each.lever], abs=1e-9)


@given(pairs())
def test_what_did_not_change_has_no_effect(sides):
    before, after = sides
    same = replace(after, manifest=replace(after.manifest, prices=before.manifest.prices))
    same = replace(
        same, results=tuple(replace(e, cost=cost_of(e.outcome, before.manifest.prices)) for e in same.results)
    )
    effects = {each.lever: each.usd for each in decompose(before, same).effects}
    assert effects[PRICES] == 0
    assert all(each.usd == 0 for each in decompose(before, before).effects)
