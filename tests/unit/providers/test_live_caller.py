import asyncio
import socket
import subprocess
import sys
import time

import pytest

from evalgate.core.attempt_log import Unlogged
from evalgate.core.errors import Interrupted, ProviderRefused, SpendCapReached
from evalgate.core.policy_file import Reliability
from evalgate.core.providers_file import FunctionProvider
from evalgate.core.retry import backoff_s
from evalgate.providers.live import LiveCaller, Pace, Time
from evalgate.providers.loop import run_loop, running_watch
from tests.loopback import Loopback, answer, delayed, reply, reset, status
from tests.unit.providers.asking import NOW, ask, openai, request


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_retry_after_an_outage_records_both_attempts():
    with Loopback([status(503), answer("billing")]) as server:
        call = ask(server.origin, Reliability(num_retries=2, backoff_s=0))
    assert [(attempt.error, attempt.status) for attempt in call.attempts] == [
        ("server_error", 503),
        (None, 200),
    ]
    assert call.response.text == "billing"


@pytest.mark.parametrize("jitter", ["full", "none"])
def test_it_waits_exactly_what_the_retry_law_says(jitter):
    waits = []
    passed_s = 0.0

    async def sleep(seconds):
        nonlocal passed_s
        waits.append(seconds)
        passed_s += seconds

    rules = Reliability(num_retries=3, backoff_s=0.5, backoff_jitter=jitter)
    limited = status(429, headers={"Retry-After": "9"})
    with Loopback([status(500), limited, reset(), answer()]) as server:
        call = ask(server.origin, rules, sleep=sleep, now=lambda: passed_s)
    law = [backoff_s(rules, "d" * 64, 1), backoff_s(rules, "d" * 64, 2, 9.0), backoff_s(rules, "d" * 64, 3)]
    assert waits == law
    assert [attempt.wait_s for attempt in call.attempts] == [0.0, *law]
    assert law[1] == 9.0


def test_it_really_waits():
    rules = Reliability(num_retries=1, backoff_s=0.5, backoff_jitter="none")
    with Loopback([status(503), answer()]) as server:
        started = time.perf_counter()
        call = ask(server.origin, rules)
        assert time.perf_counter() - started >= 0.5
    assert call.attempts[1].latency_s < 0.5


def test_it_stops_when_the_rules_stop():
    with Loopback([status(503)]) as server:
        call = ask(server.origin, Reliability(num_retries=2, backoff_s=0))
    assert call.response is None
    assert len(call.attempts) == len(server.received) == 3


def test_what_cannot_be_mended_is_not_tried_again():
    with Loopback([status(400)]) as server:
        call = ask(server.origin, Reliability(num_retries=5))
    assert [attempt.error for attempt in call.attempts] == ["bad_request"]
    assert len(server.received) == 1


def test_the_first_failure_of_each_kind_is_told_with_its_reason(caplog):
    async def go(origin):
        async with openai(origin) as caller:
            for _ in range(3):
                await caller(request(), Reliability())

    with Loopback(
        [status(400, {"message": "unknown parameter max_tokens"}), status(400), status(500)]
    ) as server:
        run_loop(go(server.origin))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "unknown parameter max_tokens" in told[0]
    assert "server_error" in told[1]


def test_an_origin_that_never_answers_is_refused():
    with pytest.raises(ProviderRefused, match="'local' cannot be reached"):
        ask(f"http://127.0.0.1:{closed_port()}", Reliability(num_retries=1, backoff_s=0))


def test_an_origin_that_goes_away_is_an_outage():
    async def go():
        with Loopback([reply(503, b"", {"Connection": "close"})]) as server:
            async with openai(server.origin) as caller:
                await caller(request(), Reliability())
                server.stop()
                return await caller(request(), Reliability(num_retries=1, backoff_s=0))

    call = run_loop(go())
    assert [(attempt.error, attempt.billing) for attempt in call.attempts] == [("connection", "free")] * 2


def test_a_slow_answer_that_beats_the_clock_by_a_hair_is_still_a_timeout():
    from evalgate.core.calls import Attempt, Response, Usage
    from evalgate.providers.tried import Tried, within

    tried = Tried(Attempt(1.0001, usage=Usage(3), billing="billed"), Response("late"))
    assert within(tried, 1.0) == Tried(
        Attempt(1.0, "timeout", usage=Usage(3), billing="possible"), None, "took 1.000 s, the limit is 1 s"
    )
    assert within(tried, 1.0001) is tried


def test_cancelling_is_prompt_and_leaves_nothing_open():
    async def go(origin):
        async with openai(origin) as caller:
            task = asyncio.create_task(caller(request(), Reliability(num_retries=5)))
            await asyncio.sleep(0.1)
            started = time.perf_counter()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return time.perf_counter() - started

    with Loopback([delayed(30, answer())]) as server:
        assert run_loop(go(server.origin)) < 0.5
        assert len(server.received) == 1


def test_cancelling_while_waiting_is_prompt_too():
    async def go(origin):
        async with openai(origin) as caller:
            rules = Reliability(num_retries=5, backoff_s=60, max_backoff_s=60, backoff_jitter="none")
            async with asyncio.timeout(0.3):
                await caller(request(), rules)

    with Loopback([status(503)]) as server:
        started = time.perf_counter()
        with pytest.raises(TimeoutError):
            run_loop(go(server.origin))
        assert time.perf_counter() - started < 2


def test_connections_are_reused_and_closed():
    async def go(origin):
        async with openai(origin) as caller:
            for _ in range(5):
                await caller(request(), Reliability())

    with Loopback([answer()]) as server:
        run_loop(go(server.origin))
        assert server.connections == 1
        deadline = time.perf_counter() + 2
        while server.open and time.perf_counter() < deadline:
            time.sleep(0.01)
        assert server.open == 0


def test_attempts_in_flight_are_bounded_and_our_own_queue_is_not_latency():
    async def go(origin):
        async with openai(origin, pace=Pace(concurrency=2)) as caller:
            return await asyncio.gather(*(caller(request(), Reliability()) for _ in range(6)))

    with Loopback([delayed(0.3, answer())]) as server:
        calls = run_loop(go(server.origin))
        assert server.connections == 2
    # Six calls through two places take three rounds; each call's own latency is one.
    attempts = [call.attempts[0] for call in calls]
    assert max(attempt.latency_s - (attempt.lag_s or 0.0) for attempt in attempts) < 0.55
    # What they waited for a place is kept, apart.
    assert sorted(call.attempts[0].queued_s or 0.0 for call in calls)[2:] >= [0.25, 0.25, 0.55, 0.55]


def test_an_unknown_provider_is_refused_with_what_there_is():
    async def go():
        async with openai("http://127.0.0.1:1") as caller:
            await caller(request(provider="lokal"), Reliability())

    with pytest.raises(ProviderRefused, match=r"'lokal' is not in evalgate.yaml \(there: local\)"):
        run_loop(go())


@pytest.mark.parametrize("kind", ["function", "http"])
def test_a_provider_of_another_kind_is_refused(kind):
    async def go():
        async with openai("http://127.0.0.1:1") as caller:
            await caller(request(kind=kind), Reliability())

    with pytest.raises(ProviderRefused, match=f"of kind 'openai' and cannot answer {kind} calls"):
        run_loop(go())


def test_a_function_that_was_not_loaded_is_refused():
    async def go():
        spec = FunctionProvider(kind="function", path="app:answer")
        async with LiveCaller({"app": spec}, {}, {}, Unlogged("s-1"), time=Time(clock=lambda: NOW)) as caller:
            await caller(request(kind="function", provider="app"), Reliability())

    with pytest.raises(ProviderRefused, match="app:answer"):
        run_loop(go())


def test_the_default_clock_is_utc():
    async def go():
        spec = FunctionProvider(kind="function", path="app:answer")
        async with LiveCaller({"app": spec}, {"app": lambda _: "x"}, {}, Unlogged("s-1")) as caller:
            return await caller(request(kind="function", provider="app"), Reliability())

    at = run_loop(go()).attempts[0].at
    assert at.endswith("Z")
    assert len(at) == len("2026-11-01T12:00:00.005Z")


def test_functions_alone_need_no_http_client():
    code = "import sys, evalgate.providers.live; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Noting:
    """An attempt log that remembers, and lets only so many attempts pass."""

    session = "s-1"

    def __init__(self, allowed=100, noting_s=0.0):
        self.noted = []
        self.allowed = allowed
        self.noting_s = noting_s
        self.stopped = False

    async def before(self, request, limit_s):
        if len(self.noted) == self.allowed:
            raise SpendCapReached("enough")
        await asyncio.sleep(self.noting_s)
        self.noted.append([limit_s])
        return len(self.noted) - 1

    def sending(self, ticket):
        if self.stopped:
            raise Interrupted("stopped")
        self.noted[ticket].append("sent")

    def after(self, ticket, attempt):
        self.noted[ticket].append(attempt)

    def never_sent(self, ticket):
        self.noted[ticket].append("never sent")


def test_every_attempt_is_noted_before_and_after():
    log = Noting()
    with Loopback([status(503), reset(), answer()]) as server:
        call = ask(server.origin, Reliability(num_retries=2, backoff_s=0, request_timeout_s=9), log=log)
        assert len(server.received) == 3
    assert [each[:2] for each in log.noted] == [[9, "sent"]] * 3
    assert [attempt.error for *_, attempt in log.noted] == [attempt.error for attempt in call.attempts]


def test_a_refusal_is_noted_as_nothing_billed_and_a_cancelled_attempt_has_no_end():
    log = Noting()
    with Loopback([status(401)]) as server, pytest.raises(ProviderRefused):
        ask(server.origin, log=log)
    assert log.noted == [[600.0, "sent", None]]

    async def go(origin):
        async with openai(origin, log=log) as caller, asyncio.timeout(0.1):
            await caller(request(), Reliability())

    with Loopback([delayed(30, answer())]) as server, pytest.raises(TimeoutError):
        run_loop(go(server.origin))
    assert log.noted[1] == [600.0, "sent"]


def test_an_answer_that_is_there_when_its_call_is_cancelled_is_handed_on():
    log, handed_on = Noting(), []

    async def asking(caller):
        handed_on.append(await caller(request(), Reliability()))
        await asyncio.sleep(30)

    async def go(origin):
        async with openai(origin, log=log) as caller:
            task = asyncio.ensure_future(asking(caller))
            # Where it waits for calm, its answer has come and nothing is kept of it yet.
            while not running_watch()._patient:  # noqa: ASYNC110  nothing else tells
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    with Loopback([answer("yes")]) as server:
        run_loop(go(server.origin))
    assert [call.response.text for call in handed_on] == ["yes"]
    assert log.noted == [[600.0, "sent", *handed_on[0].attempts]]


def test_what_the_log_refuses_is_not_sent():
    log = Noting(allowed=1)
    with Loopback([status(503), answer()]) as server:
        with pytest.raises(SpendCapReached):
            ask(server.origin, Reliability(num_retries=1, backoff_s=0), log=log)
        assert len(server.received) == 1


def test_attempts_are_made_ready_while_others_are_in_flight():
    async def go(origin, log):
        async with openai(origin, log=log, pace=Pace(concurrency=4)) as caller:
            await asyncio.gather(*(caller(request(), Reliability()) for _ in range(4)))
            asking = [asyncio.ensure_future(caller(request(), Reliability())) for _ in range(16)]
            most = 0
            while not all(each.done() for each in asking):
                most = max(most, sum(len(each) == 1 for each in log.noted))
                await asyncio.sleep(0.005)
            return most

    with Loopback([delayed(0.2, answer())]) as server:
        assert 1 <= run_loop(go(server.origin, Noting(noting_s=0.1))) <= 4
        assert server.connections == 4


def test_where_attempts_take_long_nobody_is_ready_before_there_is_a_place():
    async def go(origin, log):
        async with openai(origin, log=log, pace=Pace(concurrency=2)) as caller:
            await asyncio.gather(*(caller(request(), Reliability()) for _ in range(2)))
            asking = [asyncio.ensure_future(caller(request(), Reliability())) for _ in range(6)]
            await asyncio.sleep(0.15)
            noted = len(log.noted)
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            return noted

    with Loopback([delayed(0.4, answer())]) as server:
        assert run_loop(go(server.origin, Noting())) == 4


@pytest.mark.parametrize("how", ["cancelled", "stopped"])
def test_what_is_ready_and_then_given_up_is_noted_as_never_sent(how):
    async def go(origin, log):
        async with openai(origin, log=log, pace=Pace(concurrency=2)) as caller:
            await asyncio.gather(*(caller(request(), Reliability()) for _ in range(2)))
            asking = [asyncio.ensure_future(caller(request(), Reliability())) for _ in range(4)]
            await asyncio.sleep(0.3)
            log.stopped = True
            for each in asking[2:] if how == "cancelled" else ():
                each.cancel()
            return await asyncio.gather(*asking, return_exceptions=True)

    log = Noting(noting_s=0.2)
    with Loopback([delayed(0.25, answer())]) as server:
        ended = run_loop(go(server.origin, log))
        assert len(server.received) == 4
    assert [type(each).__name__ for each in ended[2:]] == [
        "CancelledError" if how == "cancelled" else "Interrupted"
    ] * 2
    told = [each[1:] for each in log.noted]
    assert [len(each) == 2 for each in told[:4]] == [True] * 4
    assert told[4:] == ([["never sent"]] * (len(told) - 4) if how == "cancelled" else [[]] * (len(told) - 4))
    assert len(told) > 4
