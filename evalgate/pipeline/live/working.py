"""Several workers until there is nothing left to call, and what is done beside them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

from evalgate.core.errors import Interrupted, ProviderRefused, SpendCapReached
from evalgate.pipeline.live.stopping import Stopping

_LOOK_EVERY_S = 0.005


async def work(workers: Sequence[Callable[[], Awaitable[None]]], stopping: Stopping) -> None:
    """Let the workers work. When one cannot go on, the others finish what they have in flight.

    Raises:
        EvalgateError: what stopped the first of them; of an interruption only if there was nothing else.

    """
    tasks = [asyncio.ensure_future(worker()) for worker in workers]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        errors = [error for task in tasks if task.done() and (error := task.exception()) is not None]
        if all(isinstance(error, Interrupted | SpendCapReached | ProviderRefused) for error in errors):
            # What is in flight is paid for, or may be.
            stopping.halted = bool(errors)
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            errors += [each for each in ended if each is not None]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for error in sorted(errors, key=lambda each: isinstance(each, Interrupted)):
        raise error


async def meanwhile(do: Callable[[], None] | None, waiting: Callable[[], bool]) -> None:
    """Do something in a thread once calls are in flight: waiting for them takes no processor."""
    if do is None:
        return
    while not waiting():  # noqa: ASYNC110  whoever sends should not have to tell
        await asyncio.sleep(_LOOK_EVERY_S)
    threading.Thread(target=do, name="evalgate-meanwhile", daemon=True).start()
