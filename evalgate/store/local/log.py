"""The attempt log that keeps to a cap: a worst case set aside before, the cost in its place after."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time
from typing import Protocol

from evalgate.core.calls import Attempt, Request
from evalgate.core.errors import Interrupted
from evalgate.core.numbers import Unmeasured
from evalgate.core.spend import Spend
from evalgate.store.encode import attempt_bytes
from evalgate.store.local import ledger
from evalgate.store.local.store import NOTE, SETTLE, LocalStore

_NUSD = 1e9
_FULL_POLL_S = 0.05
_LOOK_FOR_DEAD_S = 2.0


class Tariff(Protocol):
    """What attempts cost."""

    def worst(self, request: Request) -> float | Unmeasured:
        """Return the most that one attempt of ``request`` can cost, in USD."""
        ...

    def cost(self, request: Request, attempt: Attempt) -> float | Unmeasured:
        """Return what an attempt cost, in USD."""
        ...


_NEVER_SENT = ledger.Ended("free", 0, b'{"error":"never sent"}')


@dataclass(frozen=True, slots=True)
class _Noted:
    request: Request
    noting: ledger.Noting


@dataclass(slots=True)
class Tally:
    """What attempts came to so far, in nano-dollars."""

    in_flight: int = 0
    attempts: int = 0
    failed: int = 0
    billed_nusd: int = 0
    possible: int = 0
    possible_nusd: int = 0
    unknown: list[str] = field(default_factory=list)

    def spend(self) -> Spend:
        """Return the spend as the rest of the program knows it."""
        return Spend(
            billed_usd=self.billed_nusd / _NUSD,
            possible_usd=self.possible_nusd / _NUSD,
            possible_attempts=self.possible,
            unknown=self.unknown[0] if self.unknown else None,
        )


class StoreLog:
    """Notes the attempts of one session in the local store.

    The row of an attempt is on the disk before it is sent. Only a function of this process that costs
    nothing is not waited for: it dies with the process, and nobody bills it.
    """

    def __init__(
        self,
        store: LocalStore,
        session: str,
        tariff: Tariff,
        cap_usd: float | None,
        stopped: Callable[[], bool],
    ) -> None:
        """Log to ``store``; once ``stopped()``, nothing more is sent."""
        self.session = session
        self.tally = Tally()
        self._store = store
        self._tariff = tariff
        self._cap_nusd = None if cap_usd is None else math.floor(cap_usd * _NUSD)
        self._stopped = stopped
        self._noted: dict[int, _Noted] = {}
        self._number = 0

    async def before(self, request: Request, limit_s: float) -> int:
        """Note an attempt and set its worst case aside; wait while it only fits once others have ended.

        Raises:
            SpendCapReached: it does not fit under the cap.
            Interrupted: no new call is to be made.
            CannotJudge: the store cannot be written.

        """
        noting = ledger.Noting(self._sending(request), self._cap_nusd)
        waited_s = 0.0
        while True:
            if self._stopped():
                raise Interrupted("no new call is made")
            self._store.check()
            noting.renew_until_s = self._lapsing(request, limit_s)
            if request.kind == "function" and not noting.sending.worst_nusd and self._cap_nusd is None:
                self._store.tell(NOTE, noting, noting.sending.digest)
                break
            if await self._on_disk(noting) is not None:
                break
            await asyncio.sleep(_FULL_POLL_S)
            waited_s += _FULL_POLL_S
            if waited_s >= _LOOK_FOR_DEAD_S:
                waited_s = 0.0
                await self._store.bury_dead()
        self._number += 1
        self._noted[self._number] = _Noted(request, noting)
        return self._number

    def sending(self, ticket: int) -> None:
        """Count the attempt among those in flight.

        Raises:
            Interrupted: no new call is to be made any more; the attempt is not sent.

        """
        if self._stopped():
            self.never_sent(ticket)
            raise Interrupted("no new call is made")
        self.tally.in_flight += 1

    def after(self, ticket: int, attempt: Attempt | None) -> None:
        """Note how the attempt ended, and put its cost in the place of its worst case."""
        noted = self._noted.pop(ticket)
        ended = self._ended(noted, attempt)
        self._count(attempt, ended)
        # Its call is kept in this very step of the loop, if it was the last: should we be killed between the
        # two, a call is kept whose attempt may have been billed, and none is paid for again unnoticed.
        asyncio.get_running_loop().call_soon(self._close, noted.noting, ended)

    def never_sent(self, ticket: int) -> None:
        """Note that it was not sent and cost nothing."""
        self._close(self._noted.pop(ticket).noting, _NEVER_SENT)

    def _close(self, noting: ledger.Noting, ended: ledger.Ended) -> None:
        self._store.tell(SETTLE, (noting, ended), noting.sending.digest)

    def _sending(self, request: Request) -> ledger.Sending:
        return ledger.Sending(
            owner=self._store.owner,
            sitting=self._store.sitting,
            session=self.session,
            digest=bytes.fromhex(request.digest),
            provider=request.provider,
            model=request.model,
            began_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            worst_nusd=_nano(self._tariff.worst(request)),
        )

    def _lapsing(self, request: Request, limit_s: float) -> float | None:
        """Return until when our claim to the call must last, where it would end before."""
        until_s = time() + 2 * limit_s
        return until_s if self._store.lapses_before(request.digest, until_s) else None

    async def _on_disk(self, noting: ledger.Noting) -> int | None:
        try:
            return await self._store.ask_of(NOTE, noting, noting.sending.digest)
        except asyncio.CancelledError:
            # It was never sent. Behind whatever was asked before, its row is closed again, if there is one.
            self._close(noting, _NEVER_SENT)
            raise

    def _ended(self, noted: _Noted, attempt: Attempt | None) -> ledger.Ended:
        if attempt is None:
            return ledger.Ended("free", 0, b'{"error":"refused"}')
        cost = self._tariff.cost(noted.request, attempt)
        outcome = attempt_bytes(attempt)
        if isinstance(cost, Unmeasured):
            if noted.noting.sending.worst_nusd is None:
                self.tally.unknown.append(cost.reason)
            return ledger.Ended("possible", noted.noting.sending.worst_nusd, outcome)
        nusd = round(cost * _NUSD)
        return ledger.Ended("billed" if nusd else "free", nusd, outcome)

    def _count(self, attempt: Attempt | None, ended: ledger.Ended) -> None:
        tally = self.tally
        tally.in_flight -= 1
        tally.attempts += 1
        tally.failed += attempt is None or attempt.error is not None
        if ended.state == "possible":
            tally.possible += 1
            tally.possible_nusd += ended.spent_nusd or 0
        else:
            tally.billed_nusd += ended.spent_nusd or 0


def _nano(usd: float | Unmeasured) -> int | None:
    return None if isinstance(usd, Unmeasured) else math.ceil(usd * _NUSD)
