import asyncio
import selectors
import socket
import time
from contextlib import contextmanager

import pytest

from evalgate.core.policy_file import Reliability
from evalgate.providers import stamps
from evalgate.providers.loop import WatchedLoop, run_loop, running_watch
from evalgate.providers.stamps import Sockets, StampedSocket
from tests.loopback import Loopback, answer, delayed
from tests.unit.providers.asking import ask, openai, request


def busy(seconds):
    """Keep the loop from everything else."""
    time.sleep(seconds)


def test_the_loop_runs_to_the_end():
    async def main():
        await asyncio.sleep(0)
        return 42

    assert run_loop(main()) == 42


def test_calls_are_refused_on_a_loop_that_nobody_watches():
    async def go():
        async with openai("http://127.0.0.1:1"):
            pass

    with pytest.raises(TypeError, match="run_loop"):
        asyncio.run(go())


def test_an_idle_loop_is_at_work_for_next_to_no_time():
    async def scenario():
        watch, started = running_watch(), time.perf_counter()
        await asyncio.sleep(0.2)
        return watch.work_between(started, time.perf_counter())

    # Other programs may take the processor away, but hardly for this long in each of many tries.
    assert min(run_loop(scenario()) for _ in range(10)) < 0.01


def test_work_counts_as_far_as_it_lies_between_two_moments():
    async def scenario():
        watch = running_watch()
        await asyncio.sleep(0.01)
        busy(0.1)
        await asyncio.sleep(0.01)
        started = time.perf_counter()
        await asyncio.sleep(0.01)
        busy(0.1)
        await asyncio.sleep(0.01)
        busy(0.05)
        return [
            watch.work_between(start, time.perf_counter()) for start in (0.0, started, time.perf_counter())
        ]

    every, later, nothing = run_loop(scenario())
    assert 0.25 <= every < 5
    assert 0.15 <= later < every - 0.09
    assert nothing < 0.01


def test_bytes_that_came_while_we_worked_waited_also_where_the_machine_stops_us_for_a_moment(monkeypatch):
    plain = selectors.DefaultSelector.select

    def stopped(self, timeout=None):
        events = plain(self, timeout)
        time.sleep(0.02)
        return events

    async def go():
        watch, reader, writer = running_watch(), *socket.socketpair()
        monkeypatch.setattr(selectors.DefaultSelector, "select", stopped)
        writer.send(b"x")
        busy(0.1)
        waited = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(
            reader, lambda: waited.done() or waited.set_result(watch.waited())
        )
        try:
            return await waited
        finally:
            asyncio.get_running_loop().remove_reader(reader)
            reader.close()
            writer.close()

    assert run_loop(go()) >= 0.1


def test_whoever_waits_three_times_waits_for_the_three_longest_stretches():
    async def scenario():
        watch, started = running_watch(), time.perf_counter()
        for seconds in (0.03, 0.01, 0.05, 0.04, 0.0):
            busy(seconds)
            await asyncio.sleep(0.005)
        return watch.late_between(started, time.perf_counter()), watch.work_between(
            started, time.perf_counter()
        )

    late_s, work_s = run_loop(scenario())
    assert 0.12 <= late_s < work_s


def test_what_can_wait_does_so_until_the_loop_has_nothing_else_to_do():
    done = []

    async def patient(name):
        await running_watch().calm()
        done.append(name)

    async def urgent(steps):
        for _ in range(steps):
            await asyncio.sleep(0)
        done.append("urgent")

    async def scenario():
        await asyncio.gather(patient("first"), patient("second"), urgent(20))

    run_loop(scenario())
    assert done == ["urgent", "first", "second"]


def test_nothing_waits_for_a_loop_that_is_never_calm():
    async def scenario():
        waiting = [asyncio.ensure_future(running_watch().calm()) for _ in range(10)]
        began = time.perf_counter()
        while not all(each.done() for each in waiting):  # noqa: ASYNC110  it is to be busy
            await asyncio.sleep(0)
        return time.perf_counter() - began

    assert 0.01 < run_loop(scenario()) < 5


def test_who_is_cancelled_while_waiting_for_calm_first_keeps_what_it_has():
    kept = []

    async def go_on(name):
        await running_watch().calm()
        kept.append(name)
        await asyncio.sleep(0)
        kept.append(f"{name}, and more")

    async def scenario():
        tasks = [asyncio.ensure_future(go_on(name)) for name in ("cancelled", "other")]
        await asyncio.sleep(0)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    cancelled, other = run_loop(scenario())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert other is None
    assert kept == ["cancelled", "other", "other, and more"]


# What a call's times are


@contextmanager
def connected():
    """Yield a stamped socket and the other end of it."""
    loop = WatchedLoop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = StampedSocket(socket.AF_INET, socket.SOCK_STREAM, 0, loop.watch)
        ours.connect(listener.getsockname())
        theirs, _ = listener.accept()
        with ours, theirs:
            yield ours, theirs
    loop.close()


def tells(ours, theirs):
    """Tell whether the kernel says when a byte arrived, which had time to wait."""
    theirs.sendall(b"?")
    time.sleep(0.01)
    ours.recv(1)
    return time.perf_counter() - ours.arrived_s >= 0.01


@pytest.fixture(params=["by the kernel", "by reading"])
def without_stamps(request, monkeypatch):
    """Whether times are those of reading; on Linux the kernel says when bytes arrived."""
    if request.param == "by reading":
        monkeypatch.setattr(StampedSocket, "_ask_for_stamps", lambda _: False)
        yield True
        return
    if stamps.sys.platform != "linux":
        pytest.skip("only Linux says when bytes arrived")
    with connected() as pair:
        # It begins to do so a moment after the machine's first socket has asked, until the last one closes.
        deadline = time.monotonic() + 10
        while not tells(*pair) and time.monotonic() < deadline:
            pass
        yield False


def while_busy(work, script, calls=1):
    """Return the attempts of calls on open connections, during which ``work`` keeps the loop busy."""

    async def go(origin):
        async with openai(origin) as caller:
            await asyncio.gather(*(caller(request(), Reliability()) for _ in range(calls)))
            asking = [asyncio.ensure_future(caller(request(), Reliability())) for _ in range(calls)]
            await work(asking)
            return [call.attempts[0] for call in await asyncio.gather(*asking)]

    with Loopback(script) as server:
        return run_loop(go(server.origin))


def test_an_answer_that_came_while_we_were_busy_is_not_later_for_that(without_stamps):
    async def work(_):
        await asyncio.sleep(0.05)
        busy(1.2)

    (attempt,) = while_busy(work, [answer(), delayed(0.4, answer())])
    if without_stamps:
        # It cannot be known, but it can be bounded.
        assert attempt.latency_s > 1.2
        assert 0.8 < attempt.lag_s <= attempt.latency_s
    else:
        assert 0.4 <= attempt.latency_s < 1.0
        assert attempt.lag_s is None


def test_a_question_that_goes_out_late_is_timed_from_when_it_goes(without_stamps):
    async def work(_):
        # The first step of every call, then all of this, then what they send.
        asyncio.get_running_loop().call_soon(busy, 0.6)

    (attempt,) = while_busy(work, [answer(), delayed(0.1, answer())])
    assert 0.1 <= attempt.latency_s < 0.6


def test_what_others_do_with_their_answers_is_no_part_of_ours(without_stamps):
    async def work(asking):
        for each in asking:
            each.add_done_callback(lambda _: busy(0.2))

    attempts = while_busy(work, [answer()] * 3 + [delayed(0.05, answer())], calls=3)
    assert max(attempt.latency_s - (attempt.lag_s or 0.0) for attempt in attempts) < 0.2


def test_opening_a_connection_is_part_of_its_first_call_but_our_being_busy_is_not(without_stamps):
    async def go(origin):
        async with openai(origin) as caller:
            asking = asyncio.ensure_future(caller(request(), Reliability()))
            await asyncio.sleep(0)
            busy(0.3)
            return (await asking).attempts[0]

    with Loopback([answer()]) as server:
        attempt = run_loop(go(server.origin))
    if without_stamps:
        assert attempt.latency_s >= 0.3
        assert 0.29 < attempt.lag_s <= attempt.latency_s
    else:
        assert attempt.latency_s < 0.3
        assert attempt.lag_s is None


def test_a_clock_that_was_set_meanwhile_is_not_believed(monkeypatch):
    for hours in (-1, 1):
        now = time.time_ns
        monkeypatch.setattr(stamps.time, "time_ns", lambda now=now, hours=hours: now() + hours * 3600 * 10**9)
        with Loopback([delayed(0.1, answer())]) as server:
            attempt = ask(server.origin).attempts[0]
        monkeypatch.undo()
        assert 0.1 <= attempt.latency_s < 5


def test_a_socket_reads_the_same_by_every_door(without_stamps):
    with connected() as (ours, theirs):
        assert ours.send(b"question") == 8
        assert ours.sendmsg([b", or ", b"two"]) == 8
        assert theirs.recv(100) == b"question, or two"
        first_s = ours.sent_s
        theirs.sendall(b"an answer")
        time.sleep(0.1)
        assert ours.recv(3) == b"an "
        assert ours.arrived_s >= first_s
        assert (time.perf_counter() - ours.arrived_s < 0.05) is without_stamps
        into = bytearray(10)
        assert ours.recv_into(into) == 6
        assert into[:6] == b"answer"
        theirs.sendall(b"more")
        time.sleep(0.01)
        assert ours.recv_into(into, 2) == 2
        ours.send(b"next")
        assert ours.sent_s > first_s


def test_the_round_trips_of_opening_are_measured_and_not_what_is_done_between_them():
    with connected() as (ours, theirs):
        if not ours.stamps:
            pytest.skip("only Linux says when bytes arrived")
        deadline = time.monotonic() + 10
        while not tells(ours, theirs) and time.monotonic() < deadline:
            pass
    with connected() as (ours, theirs):
        for _ in range(2):  # two round trips of a handshake, of 0.05 s each, handled 0.2 s later
            ours.send(b"hello")
            time.sleep(0.05)
            theirs.sendall(b"hello yourself")
            time.sleep(0.2)
            ours.recv(100)
        ours.send(b"finished, which nobody answers")
        time.sleep(0.2)
        ours.opened()
        asked_s = time.perf_counter()
        ours.send(b"question")
        assert 0.1 <= ours.opening_s < 0.3
        assert ours.sent_s >= asked_s
        before_s = ours.opening_s
        theirs.sendall(b"answer")
        ours.recv(100)
        ours.send(b"next")
        assert ours.opening_s == before_s


def test_a_question_that_goes_out_in_pieces_was_not_asked_before_its_last():
    async def scenario():
        watch = running_watch()
        ours = StampedSocket(socket.AF_INET, socket.SOCK_STREAM, 0, watch)
        with socket.create_server(("127.0.0.1", 0)) as listener, ours:
            ours.connect(listener.getsockname())
            ours.send(b"the head ")
            busy(0.1)
            ours.send(b"and the rest")
        return ours.sent_s, ours.last_sent_s

    sent_s, last_s = run_loop(scenario())
    assert last_s - sent_s >= 0.1


def test_where_the_kernel_tells_as_a_rule_a_missing_stamp_is_all_ours():
    async def scenario():
        sockets = Sockets(running_watch())
        ours = sockets.open((socket.AF_INET, socket.SOCK_STREAM, 0, "", None))
        if not ours.stamps:
            pytest.skip("only Linux says when bytes arrived")
        ours.sent_s = time.perf_counter() - 5
        ours._note_arrival(())
        ours.close()
        sockets.close()
        return ours.waited_s

    assert run_loop(scenario()) >= 5


def test_without_a_kernel_that_tells_times_are_those_of_reading(monkeypatch):
    monkeypatch.setattr(StampedSocket, "recvmsg", lambda *_: (b"?", [], 0, None))
    monkeypatch.setattr(stamps, "_PATIENCE_S", 0.05)

    async def scenario():
        sockets = Sockets(running_watch())
        ours = sockets.open((socket.AF_INET, socket.SOCK_STREAM, 0, "", None))
        ours.close()
        sockets.close()
        return ours.stamps

    assert run_loop(scenario()) is False
