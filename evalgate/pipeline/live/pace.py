"""How fast a suite's calls are made: what every deployment allows, and how many cases are under way."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from evalgate.core.policy import Deployment, Policy
from evalgate.core.policy_file import Limits
from evalgate.core.suite import Suite
from evalgate.grading.needs import suite_judging
from evalgate.pipeline.measuring.measure import keeps_order
from evalgate.providers.limits import MOST
from evalgate.providers.live import Identity, Pace

# Where nobody says: as many as a deployment may turn out to bear. How many are handed out is for Turns.
CASES_UNDER_WAY = MOST
# For every call in flight at most one is made ready, and one more is about to be.
_AHEAD = 3

T = TypeVar("T")


def pace_of(
    suite: Suite, policies: Sequence[Policy], concurrency: int | None, shared: Path | None = None
) -> Pace:
    """Return the pace of every deployment that the calls may reach; of two limits the stricter holds.

    ``shared`` is the folder through which processes keep to it together.
    """
    limits: dict[Identity, Limits] = {}
    for deployment in _deployments(suite, policies):
        if deployment.limits is not None:
            known = limits.get(deployment.identity)
            own = deployment.limits
            limits[deployment.identity] = own if known is None else _strictest(known, own)
    return Pace(limits, concurrency, shared)


def cases_under_way(suite: Suite, policies: Sequence[Policy], concurrency: int | None) -> int:
    """Return how many cases are called at once at most.

    One where order matters (to a stream, and to deployments that cool down), and where all models are in this
    process: they would disturb their own timing.
    """
    kinds = {deployment.kind for policy in policies for deployment in policy.deployments.values()}
    if keeps_order(suite, policies) or kinds == {"function"}:
        return 1
    return CASES_UNDER_WAY if concurrency is None else _AHEAD * concurrency


class Turns:
    """Hands out cases in their order, no more at once than ``places()`` bears just now.

    More would only wait for each other's places, and the sides of one case would drift apart in time.
    """

    def __init__(self, places: Callable[[], int] | None) -> None:
        """Hand out as many as there are ``places``; without them, to whoever asks."""
        self._places = places
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def over(self, items: Iterator[T]) -> AsyncIterator[T]:
        """Yield one item after the other to one of several workers, each once there is a place for it."""
        while True:
            await self._place()
            try:
                item = next(items, None)
                if item is None:
                    return
                yield item
            finally:
                self._taken -= 1
                self._wake()

    async def _place(self) -> None:
        while self._places is not None and self._taken >= self._places():
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._taken += 1

    def _wake(self) -> None:
        # One that was woken looks again for itself; more are woken where there are more places than before.
        free = len(self._waiting) if self._places is None else self._places() - self._taken
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1


def _deployments(suite: Suite, policies: Sequence[Policy]) -> Iterable[Deployment]:
    yield from suite_judging(suite).deployments
    for policy in policies:
        yield from policy.deployments.values()


def _strictest(one: Limits, other: Limits) -> Limits:
    both = [each.model_dump(exclude_none=True) for each in (one, other)]
    names = {**both[0], **both[1]}
    return Limits(**{name: min(each[name] for each in both if name in each) for name in names})
