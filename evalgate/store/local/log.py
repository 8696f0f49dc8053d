"""The attempt log that keeps to a cap: a worst case set aside before, the cost in its place after."""

import asyncio
import math
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
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
from evalgate.store.local.store import LocalStore

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


@dataclass(slots=True)
class _Sent:
    request: Request
    sending: ledger.Sending
    ticket: int | None = None


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
        self._sent: dict[int, _Sent] = {}
        self._number = 0

    async def before(self, request: Request, limit_s: float) -> int:
        """Note an attempt and set its worst case aside; wait while it only fits once others have ended.

        Raises:
            SpendCapReached: it does not fit under the cap.
            Interrupted: no new call is to be made.
            CannotJudge: the store cannot be written.

        """
        sent = _Sent(request, self._sending(request))
        waited_s = 0.0
        while True:
            if self._stopped():
                raise Interrupted("no new call is made")
            self._store.check()
            noted = self._store.ask(self._noting(sent, limit_s))
            if request.kind == "function" and not sent.sending.worst_nusd and self._cap_nusd is None:
                break
            if await self._on_disk(noted, sent) is not None:
                break
            await asyncio.sleep(_FULL_POLL_S)
            waited_s += _FULL_POLL_S
            if waited_s >= _LOOK_FOR_DEAD_S:
                waited_s = 0.0
                await self._store.bury_dead()
        self._number += 1
        self._sent[self._number] = sent
        self.tally.in_flight += 1
        return self._number

    def after(self, ticket: int, attempt: Attempt | None) -> None:
        """Note how the attempt ended, and put its cost in the place of its worst case."""
        sent = self._sent.pop(ticket)
        ended = self._ended(sent, attempt)
        self._count(attempt, ended)
        self._store.ask(lambda connection: ledger.settle(connection, _ticket(sent), sent.sending, ended))

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

    def _noting(self, sent: _Sent, limit_s: float) -> Callable[[sqlite3.Connection], int | None]:
        until_s = time() + 2 * limit_s
        lapses = self._store.lapses_before(sent.request.digest, until_s)

        def work(connection: sqlite3.Connection) -> int | None:
            sent.ticket = ledger.reserve(connection, sent.sending, self._cap_nusd)
            if lapses:
                ledger.renew(connection, sent.sending.digest, self._store.owner, until_s)
            return sent.ticket

        return work

    async def _on_disk(self, noted: "Future[int | None]", sent: _Sent) -> int | None:
        try:
            return await asyncio.wrap_future(noted)
        except asyncio.CancelledError:
            # It was never sent. Behind whatever was asked before, its row is closed again, if there is one.
            self._store.ask(lambda connection: _never_sent(connection, sent))
            raise

    def _ended(self, sent: _Sent, attempt: Attempt | None) -> ledger.Ended:
        if attempt is None:
            return ledger.Ended("free", 0, b'{"error":"refused"}')
        cost = self._tariff.cost(sent.request, attempt)
        outcome = attempt_bytes(attempt)
        if isinstance(cost, Unmeasured):
            if sent.sending.worst_nusd is None:
                self.tally.unknown.append(cost.reason)
            return ledger.Ended("possible", sent.sending.worst_nusd, outcome)
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


def _never_sent(connection: sqlite3.Connection, sent: _Sent) -> None:
    if sent.ticket is not None:
        never = ledger.Ended("free", 0, b'{"error":"never sent"}')
        ledger.settle(connection, sent.ticket, sent.sending, never)


def _ticket(sent: _Sent) -> int:
    assert sent.ticket is not None
    return sent.ticket


def _nano(usd: float | Unmeasured) -> int | None:
    return None if isinstance(usd, Unmeasured) else math.ceil(usd * _NUSD)
