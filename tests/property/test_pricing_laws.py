"""Laws of cost: it adds up, it grows with tokens and prices, and what is unknown is never free."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.calls import Attempt, Usage
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Answer, Cost, Outcome, Role, Step
from evalgate.core.policy_file import Price, PriceTier
from evalgate.pricing.cost import cost_of

RATE = st.floats(0, 1000)
RATES = st.tuples(RATE, RATE, st.none() | RATE, st.none() | RATE)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    fresh, output, cached, written = draw(RATES)
    return Price(
        input_per_1m=fresh,
        output_per_1m=output,
        cached_input_per_1m=cached,
        cache_write_per_1m=written,
        per_request=draw(st.floats(0, 1)),
        tiers=draw(st.lists(tiers(), max_size=3)),
    )


@st.composite
def tiers(draw: st.DrawFn) -> PriceTier:
    fresh, output, cached, written = draw(RATES)
    return PriceTier(
        above_input_tokens=draw(st.integers(0, 10**6)),
        input_per_1m=fresh,
        output_per_1m=output,
        cached_input_per_1m=cached,
        cache_write_per_1m=written,
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    cached, written, fresh = (draw(st.integers(0, 10**6)) for _ in range(3))
    return Usage(cached + written + fresh, cached, written, draw(st.integers(0, 10**6)))


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    error = draw(st.none() | st.sampled_from(["timeout", "rate_limit", "connection", "bad_response"]))
    return Attempt(
        1.0,
        error=error,
        usage=draw(st.none() | usages()),
        reported_cost_usd=draw(st.none() | st.floats(0, 1)),
        billing=draw(st.sampled_from([None, "billed", "free", "possible"])),
    )


@st.composite
def steps(draw: st.DrawFn) -> Step:
    role: Role = draw(st.sampled_from(["generate", "fallback"]))
    return Step(role, "a", "digest", "session", tuple(draw(st.lists(attempts(), min_size=1, max_size=4))))


def cost(price: Price, *made: Step) -> Cost | Unmeasured:
    return cost_of(Outcome("c", 0, Answer("x"), "a", 1.0, made), {"a": price})


def usd(price: Price, usage: Usage) -> float:
    found = cost(price, Step("generate", "a", "d", "s", (Attempt(1.0, usage=usage),)))
    assert isinstance(found, Cost)
    return found.total_usd


@given(prices(), st.lists(steps(), max_size=4))
def test_cost_is_never_negative_and_its_parts_are_inside_it(price: Price, made: list[Step]) -> None:
    found = cost(price, *made)
    if isinstance(found, Unmeasured):
        assert "'a'" in found.reason
        return
    assert math.isfinite(found.total_usd)
    assert 0 <= found.retries_usd <= found.total_usd
    assert 0 <= found.fallbacks_usd <= found.total_usd


@given(prices(), st.lists(steps(), min_size=1, max_size=4), st.randoms())
def test_cost_adds_up_over_calls_in_any_order(price: Price, made: list[Step], random) -> None:
    whole = cost(price, *made)
    parts = [cost(price, each) for each in made]
    shuffled = random.sample(made, len(made))
    if isinstance(whole, Unmeasured):
        assert any(isinstance(part, Unmeasured) for part in parts)
        assert isinstance(cost(price, *shuffled), Unmeasured)
        return
    assert cost(price, *shuffled) == whole
    for name in ("total_usd", "retries_usd", "fallbacks_usd"):
        assert getattr(whole, name) == pytest.approx(math.fsum(getattr(part, name) for part in parts))


@given(prices(), st.lists(usages(), min_size=1, max_size=5))
def test_cost_adds_up_over_attempts(price: Price, used: list[Usage]) -> None:
    failed = tuple(Attempt(1.0, error="bad_response", usage=usage) for usage in used[:-1])
    found = cost(price, Step("generate", "a", "d", "s", (*failed, Attempt(1.0, usage=used[-1]))))
    assert isinstance(found, Cost)
    assert found.total_usd == pytest.approx(math.fsum(usd(price, usage) for usage in used))
    assert found.retries_usd == pytest.approx(math.fsum(usd(price, usage) for usage in used[:-1]))


@given(prices(), usages(), st.sampled_from(["input_tokens", "output_tokens"]), st.integers(1, 10**6))
def test_more_tokens_never_cost_less(price: Price, usage: Usage, which: str, more: int) -> None:
    flat = price.model_copy(update={"tiers": []})
    grown = replace(usage, **{which: getattr(usage, which) + more})
    assert usd(flat, grown) >= usd(flat, usage)


@given(prices(), usages(), st.integers(1, 10**6))
def test_more_tokens_never_cost_less_where_tiers_rise(price: Price, usage: Usage, more: int) -> None:
    rising = price.model_copy(
        update={
            "tiers": [
                PriceTier(
                    above_input_tokens=bound,
                    input_per_1m=price.input_per_1m * factor,
                    output_per_1m=price.output_per_1m * factor,
                    cached_input_per_1m=_times(price.cached_input_per_1m, factor),
                    cache_write_per_1m=_times(price.cache_write_per_1m, factor),
                )
                for bound, factor in ((1000, 2), (500_000, 3))
            ]
        }
    )
    grown = replace(usage, input_tokens=(usage.input_tokens or 0) + more)
    assert usd(rising, grown) >= usd(rising, usage)


def _times(rate: float | None, factor: int) -> float | None:
    return None if rate is None else rate * factor


@given(
    prices(),
    usages(),
    st.sampled_from(
        ["input_per_1m", "output_per_1m", "cached_input_per_1m", "cache_write_per_1m", "per_request"]
    ),
    st.floats(0, 1000),
)
def test_higher_prices_never_cost_less(price: Price, usage: Usage, which: str, more: float) -> None:
    flat = price.model_copy(update={"tiers": []})
    if getattr(flat, which) is None:
        flat = flat.model_copy(update={which: flat.input_per_1m})
    assert usd(flat.model_copy(update={which: getattr(flat, which) + more}), usage) >= usd(flat, usage)


@given(prices(), steps())
def test_free_attempts_cost_nothing(price: Price, made: Step) -> None:
    free = replace(made, attempts=tuple(replace(each, billing="free") for each in made.attempts))
    assert cost(price, free) == Cost(0.0)


@given(
    prices(),
    st.sampled_from([None, "timeout", "connection", "bad_response"]),
    st.sampled_from([None, "billed", "possible"]),
)
def test_unknown_usage_of_a_priced_model_never_yields_zero(price: Price, error: str | None, billing) -> None:
    priced = price.model_copy(update={"input_per_1m": price.input_per_1m + 1})
    found = cost(priced, Step("generate", "a", "d", "s", (Attempt(1.0, error=error, billing=billing),)))
    assert isinstance(found, Unmeasured)


@given(prices(), steps())
def test_a_reported_cost_never_changes_what_known_tokens_cost(price: Price, made: Step) -> None:
    known = tuple(each for each in made.attempts if each.usage is not None)
    bare = tuple(replace(each, reported_cost_usd=None) for each in known)
    assert cost(price, replace(made, attempts=known)) == cost(price, replace(made, attempts=bare))
