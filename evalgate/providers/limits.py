"""How much may be asked at once and a minute: what a deployment allows, and what it turns out to bear.

Waiting here is ours: the user of the policy would not wait, so none of it is latency.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable

from evalgate.core.calls import Attempt
from evalgate.core.policy_file import Limits
from evalgate.providers.moments import Moments

START = 20
"""Attempts in flight at the start, where nobody says how many."""
MOST = 256
"""Attempts in flight at most, where nobody says how many."""
_FEWEST_BY_LAG = 4
_SLOWER = 2
_BURST_S = 1.0
_LONGEST_PAUSE_S = 120.0
_REQUESTS, _TOKENS, _CLOSED = range(3)
MOMENTS = 3
"""What a gate keeps: when its requests and its tokens are paid until, and until when it is closed."""
_TIMES_AS_MANY = 4
# The weight of the newest in a running mean: about the last thirty count.
_NEWS = 1 / 16


class Rate:
    """Lets units through at an even rate: the generic cell rate algorithm (ITU-T I.371), kept in debt form.

    Bursts are one second's worth, as providers enforce 60 a minute as one a second. Whoever asks is given a
    place in the line at once, so nobody polls and nobody overtakes.
    """

    def __init__(self, per_minute: float, moments: Moments | None = None, which: int = 0) -> None:
        """Start with nothing asked, or with what stands in ``moments``."""
        self._s_per_unit = 60 / per_minute
        self._slack_s = max(0.0, _BURST_S - self._s_per_unit)
        self._moments = Moments(1) if moments is None else moments
        self._which = which

    def reserve(self, now: float, units: float = 1) -> float:
        """Take ``units`` and return the seconds to wait before using them."""
        took_s = units * self._s_per_unit
        paid_until = self._moments.change(self._which, lambda until: max(until, now) + took_s)
        return max(0.0, paid_until - self._slack_s - now)

    def give_back(self, units: float) -> None:
        """Correct an estimate that was too high (or, negative, too low)."""
        took_s = units * self._s_per_unit
        self._moments.change(self._which, lambda until: until - took_s)


class Line:
    """Lets at most ``most()`` in at once, first come first served."""

    def __init__(self, most: Callable[[], int]) -> None:
        """Start with nobody inside."""
        self._most = most
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.inside = 0

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits to come in."""
        return bool(self._waiting)

    async def enter(self) -> None:
        """Wait for a place."""
        if self.inside < self._most() and not self._waiting:
            self.inside += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            # A place that was handed over in the very moment must go on to the next in line.
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Give a place back, and hand on whatever is free."""
        self.inside -= 1
        while self._waiting and self.inside < self._most():
            place = self._waiting.popleft()
            if not place.done():
                self.inside += 1
                place.set_result(None)


class Places:
    """How many attempts may be in flight, found by trying: additive increase, multiplicative decrease.

    A window is as many attempts as there were places. A clean window that used them all adds half of them,
    and from the first sign of trouble on one. A rate limit takes a fifth away, once a window. Where nobody
    chose the number (``adapts``), so do two other signs: our own event loop was late, as more calls would
    then be measured worse; or attempts took twice as long as in the best window, as more of them would only
    wait for each other. For that reason alone there are never fewer than at the start.
    """

    def __init__(self, start: int, most: int, *, adapts: bool) -> None:
        """Start with ``start`` places, to become ``most`` at best."""
        self.limit = self._start = float(min(start, most))
        self._most = most
        self._adapts = adapts
        self._line = Line(lambda: int(self.limit))
        self._left = int(self.limit)
        self._full = self._limited = False
        self._late = 0
        self._window = int(self.limit)
        self._in_trouble = False
        self._whole_s, self._best_s = 0.0, math.inf

    @property
    def in_flight(self) -> int:
        """How many attempts have a place."""
        return self._line.inside

    async def take(self) -> None:
        """Wait for a place, first come first served."""
        waits = self._line.inside >= int(self.limit)
        await self._line.enter()
        self._full = self._full or waits or self._line.inside >= int(self.limit)

    def free(self, *, limited: bool = False, late: bool = False, took_s: float = 0.0) -> None:
        """Give the place back and learn from how the attempt went."""
        self._left -= 1
        self._late += late
        self._whole_s += took_s
        if limited and not self._limited:
            self._shrink(1)
            # Attempts sent before this may be refused as well: they are the same news.
            self._limited, self._left = True, max(1, self.in_flight - 1)
        elif self._left <= 0:
            self._end_window()
        self._line.leave()

    def _end_window(self) -> None:
        mean_s = self._whole_s / self._window
        if self._adapts and self._late * 20 > self._window:
            self._shrink(_FEWEST_BY_LAG)
        elif self._adapts and mean_s > _SLOWER * self._best_s:
            self._shrink(self._start)
        elif not self._limited and self._full and not self._late:
            self.limit = min(self._most, self.limit + 1 if self._in_trouble else self.limit * 1.5)
        if not self._limited and mean_s > 0:
            self._best_s = min(self._best_s, mean_s)
        self._window = self._left = int(self.limit)
        self._limited, self._full, self._late, self._whole_s = False, self._line.is_waited_for, 0, 0.0

    def _shrink(self, fewest: float) -> None:
        self._in_trouble = True
        self.limit = min(self.limit, max(fewest, self.limit * 0.8))


class Ahead:
    """How many attempts to make ready beyond those that are sent, so that no place stays empty meanwhile.

    Making one ready takes a moment: it is noted on the disk first. As many end in that moment as places times
    the share that it is of an attempt (Little's law), and several times as many where those that were sent
    together end together, or the disk takes longer than usual. Where attempts take long that is none.
    """

    def __init__(self) -> None:
        """Start with none, as nobody knows yet how long anything takes."""
        self._ready_s = self._attempt_s = 0.0

    @property
    def knows(self) -> bool:
        """Whether any attempt has ended yet."""
        return self._attempt_s > 0

    def learn(self, ready_s: float, attempt_s: float) -> None:
        """Take in how long making one ready took, and the attempt itself."""
        news = _NEWS if self.knows else 1.0
        self._ready_s += (ready_s - self._ready_s) * news
        self._attempt_s += (attempt_s - self._attempt_s) * news

    def of(self, places: int) -> int:
        """Return how many, at most as many as there are places."""
        if not self.knows:
            return 0
        return min(places, int(_TIMES_AS_MANY * places * self._ready_s / self._attempt_s))


class Gate:
    """The way to one deployment: its places, its rates, and its wishes to be left alone.

    Who has entered makes itself ready, and is then sent through as soon as there is a place.
    """

    def __init__(
        self,
        limits: Limits,
        concurrency: int | None,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        moments: Moments | None = None,
    ) -> None:
        """Hold attempts to ``limits``; ``concurrency`` fixes how many are in flight, None finds it.

        Rates and the provider's wishes stand in three ``moments``, which others may share.
        """
        most = min(concurrency or MOST, limits.max_concurrency or MOST)
        self.places = Places(concurrency or START, most, adapts=concurrency is None)
        self._ahead = Ahead()
        self._entered = Line(lambda: self.under_way)
        self._moments = Moments(MOMENTS) if moments is None else moments
        self._requests = None if limits.rpm is None else Rate(limits.rpm, self._moments, _REQUESTS)
        self._tokens = None if limits.tpm is None else Rate(limits.tpm, self._moments, _TOKENS)
        self._now = now
        self._sleep = sleep

    @property
    def under_way(self) -> int:
        """How many attempts may be in flight or be made ready."""
        places = int(self.places.limit)
        # Where a rate holds attempts back, whoever is ready would only wait for it.
        held = self._requests is not None or self._tokens is not None
        return places if held else places + self._ahead.of(places)

    @property
    def knows(self) -> bool:
        """Whether any attempt has ended yet."""
        return self._ahead.knows

    @property
    def counts_tokens(self) -> bool:
        """Whether it matters how many tokens an attempt has."""
        return self._tokens is not None

    async def enter(self, tokens: int) -> float:
        """Wait until an attempt of at most ``tokens`` may be made ready; return the seconds held back."""
        came = self._now()
        await self._entered.enter()
        now = self._now()
        if self.under_way > int(self.places.limit):
            came = now  # it came early, to be ready in time
        waits = [rate.reserve(now, units) for rate, units in self._rates(tokens)]
        try:
            if (wait_s := max([0.0, *waits])) > 0:
                await self._sleep(wait_s)
            await self._opening()
        except BaseException:
            self.turn_back(tokens)
            raise
        return self._now() - came

    async def go(self) -> float:
        """Wait until an attempt that is ready may be sent; return the seconds that the provider wished for.

        That it was ready before there was a place held nobody back.
        """
        await self.places.take()
        came = self._now()
        try:
            await self._opening()
        except BaseException:
            self.places.free()
            raise
        return self._now() - came

    def turn_back(self, tokens: int) -> None:
        """Leave without having been sent: what was counted on entering is there for others."""
        for rate, units in self._rates(tokens):
            rate.give_back(units)
        self._entered.leave()

    def leave(self, attempt: Attempt | None = None, *, late: bool = False) -> None:
        """Note how the attempt went; after a rate limit nobody asks before the provider's own time."""
        limited = attempt is not None and attempt.error == "rate_limit"
        if attempt is not None and limited and attempt.retry_after_s:
            pause_s = min(attempt.retry_after_s, _LONGEST_PAUSE_S)
            closed_until = self._now() + pause_s
            self._moments.change(_CLOSED, lambda until: max(until, closed_until))
        self.places.free(limited=limited, late=late, took_s=0.0 if attempt is None else attempt.latency_s)
        self._entered.leave()

    def learn(self, ready_s: float, attempt_s: float) -> None:
        """Take in how long an attempt was made ready, and how long it then took."""
        self._ahead.learn(ready_s, attempt_s)

    def settle(self, reserved: int, used: int | None) -> None:
        """Correct the tokens that were counted on entering by those that the provider counted."""
        if self._tokens is not None and used is not None:
            self._tokens.give_back(reserved - used)

    async def _opening(self) -> None:
        while (wait_s := self._moments.get(_CLOSED) - self._now()) > 0:
            await self._sleep(wait_s)

    def _rates(self, tokens: int) -> list[tuple[Rate, float]]:
        rates = ((self._requests, 1.0), (self._tokens, float(tokens)))
        return [(rate, units) for rate, units in rates if rate is not None]
