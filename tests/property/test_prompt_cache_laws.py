"""Laws of predicted prompt caches: on any stream of prompts, with any lifetime and room."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.calls import Attempt, Usage
from evalgate.core.outcome import Answer, Cost, Outcome, Step
from evalgate.core.policy_file import Price
from evalgate.core.prompt_cache_file import PromptCacheFile
from evalgate.pricing.cost import cost_of
from evalgate.pricing.prompt_cache import SentPrompt, predict

SPECS = st.builds(
    PromptCacheFile,
    block_tokens=st.integers(1, 4),
    min_tokens=st.integers(0, 12),
    ttl_s=st.none() | st.floats(0.5, 20),
    capacity_tokens=st.none() | st.integers(4, 40),
)


@st.composite
def streams(draw):
    """A cache, and prompts made of few letters, so that many begin alike; their clock never runs back."""
    spec = draw(SPECS)
    at_s = 0.0
    prompts = []
    for _ in range(draw(st.integers(1, 12))):
        at_s += draw(st.floats(0, 5))
        text = draw(st.text("ab", max_size=20))
        whole = len(text) // spec.block_tokens
        blocks = tuple(text[: spec.block_tokens * (at + 1)] for at in range(whole))
        prompts.append(SentPrompt(text, at_s, len(text), len(text), blocks))
    return spec, prompts


def read(spec, prompts, *, warm=False):
    return [each.read for each in predict(spec, prompts, warm=warm)]


def never_fewer(more, fewer):
    return all(one >= other for one, other in zip(more, fewer, strict=True))


@given(streams(), st.booleans())
def test_what_is_read_and_written_is_inside_the_prompt(stream, warm):
    spec, prompts = stream
    for sent, cached in zip(prompts, predict(spec, prompts, warm=warm), strict=True):
        assert 0 <= cached.read <= cached.read + cached.written <= sent.tokens
        assert cached.read % spec.block_tokens == 0
        assert cached.read == 0 or cached.read >= spec.min_tokens


@given(streams(), st.floats(0, 50))
def test_a_longer_life_never_finds_less(stream, longer):
    spec, prompts = stream
    lasting = spec.model_copy(update={"ttl_s": None if spec.ttl_s is None else spec.ttl_s + longer})
    assert never_fewer(read(lasting, prompts), read(spec, prompts))
    assert never_fewer(read(spec.model_copy(update={"ttl_s": None}), prompts), read(spec, prompts))


@given(streams(), st.integers(0, 40))
def test_more_room_never_finds_less(stream, more):
    spec, prompts = stream
    room = None if spec.capacity_tokens is None else spec.capacity_tokens + more
    assert never_fewer(read(spec.model_copy(update={"capacity_tokens": room}), prompts), read(spec, prompts))


@given(streams())
def test_a_warm_cache_never_finds_less_than_a_cold_one(stream):
    assert never_fewer(read(*stream, warm=True), read(*stream))


@given(streams())
def test_a_lower_minimum_never_finds_less(stream):
    spec, prompts = stream
    eager = spec.model_copy(update={"min_tokens": 0})
    if spec.capacity_tokens is None:
        assert never_fewer(read(eager, prompts), read(spec, prompts))


@given(streams(), st.floats(0, 100), st.floats(0, 100))
def test_where_reading_and_writing_cost_as_input_does_caching_changes_no_price(stream, fresh, output):
    spec, prompts = stream
    price = Price(
        input_per_1m=fresh, cached_input_per_1m=fresh, cache_write_per_1m=fresh, output_per_1m=output
    )
    for sent, cached in zip(prompts, predict(spec, prompts, warm=False), strict=True):
        plain = usd(Usage(sent.tokens, output_tokens=3), price)
        found = replace(
            Usage(sent.tokens, output_tokens=3),
            cached_input_tokens=cached.read,
            cache_write_tokens=cached.written,
        )
        assert usd(found, price) == pytest.approx(plain, rel=1e-12)


def usd(usage, price):
    step = Step("generate", "a", "d", "s", (Attempt(1.0, usage=usage),))
    cost = cost_of(Outcome("c", 0, Answer("x"), "a", 1.0, (step,)), {"a": price})
    assert isinstance(cost, Cost)
    return cost.total_usd
