"""How much may be asked at once and a minute: what a deployment allows, and what it turns out to bear.

Waiting here is ours: the user of the policy would not wait, so none of it is latency.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from evalgate.core.policy_file import Limits

START = 20
"""Attempts in flight at the start, where nobody says how many."""
MOST = 256
"""Attempts in flight at most, where nobody says how many."""
_FEWEST_BY_LAG = 4
_BURST_S = 1.0
_LONGEST_PAUSE_S = 120.0


class Rate:
    """Lets units through at an even rate: the generic cell rate algorithm (ITU-T I.371), kept in debt form.

    Bursts are one second's worth, as providers enforce 60 a minute as one a second. Whoever asks is given a
    place in the line at once, so nobody polls and nobody overtakes.
    """

    def __init__(self, per_minute: float) -> None:
        """Start with nothing asked."""
        self._s_per_unit = 60 / per_minute
        self._slack_s = max(0.0, _BURST_S - self._s_per_unit)
        self._paid_until = 0.0

    def reserve(self, now: float, units: float = 1) -> float:
        """Take ``units`` and return the seconds to wait before using them."""
        wait_s = max(0.0, self._paid_until - self._slack_s - now)
        self._paid_until = max(self._paid_until, now) + units * self._s_per_unit
        return wait_s

    def give_back(self, units: float) -> None:
        """Correct an estimate that was too high (or, negative, too low)."""
        self._paid_until -= units * self._s_per_unit


class Places:
    """How many attempts may be in flight, found by trying: additive increase, multiplicative decrease.

    A window is as many attempts as there were places. A clean window that used them all adds one; a rate
    limit takes a fifth away, once a window; so does a window in which our own event loop was late, as more
    calls would then be measured worse (``adapts``: not where a person chose the number).
    """

    def __init__(self, start: int, most: int, *, adapts: bool) -> None:
        """Start with ``start`` places, to become ``most`` at best."""
        self.limit = float(min(start, most))
        self._most = most
        self._adapts = adapts
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0
        self._left = int(self.limit)
        self._full = self._limited = False
        self._late = 0
        self._window = int(self.limit)

    async def take(self) -> None:
        """Wait for a place, first come first served."""
        if self.in_flight < int(self.limit) and not self._waiting:
            self.in_flight += 1
            self._full = self._full or self.in_flight >= int(self.limit)
        else:
            self._full = True
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                # A place that was handed over in the very moment must go on to the next in line.
                if place.done() and not place.cancelled():
                    self._hand_on()
                raise

    def free(self, *, limited: bool, late: bool) -> None:
        """Give the place back and learn from how the attempt went."""
        self._left -= 1
        self._late += late
        if limited and not self._limited:
            self._shrink(1)
            # Attempts sent before this may be refused as well: they are the same news.
            self._limited, self._left = True, max(1, self.in_flight - 1)
        elif self._left <= 0:
            self._end_window()
        self._hand_on()

    def _end_window(self) -> None:
        if self._adapts and self._late * 20 > self._window:
            self._shrink(_FEWEST_BY_LAG)
        elif not self._limited and self._full and not self._late:
            self.limit = min(self._most, self.limit + 1)
        self._window = self._left = int(self.limit)
        self._limited, self._full, self._late = False, bool(self._waiting), 0

    def _shrink(self, fewest: int) -> None:
        self.limit = min(self.limit, max(float(fewest), self.limit * 0.8))

    def _hand_on(self) -> None:
        self.in_flight -= 1
        while self._waiting and self.in_flight < int(self.limit):
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)


class Gate:
    """The way to one deployment: its places, its rates, and its wishes to be left alone."""

    def __init__(
        self,
        limits: Limits,
        concurrency: int | None,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        """Hold attempts to ``limits``; ``concurrency`` fixes how many are in flight, None finds it."""
        most = min(concurrency or MOST, limits.max_concurrency or MOST)
        self.places = Places(concurrency or START, most, adapts=concurrency is None)
        self._requests = None if limits.rpm is None else Rate(limits.rpm)
        self._tokens = None if limits.tpm is None else Rate(limits.tpm)
        self._now = now
        self._sleep = sleep
        self._closed_until = 0.0

    async def enter(self, tokens: int) -> float:
        """Wait until an attempt of at most ``tokens`` may be sent; return the seconds waited."""
        came = self._now()
        await self.places.take()
        try:
            now = self._now()
            waits = [rate.reserve(now, units) for rate, units in self._rates(tokens)]
            if (wait_s := max([0.0, *waits])) > 0:
                await self._sleep(wait_s)
            while (wait_s := self._closed_until - self._now()) > 0:
                await self._sleep(wait_s)
        except BaseException:
            self.places.free(limited=False, late=False)
            raise
        return self._now() - came

    def leave(self, *, limited: bool, late: bool, retry_after_s: float | None) -> None:
        """Note how the attempt went; after a rate limit nobody asks before the provider's own time."""
        if limited and retry_after_s:
            pause_s = min(retry_after_s, _LONGEST_PAUSE_S)
            self._closed_until = max(self._closed_until, self._now() + pause_s)
        self.places.free(limited=limited, late=late)

    def settle(self, reserved: int, used: int | None) -> None:
        """Correct the tokens that were counted on entering by those that the provider counted."""
        if self._tokens is not None and used is not None:
            self._tokens.give_back(reserved - used)

    def _rates(self, tokens: int) -> list[tuple[Rate, float]]:
        rates = ((self._requests, 1.0), (self._tokens, float(tokens)))
        return [(rate, units) for rate, units in rates if rate is not None]
