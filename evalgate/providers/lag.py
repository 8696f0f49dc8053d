"""How late our own event loop is: what a message that arrived just then had to wait for us."""

import asyncio
from collections import deque
from time import perf_counter

_EVERY_S = 0.002
# Event loops wake up on whole milliseconds, so a timer may be that late on an idle machine.
_RESOLUTION_S = 0.001
_KEPT = 200_000


class LoopLag:
    """Asks to be woken every 2 ms while it runs, and keeps by how much that came too late.

    A loop that is busy with one thing reads nothing from the network meanwhile. So the lateness of a timer
    is what an answer that arrived in the same moment has waited, and its latency is too long by.
    """

    def __init__(self) -> None:
        """Measure nothing yet."""
        self._at: deque[float] = deque(maxlen=_KEPT)
        self._late_s: deque[float] = deque(maxlen=_KEPT)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Measure from now on, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._wait()

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def at(self, moment: float) -> float:
        """Return how late the loop was when it came to what happened at ``moment`` (of perf_counter)."""
        for at, late_s in zip(reversed(self._at), reversed(self._late_s), strict=True):
            if at <= moment:
                return late_s if moment - at < _EVERY_S else 0.0
        return 0.0

    def worst_between(self, start: float, end: float) -> float:
        """Return how late the loop was at worst between two moments of perf_counter."""
        worst = 0.0
        for at, late_s in zip(reversed(self._at), reversed(self._late_s), strict=True):
            if at < start:
                break
            if at <= end:
                worst = max(worst, late_s)
        return worst

    def _wait(self) -> None:
        self._due = perf_counter() + _EVERY_S
        self._timer = self._loop.call_later(_EVERY_S, self._wake)

    def _wake(self) -> None:
        now = perf_counter()
        self._at.append(now)
        self._late_s.append(max(0.0, now - self._due - _RESOLUTION_S))
        self._wait()
