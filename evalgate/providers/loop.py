"""The event loop that calls are made on: it knows how late it is."""

import asyncio
import selectors
import sys
from collections import deque
from collections.abc import Coroutine
from heapq import nlargest
from time import perf_counter
from typing import Any, TypeVar

T = TypeVar("T")

# Work in one piece that is shorter changes no figure that anybody judges.
_SHORT_S = 0.0002
# A busy machine may stop us between being told that something is ready and noticing it, for about so long.
_STOPPED_S = 0.05
# Whoever asks a model waits for the loop about as often: to send, to hear that it was answered, to read it.
_WAITS = 3
_KEPT_STRETCHES = 100_000
# A commit takes ten turns of the thread that writes: where others compute, each would wait 5 ms for its own.
_THREADS_TURN_S = 0.0005
# What can wait does so no longer than this, however busy the loop is.
_PATIENCE_S = 0.02
# Few, so that whatever arrives meanwhile is soon read; more than one, as every look at the sockets costs.
_AT_ONCE = 4


class Watch(selectors.DefaultSelector):
    """Waits for sockets as the loop bids, and notes when the loop was at work instead.

    A loop that is at work reads nothing. So whatever arrives meanwhile waits for it, and a time that is taken
    when it is read is too long by at most that stretch of work.
    """

    def __init__(self) -> None:
        """Start with nothing noted."""
        super().__init__()
        self._woke = self._ready_since = perf_counter()
        self._work: deque[tuple[float, float]] = deque(maxlen=_KEPT_STRETCHES)
        self._patient: deque[tuple[float, asyncio.Future[None]]] = deque()

    async def calm(self) -> None:
        """Wait until the loop has nothing else to do, or has kept us long enough.

        What follows a call can wait; the calls that come after it, and their answers, cannot. Whoever is
        cancelled goes on at once, and is cancelled where it next waits for anything: the answer that it has
        is paid for, and must be kept first.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._patient.append((perf_counter(), turn))
        try:
            await turn
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait; what is ready at once was so at some moment since the loop last looked."""
        asked = perf_counter()
        if asked - self._woke > _SHORT_S:
            self._work.append((self._woke, asked))
        patient = bool(self._patient)
        events = super().select(0 if patient else timeout)
        woke = perf_counter()
        worked = min(asked - self._woke, _STOPPED_S)
        busy = timeout is not None and timeout <= 0
        at_once = woke - asked < max(_SHORT_S, worked) or busy
        self._ready_since = self._woke if at_once else woke
        self._woke = woke
        if patient:
            self._let_some_go_on(woke, busy=busy or bool(events))
        return events

    def _let_some_go_on(self, now: float, *, busy: bool) -> None:
        waits_since = self._patient[0][0]
        if busy and now - waits_since < _PATIENCE_S:
            return
        for _ in range(min(_AT_ONCE, len(self._patient))):
            _, turn = self._patient.popleft()
            if not turn.done():
                turn.set_result(None)

    def waited(self) -> float:
        """Return at most how long bytes that are read just now have waited to be read."""
        return perf_counter() - self._ready_since

    def work_between(self, start: float, end: float) -> float:
        """Return how long the loop was at work between two moments of perf_counter."""
        return sum(self._stretches(start, end))

    def late_between(self, start: float, end: float) -> float:
        """Return by how much whoever was served between two moments can have been kept waiting by the loop.

        That is the longest stretches of work, one for every time that it waited.
        """
        return sum(nlargest(_WAITS, self._stretches(start, end)))

    def longest_inside(self, start: float, end: float) -> float:
        """Return the longest stretch of work that began after one moment and ended before another.

        What begins and ends in one stretch has the loop for itself.
        """
        inside = 0.0
        for woke, asked in reversed(self._work):
            if woke < start:
                break
            if asked <= end:
                inside = max(inside, asked - woke)
        return inside

    def _stretches(self, start: float, end: float) -> list[float]:
        found = [max(0.0, end - max(start, self._woke))]
        for woke, asked in reversed(self._work):
            if asked <= start:
                break
            if woke < end:
                found.append(min(asked, end) - max(woke, start))
        return found


class WatchedLoop(asyncio.SelectorEventLoop):
    """The standard event loop, whose ``watch`` tells how late it was."""

    def __init__(self) -> None:
        """Make a loop that is not running yet."""
        self.watch = Watch()
        super().__init__(self.watch)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop that can be watched."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_THREADS_TURN_S)
    try:
        with asyncio.Runner(loop_factory=WatchedLoop) as runner:
            return runner.run(main)
    finally:
        sys.setswitchinterval(usual_s)


def running_watch() -> Watch:
    """Return the watch of the running loop.

    Raises:
        TypeError: it is another kind of loop; see :func:`run_loop`.

    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, WatchedLoop):
        raise TypeError("calls are made by run_loop: on another loop nobody knows how late they were read")
    return loop.watch
