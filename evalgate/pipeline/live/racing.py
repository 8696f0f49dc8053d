"""Calls that really run beside each other."""

import asyncio

from evalgate.core.calls import Call
from evalgate.serving.moment import Ask


async def at_once(first: Ask, second: Ask, after_s: float) -> tuple[Call, Call | None]:
    """Make a call, and a second one where the first has no answer after ``after_s`` seconds.

    Nobody is cut off when the other answers: both are recorded whole, so that a replay knows what a hedge
    takes and costs under any rules. Time in the queue of our own limits is no time without an answer.
    """
    call = asyncio.ensure_future(first())
    beside: asyncio.Future[Call] | None = None
    try:
        await asyncio.wait({call}, timeout=after_s)
        if not call.done():
            beside = asyncio.ensure_future(second())
            await asyncio.gather(call, beside)
        made = await call
        if made.latency_s <= after_s:
            return made, None
        # A call that was replayed from the store took no time just now.
        return made, await (second() if beside is None else beside)
    finally:
        for task in (call, beside):
            if task is not None and not task.done():
                task.cancel()
