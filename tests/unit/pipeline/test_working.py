import asyncio
import threading

import pytest

from evalgate.pipeline.live.working import meanwhile


async def beside(do, flags):
    """Run it beside a caller whose calls are in flight from the third look on."""
    await asyncio.wait_for(meanwhile(do, lambda: flags.pop(0)), 10)


def test_it_is_done_in_a_thread_once_calls_are_in_flight():
    done, flags = threading.Event(), [False, False, True]
    where = []

    def do():
        where.append(threading.current_thread())
        done.set()

    asyncio.run(beside(do, flags))
    assert done.wait(10)
    assert flags == []
    assert where != [threading.main_thread()]


def test_nothing_is_waited_for_where_there_is_nothing_to_do():
    asyncio.run(beside(None, []))


def test_it_is_not_begun_where_no_call_is_ever_in_flight():
    begun = threading.Event()

    async def scenario():
        task = asyncio.ensure_future(meanwhile(begun.set, lambda: False))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert not begun.is_set()
