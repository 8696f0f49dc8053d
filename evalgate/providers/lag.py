"""How late our own event loop is: what a message that arrived just then had to wait for us."""

import asyncio
from collections import deque
from time import perf_counter

_EVERY_S = 0.002
# Event loops wake up on whole milliseconds, so a timer may be that late on an idle machine.
_RESOLUTION_S = 0.001


class LoopLag:
    """Asks to be woken every 2 ms while it runs, and keeps by how much that came too late.

    A loop that is busy with one thing reads nothing from the network meanwhile. So the lateness of a timer
    is what an answer that arrived in the same moment has waited, and its latency is too long by.
    """

    def __init__(self) -> None:
        """Measure nothing yet."""
        self._last: deque[tuple[float, float]] = deque(maxlen=16)
        self._late: deque[tuple[float, float]] = deque(maxlen=100_000)
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
        """Return how late the loop was when it read what it read at ``moment`` (of perf_counter)."""
        for woken, late_s in reversed(self._last):
            if woken <= moment:
                since_s = moment - woken
                if late_s and since_s < _EVERY_S:
                    return late_s + since_s
                return max(0.0, since_s - _EVERY_S - _RESOLUTION_S)
        return 0.0

    def across(self, moment: float) -> float:
        """Return how late the loop was when it next woke after ``moment``, when something was begun."""
        worst = 0.0
        for woken, late_s in reversed(self._late):
            if woken < moment:
                break
            if woken - late_s <= moment + _EVERY_S + _RESOLUTION_S:
                worst = max(worst, late_s)
        return worst

    def worst_between(self, start: float, end: float) -> float:
        """Return how late the loop was at worst between two moments of perf_counter."""
        worst = 0.0
        for woken, late_s in reversed(self._late):
            if woken < start:
                break
            if woken <= end:
                worst = max(worst, late_s)
        return worst

    def _wait(self) -> None:
        self._due = perf_counter() + _EVERY_S
        self._timer = self._loop.call_later(_EVERY_S, self._wake)

    def _wake(self) -> None:
        now = perf_counter()
        late_s = max(0.0, now - self._due - _RESOLUTION_S)
        self._last.append((now, late_s))
        if late_s:
            self._late.append((now, late_s))
        self._wait()
