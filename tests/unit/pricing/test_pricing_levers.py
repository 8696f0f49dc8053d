"""Why the cost of a request changed: every lever alone, levers together, and what no lever explains."""

from dataclasses import replace

import pytest

from evalgate.core.budgets import Rules
from evalgate.core.calls import Attempt, Usage
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Answer, CacheTrace, Cost, Grade, Graded, Outcome, Step
from evalgate.core.policy_file import Price
from evalgate.pricing.cost import cost_of
from evalgate.pricing.levers import (
    CACHE,
    CLEANUP,
    FALLBACKS,
    PRICES,
    PROMPT_CACHE,
    RETRIES,
    ROUTE,
    TOKENS,
    decompose,
    shapley,
)
from tests.synthetic_runs import run_of

DEAR, CHEAP = Price(input_per_1m=10.0), Price(input_per_1m=1.0)
TABLE = {"strong": DEAR, "weak": CHEAP}


def step(alias="strong", tokens=1_000_000, role="generate", failed=0):
    lost = tuple(
        Attempt(1.0, error="timeout", usage=Usage(tokens, output_tokens=0), billing="billed")
        for _ in range(failed)
    )
    return Step(
        role, alias, f"{alias}{tokens}", "s", (*lost, Attempt(1.0, usage=Usage(tokens, output_tokens=0)))
    )


def lost_step(alias="strong", tokens=1_000_000):
    attempt = Attempt(1.0, error="timeout", usage=Usage(tokens, output_tokens=0), billing="billed")
    return Step("generate", alias, "lost", "s", (attempt,))


def run(*cases, prices=TABLE, policy="production", cleanup=0.0, right=True):
    results = []
    for number, steps in enumerate(cases):
        hit = steps == ()
        made = Outcome(f"c{number}", 0, Answer("x"), "strong", 1.0, tuple(steps), CacheTrace("k", hit))
        results.append(Graded(made, cost_of(made, prices), Grade(float(right), right), {}))
    plain = run_of([], policy, Rules((), cleanup_usd_per_wrong=cleanup))
    return replace(plain, manifest=replace(plain.manifest, prices=prices), results=tuple(results))


def effects(before, after):
    found = decompose(before, after)
    total = sum(each.usd for each in found.effects) + found.residual_usd
    assert found.baseline_usd + total == pytest.approx(found.candidate_usd, abs=1e-12)
    assert found.residual_usd == pytest.approx(0, abs=1e-9)
    return {each.lever: each.usd for each in found.effects if abs(each.usd) > 1e-12}


def test_the_same_run_moves_nothing():
    assert effects(run([step()]), run([step()])) == {}


def test_a_cheaper_deployment_is_the_route():
    assert effects(run([step()], [step()]), run([step()], [step("weak")])) == {ROUTE: pytest.approx(-4.5)}


def test_tokens_of_another_deployment_belong_to_the_route_too():
    assert effects(run([step()]), run([step("weak", 2_000_000)])) == {ROUTE: pytest.approx(-8.0)}


def test_more_tokens_on_the_same_deployment_are_tokens():
    assert effects(run([step()]), run([step(tokens=1_200_000)])) == {TOKENS: pytest.approx(2.0)}


def test_a_new_price_is_a_price():
    cheaper = {"strong": Price(input_per_1m=6.0), "weak": CHEAP}
    assert effects(run([step()]), run([step()], prices=cheaper)) == {PRICES: pytest.approx(-4.0)}


def test_a_cache_hit_saves_the_whole_call_and_its_loss_costs_it():
    assert effects(run([step()], [step()]), run([step()], ())) == {CACHE: pytest.approx(-5.0)}
    assert effects(run(()), run([step("weak")])) == {CACHE: pytest.approx(1.0)}


def test_failed_attempts_are_retries():
    assert effects(run([step()]), run([step(failed=2)])) == {RETRIES: pytest.approx(20.0)}


def test_a_fallback_is_one_with_what_it_replaced():
    found = effects(run([step()]), run([lost_step(), step("weak", role="fallback")]))
    assert found == {RETRIES: pytest.approx(10.0), FALLBACKS: pytest.approx(1.0 - 10.0)}


def test_levers_that_act_together_share_their_effect_whatever_their_order():
    # Tokens 1 -> 2 million and price 10 -> 4: alone +10 and -6, together -2; each order gives another split.
    cheaper = {"strong": Price(input_per_1m=4.0), "weak": CHEAP}
    found = effects(run([step()]), run([step(tokens=2_000_000)], prices=cheaper))
    assert found == {TOKENS: pytest.approx((10 + 4) / 2), PRICES: pytest.approx((-6 - 12) / 2)}


def test_a_hit_under_new_prices_is_shared_between_cache_and_price():
    cheaper = {"strong": Price(input_per_1m=4.0), "weak": CHEAP}
    found = effects(run([step()]), run((), prices=cheaper))
    assert found == {CACHE: pytest.approx((-10 - 4) / 2), PRICES: pytest.approx(-6 / 2)}


def test_a_deployment_that_only_one_side_has_is_priced_by_that_side():
    found = effects(run([step()], prices={"strong": DEAR}), run([step("weak")], prices={"weak": CHEAP}))
    assert found == {ROUTE: pytest.approx(-9.0)}


def test_another_role_is_a_lever_of_its_own():
    check = replace(step("weak"), role="verify")
    assert effects(run([step()]), run([step(), check])) == {"verifier of the cache": pytest.approx(1.0)}


def test_wrong_answers_cost_their_cleanup():
    before, after = run([step()], cleanup=3.0), run([step()], cleanup=3.0, right=False)
    assert effects(before, after) == {CLEANUP: pytest.approx(3.0)}


def test_what_no_lever_explains_is_the_residual():
    before, after = run([step()]), run([step()])
    hosted = replace(after, results=tuple(replace(each, cost=Cost(17.0)) for each in after.results))
    found = decompose(before, hosted)
    assert found.residual_usd == pytest.approx(7.0)


def test_an_unpriced_case_leaves_the_reason():
    before, after = run([step()]), run([step()])
    unknown = replace(
        after, results=tuple(replace(each, cost=Unmeasured("no tokens")) for each in after.results)
    )
    assert decompose(before, unknown) == Unmeasured("no tokens")


def test_cases_weigh_what_they_weigh():
    before, after = run([step()], [step()]), run([step()], [step("weak")])
    heavy = [
        replace(each, results=(each.results[0], replace(each.results[1], weight=3.0)))
        for each in (before, after)
    ]
    assert effects(*heavy) == {ROUTE: pytest.approx(-9 * 3 / 4)}


def test_shapley_of_a_game_known_by_hand():
    worth = {"": 0.0, "a": 1.0, "b": 2.0, "c": 0.0, "ab": 6.0, "ac": 1.0, "bc": 2.0, "abc": 6.0}
    found = dict(shapley(["a", "b", "c"], lambda players: worth["".join(sorted(players))]))
    assert found == {"a": pytest.approx(2.5), "b": pytest.approx(3.5), "c": pytest.approx(0.0)}


CACHED = {"strong": Price(input_per_1m=10.0, cached_input_per_1m=1.0)}


def cached_step(tokens, cached):
    usage = Usage(tokens, cached_input_tokens=cached, cache_write_tokens=0, output_tokens=0)
    return Step("generate", "strong", f"{tokens} {cached}", "s", (Attempt(1.0, usage=usage),))


def test_cached_input_is_a_lever_of_its_own():
    before, after = (
        run([cached_step(1_000_000, 800_000)], prices=CACHED),
        run([cached_step(1_000_000, 0)], prices=CACHED),
    )
    assert effects(before, after) == {PROMPT_CACHE: pytest.approx(7.2)}


def test_a_shorter_prompt_saves_tokens_and_may_cost_its_cache():
    before, after = (
        run([cached_step(1_000_000, 800_000)], prices=CACHED),
        run([cached_step(700_000, 0)], prices=CACHED),
    )
    found = effects(before, after)
    assert found[TOKENS] < 0 < found[PROMPT_CACHE]
    assert found[TOKENS] + found[PROMPT_CACHE] == pytest.approx(7.0 - 2.8)
