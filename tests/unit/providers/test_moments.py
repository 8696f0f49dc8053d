import asyncio
import fcntl
import threading
import time

import pytest

from evalgate.core.calls import Attempt
from evalgate.core.policy_file import Limits
from evalgate.providers import moments
from evalgate.providers.limits import MOMENTS, Gate, Rate
from evalgate.providers.live import Pace
from evalgate.providers.moments import SharedMoments
from tests.loopback import Loopback, answer, status
from tests.unit.providers.asking import ask

NAME = ("vendor", "large", None, "q4")


@pytest.fixture
def share(tmp_path):
    """Return moments as one process more would see them."""
    opened = []

    def another(name=NAME):
        opened.append(SharedMoments(MOMENTS, tmp_path / "deep" / "pace", name))
        return opened[-1]

    yield another
    for each in opened:
        each.close()


def test_two_that_share_are_let_through_as_if_they_were_one(share):
    alone = Rate(60)
    together = [Rate(60, share()), Rate(60, share())]
    asked = [(n % 2, 0.4 * n, 1 + n % 3) for n in range(20)]
    assert [together[who].reserve(now, units) for who, now, units in asked] == [
        alone.reserve(now, units) for _, now, units in asked
    ]
    together[0].give_back(5)
    alone.give_back(5)
    assert together[1].reserve(9.0) == alone.reserve(9.0)


def test_other_deployments_and_other_moments_are_others(share):
    one, same, other = share(), share(), share(("vendor", "small", None, None))
    one.change(0, lambda _: 7.0)
    one.change(2, lambda _: 9.0)
    assert [same.get(which) for which in range(3)] == [7.0, 0.0, 9.0]
    assert [other.get(which) for which in range(3)] == [0.0] * 3


def test_no_change_is_lost_among_many_at_once(share):
    def count(mine):
        for _ in range(200):
            mine.change(1, lambda value: value + 1)

    threads = [threading.Thread(target=count, args=(share(),)) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert share().get(1) == 800


def test_a_moment_is_read_while_another_holds_the_lock(share, tmp_path):
    one = share()
    one.change(0, lambda _: 7.0)
    (file,) = (tmp_path / "deep" / "pace").iterdir()
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [one.get(which) for which in range(MOMENTS)] == [7.0, 0.0, 0.0]


def test_moments_of_before_a_restart_of_the_machine_mean_nothing(share, monkeypatch):
    share().change(0, lambda _: 1e9)
    now = time.time
    monkeypatch.setattr(moments.time, "time", lambda: now() + 3600)
    later = share()
    assert later.get(0) == 0.0
    later.change(0, lambda value: value + 1)
    assert later.get(0) == 1.0


def test_a_torn_file_means_nothing(share, tmp_path):
    share().change(0, lambda _: 5.0)
    (file,) = (tmp_path / "deep" / "pace").iterdir()
    file.write_bytes(file.read_bytes()[:7])
    assert share().get(0) == 0.0


def test_where_nothing_can_be_shared_each_counts_for_itself_and_says_so(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    alone = SharedMoments(MOMENTS, tmp_path / "file" / "pace", NAME)
    assert alone.change(0, lambda value: value + 2) == 0.0
    assert alone.get(0) == 2.0
    assert "limits hold for this process alone" in caplog.text


def test_what_one_was_told_to_wait_others_wait_too(share):
    async def scenario():
        clock = [100.0]

        async def sleep(seconds):
            clock[0] += seconds

        one, two = (Gate(Limits(), None, lambda: clock[0], sleep, share()) for _ in range(2))
        await one.enter(1)
        await one.go()
        one.leave(Attempt(0.1, "rate_limit", retry_after_s=30.0))
        return await two.enter(1), clock[0]

    assert asyncio.run(scenario()) == (30.0, 130.0)


def test_calls_of_two_commands_keep_to_one_rate(tmp_path):
    pace = Pace({("local", "m-1", None, None): Limits(rpm=120)}, shared=tmp_path)
    with Loopback([answer()]) as server:
        began = time.monotonic()
        for _ in range(2):
            for _ in range(2):
                ask(server.origin, pace=pace)
        took_s = time.monotonic() - began
    # Four calls at one every half second, of which one second's worth at once.
    assert took_s >= 0.9


def test_a_provider_that_wants_to_be_left_alone_is_so_by_the_next_command(tmp_path):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)
        raise asyncio.CancelledError

    pace = Pace(shared=tmp_path)
    with Loopback([status(429, headers={"Retry-After": "50"}), answer()]) as server:
        assert ask(server.origin, pace=pace).response is None
        with pytest.raises(asyncio.CancelledError):
            ask(server.origin, pace=pace, sleep=sleep)
        assert len(server.received) == 1
    assert 40 < waits[0] <= 50


def test_whoever_gives_up_waiting_gives_back_what_it_was_counted(share):
    async def scenario():
        gate = Gate(Limits(rpm=6), 4, time.monotonic, asyncio.sleep, share())
        await gate.enter(1)
        waiting = [asyncio.ensure_future(gate.enter(1)) for _ in range(3)]
        await asyncio.sleep(0.01)
        held_s = share().get(0) - time.monotonic()
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        gate.turn_back(1)
        return held_s, share().get(0) - time.monotonic()

    held_s, left_s = asyncio.run(scenario())
    assert held_s > 35
    assert left_s <= 0
