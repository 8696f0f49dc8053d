import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.calls import Attempt
from evalgate.core.policy_file import Limits, Reliability
from evalgate.providers.limits import START, Gate, Places, Rate
from evalgate.providers.live import Pace
from evalgate.providers.loop import run_loop
from evalgate.providers.stamps import StampedSocket
from tests.loopback import Loopback, answer, delayed, status
from tests.unit.providers.asking import openai, request


class Clock:
    """Time that passes only while somebody sleeps; sleepers wake in order."""

    def __init__(self) -> None:
        self.s = 0.0

    def now(self) -> float:
        return self.s

    async def sleep(self, seconds: float) -> None:
        until = self.s + seconds
        await asyncio.sleep(0)
        self.s = max(self.s, until)


def test_a_rate_spaces_what_it_lets_through():
    rate = Rate(60)
    assert [rate.reserve(0.0) for _ in range(4)] == [0.0, 1.0, 2.0, 3.0]
    assert rate.reserve(10.0) == 0.0


def test_a_fast_rate_allows_bursts_of_one_second():
    rate = Rate(600)
    waits = [rate.reserve(0.0) for _ in range(12)]
    assert waits[:10] == [0.0] * 10
    assert waits[10:] == pytest.approx([0.1, 0.2])


def test_unused_tokens_are_given_back():
    rate = Rate(60_000)
    rate.reserve(0.0, 10_000)
    rate.give_back(9_000)
    assert rate.reserve(0.0, 1) == pytest.approx(0.0, abs=0.01)
    rate.give_back(-60_000)
    assert rate.reserve(0.0, 1) == pytest.approx(60.0, abs=0.01)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=80), st.integers(30, 6000))
def test_no_minute_sees_more_than_its_rate_and_one_second_of_burst(pauses, per_minute):
    rate, now, sent = Rate(per_minute), 0.0, []
    for pause in pauses:
        now += pause
        sent.append(now + rate.reserve(now))
    sent.sort()
    for first in sent:
        inside = sum(first <= each < first + 60 for each in sent)
        assert inside <= per_minute + max(1.0, per_minute / 60) + 1


def go(places, count):
    """Let ``count`` attempts take a place, if they get one at once."""
    return [asyncio.ensure_future(places.take()) for _ in range(count)]


def run(scenario):
    return asyncio.run(scenario())


def fill_and_free(places, *, limited=False, late=False, took_s=0.0):
    """Use every place, with somebody waiting, and end a whole window."""

    async def scenario():
        waiting = go(places, int(places.limit) + 1)
        await asyncio.sleep(0)
        for _ in range(len(waiting)):
            await asyncio.sleep(0)
            places.free(limited=limited, late=late, took_s=took_s)
        await asyncio.gather(*waiting)

    asyncio.run(scenario())


def test_clean_full_windows_add_half_until_the_first_trouble_and_then_one():
    places = Places(START, 256, adapts=True)
    found = []
    for limited in (False, False, True, False, False):
        fill_and_free(places, limited=limited)
        found.append(places.limit)
    assert found[:2] == [30, 45]
    assert found[2] < 45
    assert [found[3] - found[2], found[4] - found[3]] == [1, 1]


def test_places_that_only_make_attempts_wait_for_each_other_are_given_back():
    found, chosen = Places(START, 256, adapts=True), Places(64, 64, adapts=False)
    # A server that answers twenty at a time: more of them in flight take longer.
    for _ in range(60):
        for places in (found, chosen):
            fill_and_free(places, took_s=max(1.0, places.limit / 20))
    assert START <= found.limit <= 2 * START + 1
    assert chosen.limit == 64


def test_twice_as_slow_is_no_reason_for_fewer_than_at_the_start():
    places = Places(START, 256, adapts=True)
    fill_and_free(places, took_s=1.0)
    for _ in range(30):
        fill_and_free(places, took_s=9.0)
    assert places.limit == START


def test_places_that_are_not_used_are_not_added_to():
    places = Places(START, 256, adapts=True)

    async def scenario():
        for _ in range(200):
            await places.take()
            places.free()

    run(scenario)
    assert places.limit == START


def test_rate_limits_take_a_fifth_once_a_window():
    places = Places(20, 256, adapts=True)

    async def scenario():
        await asyncio.gather(*go(places, 20))
        for _ in range(20):
            places.free(limited=True, late=False)

    run(scenario)
    assert places.limit == 16


def test_places_never_exceed_what_is_allowed_and_never_vanish():
    places = Places(5, 5, adapts=True)
    fill_and_free(places)
    assert places.limit == 5
    for _ in range(60):
        fill_and_free(places, limited=True)
    assert places.limit == 1


def test_being_late_ourselves_takes_places_only_where_nobody_chose_them():
    found, chosen = Places(20, 256, adapts=True), Places(20, 20, adapts=False)
    for _ in range(30):
        fill_and_free(found, late=True)
        fill_and_free(chosen, late=True)
    assert found.limit == 4
    assert chosen.limit == 20


def test_a_cancelled_wait_takes_no_place():
    async def scenario():
        places = Places(1, 1, adapts=False)
        await places.take()
        first, second = go(places, 2)
        await asyncio.sleep(0)
        places.free()
        first.cancel()
        await asyncio.wait_for(second, 1)
        places.free()
        await asyncio.wait_for(places.take(), 1)
        return places.in_flight

    assert run(scenario) == 1


def test_after_a_rate_limit_nobody_asks_before_the_providers_own_time():
    async def scenario():
        clock = Clock()
        gate = Gate(Limits(), None, clock.now, clock.sleep)
        await gate.enter(1)
        gate.leave(Attempt(0.1, "rate_limit", retry_after_s=30.0))
        waited = await gate.enter(1)
        return waited, clock.s

    assert run(scenario) == (30.0, 30.0)


def test_a_very_long_wish_to_be_left_alone_is_cut():
    async def scenario():
        clock = Clock()
        gate = Gate(Limits(), None, clock.now, clock.sleep)
        await gate.enter(1)
        gate.leave(Attempt(0.1, "rate_limit", retry_after_s=86_400.0))
        return await gate.enter(1)

    assert run(scenario) == 120.0


def test_requests_and_tokens_a_minute_both_hold():
    async def scenario():
        clock = Clock()
        gate = Gate(Limits(rpm=60, tpm=600), None, clock.now, clock.sleep)
        waits = []
        for _ in range(4):
            waits.append(await gate.enter(100))
            gate.leave(Attempt(0.1))
        return waits, clock.s

    waits, passed_s = run(scenario)
    assert passed_s == pytest.approx(29, abs=2)  # 100 tokens at 600 a minute: one in 10 s
    assert waits[0] == 0.0


def test_limits_are_those_of_the_deployment_that_is_asked():
    async def scenario(origin):
        limits = {("local", "m-1", None, None): Limits(max_concurrency=1)}
        async with openai(origin, pace=Pace(limits=limits)) as caller:
            return await asyncio.gather(*(caller(request(), Reliability()) for _ in range(3)))

    with Loopback([delayed(0.05, answer())]) as server:
        run_loop(scenario(server.origin))
        assert server.connections == 1


def test_others_wait_too_when_one_was_told_to():
    async def scenario(origin):
        clock = Clock()
        async with openai(origin, sleep=clock.sleep, now=clock.now) as caller:
            rules = Reliability(num_retries=1, backoff_s=0)
            return [await caller(request(), rules) for _ in range(2)], clock.s

    with Loopback([status(429, headers={"Retry-After": "7"}), answer()]) as server:
        calls, passed_s = run_loop(scenario(server.origin))
    assert passed_s == 7.0
    # The one who was told waits by its own rules, which is latency; nobody waits twice.
    assert [call.attempts[-1].queued_s for call in calls] == [None, None]


def test_to_open_connections_makes_no_place_too_many(monkeypatch):
    monkeypatch.setattr(StampedSocket, "_ask_for_stamps", lambda _: False)

    async def scenario(origin):
        async with openai(origin) as caller:
            asking = [asyncio.ensure_future(caller(request(), Reliability())) for _ in range(START + 1)]
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_soon(time.sleep, 0.1)
            attempts = [call.attempts[0] for call in await asyncio.gather(*asking)]
            return caller.under_way(), sum((attempt.lag_s or 0.0) > 0.05 for attempt in attempts)

    with Loopback([delayed(0.2, answer())]) as server:
        under_way, late = run_loop(scenario(server.origin))
    assert late > START / 2
    assert under_way >= START * 1.5
