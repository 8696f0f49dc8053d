"""The local store, opened to write: every attempt before it is sent, every call once it is finished."""

import asyncio
import hashlib
import logging
import sqlite3
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from evalgate.core.errors import BadInput, CannotJudge
from evalgate.core.retry import DEFAULT_TIMEOUT_S
from evalgate.store.local import claims, ledger
from evalgate.store.local.begun import Begun, begun
from evalgate.store.local.opening import CHECKPOINTS_ARE_SAFE, connect, prepare
from evalgate.store.local.place import StorePlace
from evalgate.store.local.rows import flat, in_steps, places
from evalgate.store.local.thread import Kind, Work, WriterThread

A = TypeVar("A")
T = TypeVar("T")
Line = tuple[bytes, str, bytes, bytes]
"""A finished call: its digest, its session, its line, and the SHA-256 of the line."""

GOES_ON_FOR = timedelta(hours=24)
"""What was broken off longer ago is not gone on with: models and traffic have moved."""

_CLAIM_POLL_S = 0.05
_LOOK_FOR_DEAD_S = 2.0
_LARGE_LOG_BYTES = 64 * 1024 * 1024
_KEEP_SESSION = "INSERT OR IGNORE INTO sessions (id, described, sha256, purpose) VALUES (?, ?, ?, ?)"
_KEEP_CALLS = "INSERT OR IGNORE INTO calls (digest, session, line, sha256) VALUES "

_log = logging.getLogger(__name__)


def _keep(connection: sqlite3.Connection, lines: Sequence[Line]) -> list[None]:
    for some in in_steps(lines):
        connection.execute(_KEEP_CALLS + places(some), flat(some))
    return [None] * len(lines)


# In the order in which they come to pass for one call.
_CLAIM = Kind(1, claims.claim)
NOTE = Kind(2, ledger.note)
_KEEP = Kind(3, _keep)
_RELEASE = Kind(4, claims.release)
SETTLE = Kind(5, ledger.settle)


class LocalStore:
    """One command's hold on the local store. Use it as a context manager; several may be open at once.

    A process that is killed leaves nothing half: what was committed stays, and an attempt that was sent but
    has no end is counted as possibly billed by whoever opens the store next.
    """

    def __init__(self, path: Path) -> None:
        """Prepare to open the store at ``path``; it is made when it is missing."""
        self._place = StorePlace(path)
        self._held: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Open, and before that mend and migrate.

        Raises:
            BadInput: the folder cannot be written or is on a network, or the store is a newer evalgate's.
            CannotJudge: the store cannot be opened.

        """
        place = self._place
        place.ensure_folder()
        with place.locked():
            prepare(place)
            living = place.living()
            self.alone = not living
            self._here = place.enter()
            try:
                place.forget_clean()
                self._connection = connect(place)
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    self.owner, self.sitting, left = ledger.register(
                        self._connection, self._here.name, living
                    )
            except (sqlite3.Error, OSError) as error:
                self._here.leave()
                raise CannotJudge(f"{place.path}: the local store cannot be opened: {error}") from error
        self._thread = WriterThread(self._connection, place.path, self._checkpoint_when_large)
        tell_left_open(left, "a run that was killed")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is still to be written, and leave the file as small and whole as it can be.

        Raises:
            CannotJudge: something could not be written, and nothing else went wrong before.

        """
        left = self.ask(lambda connection: ledger.leave(connection, self.owner))
        self._thread.stop()
        broken = self._thread.broken
        try:
            with self._place.locked():
                self._here.leave()
                if broken is None and not self._place.living():
                    self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.close()
                if broken is None and not self._place.living():
                    self._place.note_clean()
        except (sqlite3.Error, OSError, CannotJudge) as failed:
            _log.warning(
                "the local store was not closed whole, and is checked when it is next opened: %s", failed
            )
        if broken is None:
            tell_left_open(left.result(), "calls that were broken off")
        elif error is None:
            raise broken

    @property
    def folder(self) -> Path:
        """Where the store is, and what those who share it may share besides."""
        return self._place.path.parent

    def ask(self, work: Work[T]) -> Future[T]:
        """Return the future result of ``work`` on the connection; it is there once it is on the disk."""
        return self._thread.ask(work)

    def ask_of(self, kind: Kind[A, T], item: A, digest: bytes) -> "asyncio.Future[T]":
        """Return, on the running loop, the future result of work about one call."""
        return self._thread.ask_of(kind, item, digest)

    def tell(self, kind: Kind[A, Any], item: A, digest: bytes) -> None:
        """Have work about one call done, soon; nobody waits for it."""
        self._thread.tell(kind, item, digest)

    def check(self) -> None:
        """Do nothing while the store can be written.

        Raises:
            CannotJudge: it cannot.

        """
        if self._thread.broken is not None:
            raise self._thread.broken

    def flush(self) -> None:
        """Return once everything that was asked is on the disk.

        Raises:
            CannotJudge: it cannot be written.

        """
        self.ask(lambda _: None).result()

    def keep_session(self, session: str, described: bytes, purpose: str) -> None:
        """Note a session, unless it is there."""
        row = [session, described, hashlib.sha256(described).digest(), purpose]
        self.ask(lambda connection: connection.execute(_KEEP_SESSION, row).rowcount)

    def keep_call(self, digest: str, session: str, line: bytes) -> None:
        """Note a finished call by its line, unless it is there; return before it is on the disk.

        Raises:
            CannotJudge: nothing can be written any more.

        """
        self.check()
        key = bytes.fromhex(digest)
        self.tell(_KEEP, (key, session, line, hashlib.sha256(line).digest()), key)

    def finish(self, purpose: str) -> None:
        """Note that the sessions with this purpose made every call that they were to make."""
        work = "UPDATE sessions SET finished = 1 WHERE purpose = ?"
        self.ask(lambda connection: connection.execute(work, [purpose]).rowcount)

    def begun(self, only: Collection[str] | None = None) -> Begun:
        """Return what was tried of calls that were broken off in the last day, in some sessions where named.

        Nothing while others are here, who may be about to finish them.
        """
        if not self.alone:
            return {}
        since = f"{datetime.now(UTC) - GOES_ON_FOR:%Y%m%dT%H%M%SZ}"
        return self.ask(lambda connection: begun(connection, since, only)).result()

    def making(self, digest: str) -> "_Claimed":
        """Hold the claim to a call while it is made; entering waits while another process makes it.

        Raises:
            CannotJudge: on entering, the store cannot be written.

        """
        return _Claimed(self, digest)

    async def hold(self, digest: str) -> bool:
        """Wait for the claim to a call; False where this process holds it already."""
        if digest in self._held:
            return False
        self._held[digest] = 0.0
        try:
            self._held[digest] = await self._claim(bytes.fromhex(digest))
        except BaseException:
            self.let_go(digest)
            raise
        return True

    def let_go(self, digest: str) -> None:
        """Give the claim to a call back."""
        del self._held[digest]
        key = bytes.fromhex(digest)
        self.tell(_RELEASE, (self.owner, key), key)

    async def bury_dead(self) -> None:
        """Close the books of processes that died since, so that nobody waits for them."""
        living = self._place.living()
        left = await asyncio.wrap_future(self.ask(lambda connection: ledger.bury(connection, living)))
        tell_left_open(left, "a run beside this one that was killed")

    def lapses_before(self, digest: str, until_s: float) -> bool:
        """Tell whether we hold the claim to a call, but for a shorter time than that."""
        held_s = self._held.get(digest)
        if held_s is None or held_s >= until_s:
            return False
        self._held[digest] = until_s
        return True

    async def _claim(self, digest: bytes) -> float:
        """Return until when the call is ours."""
        look_again_at = time.monotonic() + _LOOK_FOR_DEAD_S
        while True:
            now_s = time.time()
            until_s = now_s + 2 * DEFAULT_TIMEOUT_S
            wish = claims.Claiming(digest, self.owner, now_s, until_s)
            if await self.ask_of(_CLAIM, wish, digest) == "ours":
                return until_s
            await asyncio.sleep(_CLAIM_POLL_S)
            if time.monotonic() > look_again_at:
                look_again_at = time.monotonic() + _LOOK_FOR_DEAD_S
                await self.bury_dead()

    def _checkpoint_when_large(self, connection: sqlite3.Connection) -> None:
        """Empty a long write-ahead log where SQLite may not do so by itself, if nobody else is here now."""
        if CHECKPOINTS_ARE_SAFE or not _is_large(self._place.wal):
            return
        with suppress(OSError, BadInput, CannotJudge, sqlite3.Error), self._place.locked():
            if self._place.living() == [self._here.name]:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class _Claimed:
    """A call that nobody else makes meanwhile."""

    __slots__ = ("_digest", "_mine", "_store")

    def __init__(self, store: LocalStore, digest: str) -> None:
        self._store, self._digest, self._mine = store, digest, False

    async def __aenter__(self) -> None:
        self._mine = await self._store.hold(self._digest)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mine:
            self._store.let_go(self._digest)


def _is_large(wal: Path) -> bool:
    try:
        return wal.stat().st_size > _LARGE_LOG_BYTES
    except FileNotFoundError:
        return False


def tell_left_open(left: ledger.LeftOpen, whose: str) -> None:
    """Say which attempts may have been billed though nobody knows what became of them."""
    if not left.attempts:
        return
    attempts = "1 attempt" if left.attempts == 1 else f"{left.attempts:,} attempts"
    worst = f"at most {ledger.usd(left.worst_nusd)}"
    if left.unpriced:
        worst = "at a cost that nobody can bound" if left.unpriced == left.attempts else f"{worst} and more"
    _log.warning(
        "%s of %s may have been billed, %s; what they asked is asked again when needed",
        attempts,
        whose,
        worst,
    )
