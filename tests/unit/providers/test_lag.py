import asyncio
import time

import pytest

from evalgate.core.policy_file import Reliability
from evalgate.providers.lag import LoopLag
from tests.loopback import Loopback, answer, delayed
from tests.unit.providers.asking import openai, request


def busy(seconds):
    """Keep the loop from everything else."""
    time.sleep(seconds)


def measured(scenario):
    async def go():
        lag = LoopLag()
        lag.start()
        try:
            return await scenario(lag)
        finally:
            lag.stop()

    return asyncio.run(go())


def test_an_idle_loop_is_not_late():
    async def scenario(lag):
        started = time.perf_counter()
        await asyncio.sleep(0.05)
        return lag.worst_between(started, time.perf_counter())

    # Other programs may take the processor away, but hardly for this long in each of many tries.
    assert min(measured(scenario) for _ in range(10)) < 0.02


def test_a_busy_loop_is_late_by_as_long_as_it_was_busy():
    async def scenario(lag):
        await asyncio.sleep(0.01)
        started = time.perf_counter()
        busy(0.1)
        await asyncio.sleep(0.01)
        return lag.worst_between(started, time.perf_counter())

    assert 0.09 < measured(scenario) < 5


def test_what_happened_before_and_after_does_not_count():
    async def scenario(lag):
        await asyncio.sleep(0.01)
        busy(0.1)
        await asyncio.sleep(0.01)
        return lag.worst_between(0.0, 1.0), lag.at(0.0)

    assert measured(scenario) == (0.0, 0.0)


@pytest.mark.parametrize("busy_s", [0.0, 0.2])
def test_an_answer_that_came_while_we_were_busy_says_so(busy_s):
    async def go(origin):
        async with openai(origin) as caller:
            await caller(request(), Reliability())
            asking = asyncio.ensure_future(caller(request(), Reliability()))
            await asyncio.sleep(0.05)
            busy(busy_s)
            return (await asking).attempts[0]

    with Loopback([answer(), delayed(0.1, answer())]) as server:
        attempt = asyncio.run(go(server.origin))
    if busy_s:
        assert attempt.lag_s > 0.1
        assert attempt.lag_s <= attempt.latency_s
    else:
        assert (attempt.lag_s or 0.0) < 0.1


def test_latency_ends_with_the_last_byte_and_not_when_we_come_to_it():
    async def go(origin):
        async with openai(origin) as caller:
            await caller(request(), Reliability())
            first, second = (asyncio.ensure_future(caller(request(), Reliability())) for _ in range(2))
            # Both answers are read in one go; whoever is woken first keeps the other waiting.
            first.add_done_callback(lambda _: busy(0.3))
            second.add_done_callback(lambda _: busy(0.3))
            return [call.attempts[0].latency_s for call in await asyncio.gather(first, second)]

    with Loopback([answer(), delayed(0.05, answer())]) as server:
        assert min(asyncio.run(go(server.origin))) < 0.3


def test_being_busy_when_the_question_goes_out_counts_too():
    async def scenario(lag):
        await asyncio.sleep(0.01)
        started = time.perf_counter()
        busy(0.1)
        await asyncio.sleep(0.05)
        later = time.perf_counter()
        return lag.across(started), lag.across(later)

    sending, waiting = measured(scenario)
    assert 0.09 < sending < 5
    assert waiting == 0.0
