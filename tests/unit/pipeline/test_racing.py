"""Calls that really run beside each other."""

import asyncio

import pytest

from evalgate.core.calls import Attempt, Call, Response
from evalgate.core.errors import ProviderRefused
from evalgate.pipeline.live.racing import at_once
from tests.unit.serving.serving_fakes import deployment

REQUEST = deployment("weak").request(())


def race(first, second, after_s):
    """Race two calls, each given as (real seconds, latency told, error to raise); return it and who began."""
    began = []

    def ask(name, seconds, told, error=None):
        async def call():
            began.append(name)
            await asyncio.sleep(seconds)
            if error is not None:
                raise error
            return Call(REQUEST, (Attempt(told),), Response(name), "s1", replayed=False)

        return call

    async def run():
        return await at_once(ask("first", *first), ask("second", *second), after_s)

    return asyncio.run(run()), began


def test_a_quick_call_has_nobody_beside_it():
    (call, beside), began = race((0.0, 0.01), (0.0, 0.01), 0.2)
    assert (call.response.text, beside, began) == ("first", None, ["first"])


def test_a_slow_call_gets_another_one_and_both_end():
    (call, beside), began = race((0.15, 0.15), (0.02, 0.02), 0.05)
    assert (call.response.text, beside.response.text) == ("first", "second")
    assert began == ["first", "second"]


def test_a_call_from_the_store_counts_by_what_it_took_when_it_was_made():
    (_, beside), began = race((0.0, 3.0), (0.0, 0.5), 1.0)
    assert beside is not None
    assert began == ["first", "second"]


def test_time_in_our_own_queue_is_no_time_without_an_answer():
    (_, beside), began = race((0.15, 0.01), (0.0, 0.01), 0.05)
    assert beside is None
    assert began == ["first", "second"]


@pytest.mark.parametrize("refused", ["first", "second"])
def test_what_ends_one_call_ends_the_race(refused):
    refusal = ProviderRefused("no key")
    first = (0.1, 0.1, refusal if refused == "first" else None)
    second = (0.05, 0.05, refusal if refused == "second" else None)
    with pytest.raises(ProviderRefused):
        race(first, second, 0.02)
