"""The one thread of a process that writes: what is asked meanwhile is committed together."""

import asyncio
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from evalgate.core.errors import CannotJudge

A = TypeVar("A")
T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
_MOST_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Kind(Generic[A, T]):
    """Work that is done for many in few steps. ``do`` returns a result, or a refusal, for each of them.

    Of what is committed together lower ranks come first, but nothing comes before what was asked earlier
    about the same thing.
    """

    rank: int
    do: Callable[[sqlite3.Connection, Sequence[A]], Sequence[T | Exception]]


class _Asked(NamedTuple):
    """A piece of work, and who waits for what came of it."""

    kind: Kind[Any, Any]
    item: Any
    about: bytes = b""
    thread: Future[Any] | None = None
    loop: asyncio.Future[Any] | None = None


def _each(connection: sqlite3.Connection, works: Sequence[Work[Any]]) -> list[Any]:
    return [_result(work, connection) for work in works]


def _result(work: Work[T], connection: sqlite3.Connection) -> T | Exception:
    try:
        return work(connection)
    except sqlite3.Error:
        raise
    except Exception as refusal:  # noqa: BLE001  it is whoever asked that must hear of it
        return refusal


_BY_ITSELF = Kind(0, _each)


class WriterThread:
    """Runs pieces of work on one connection, in the order in which they were asked as far as that matters.

    While one commit reaches the disk, what is asked in the meantime gathers and is committed next, all of it
    at once: under load the cost of a sync is shared. A result is there only once it is on the disk. A piece
    of work that refuses must not have written anything by then.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, after_commit: Callable[[sqlite3.Connection], None]
    ) -> None:
        """Start; ``path`` is watched, for a file that is deleted takes everything along unseen."""
        self._after_commit = after_commit
        self._connection = connection
        self._path = path
        self._inode = path.stat().st_ino
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._broken: CannotJudge | None = None
        self._thread = threading.Thread(target=self._run, name="evalgate-store", daemon=True)
        self._thread.start()

    @property
    def broken(self) -> CannotJudge | None:
        """Why nothing can be written any more, if so."""
        return self._broken

    def ask(self, work: Work[T]) -> Future[T]:
        """Return the future result of ``work``, which is done by itself, after all that was asked before."""
        future: Future[T] = Future()
        self._asked.put(_Asked(_BY_ITSELF, work, thread=future))
        return future

    def ask_of(self, kind: Kind[A, T], item: A, about: bytes) -> asyncio.Future[T]:
        """Return, on the running loop, the future result of work about one thing."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.put(_Asked(kind, item, about, loop=future))
        return future

    def tell(self, kind: Kind[A, Any], item: A, about: bytes) -> None:
        """Have work about one thing done; nobody waits for it."""
        self._asked.put(_Asked(kind, item, about))

    def stop(self) -> None:
        """Finish what was asked, and end."""
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        going_on = True
        while going_on:
            batch = [self._asked.get()]
            while len(batch) < _MOST_AT_ONCE and batch[-1] is not None:
                try:
                    batch.append(self._asked.get_nowait())
                except queue.Empty:
                    break
            going_on = batch[-1] is not None
            self._commit([each for each in batch if each is not None])

    def _commit(self, batch: list[_Asked]) -> None:
        results: list[tuple[_Asked, Any]] = []
        error = self._broken
        if batch and error is None:
            try:
                self._watch()
                self._connection.execute("BEGIN IMMEDIATE")
                for kind, pieces in _together(batch):
                    done = kind.do(self._connection, [each.item for each in pieces])
                    results += zip(pieces, done, strict=True)
                self._connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as failed:
                error = self._broken = self._explained(failed)
                self._roll_back()
        if error is not None:
            _hand_out([(each, error) for each in batch])
            return
        _hand_out(results)
        if batch:
            self._after_commit(self._connection)

    def _watch(self) -> None:
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            inode = -1
        if inode != self._inode:
            raise _Deleted

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # SQLite has rolled back by itself, or can do nothing any more

    def _explained(self, error: sqlite3.Error | OSError) -> CannotJudge:
        again = "the calls kept so far are safe"
        match error:
            case _Deleted():
                return CannotJudge(
                    f"{self._path}: the local store was deleted while it was in use{self._rescued()}"
                )
            case sqlite3.Error() if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                return CannotJudge(
                    f"{self._path}: the disk is full; {again}: make room and run the same command again"
                )
            case _:
                return CannotJudge(
                    f"{self._path}: the local store cannot be written: {error}; {again}: make "
                    "sure that there is room and permission, and run the same command again"
                )

    def _rescued(self) -> str:
        """Write the deleted store anew, from the file that only this process can still see."""
        if self._path.exists():
            return ", and another lies in its place; run the same command again"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            anew = sqlite3.connect(self._path)
            try:
                self._connection.backup(anew)
            finally:
                anew.close()
        except (OSError, sqlite3.Error) as error:
            return f", and cannot be written anew: {error}"
        return "; it was written anew with every call that it held: run the same command again"


class _Deleted(OSError):
    pass


def _together(batch: Sequence[_Asked]) -> Iterator[tuple[Kind[Any, Any], list[_Asked]]]:
    """Yield what is done at once, kind by kind."""
    gathered: defaultdict[Kind[Any, Any], list[_Asked]] = defaultdict(list)
    ranks: dict[bytes, int] = {}
    for each in batch:
        overtakes = each.kind.rank < ranks.get(each.about, 0)
        if overtakes or each.kind is _BY_ITSELF or _BY_ITSELF in gathered:
            yield from sorted(gathered.items(), key=lambda item: item[0].rank)
            gathered.clear()
            ranks.clear()
        gathered[each.kind].append(each)
        ranks[each.about] = each.kind.rank
    yield from sorted(gathered.items(), key=lambda item: item[0].rank)


def _hand_out(results: Sequence[tuple[_Asked, Any]]) -> None:
    """Give everyone what they wait for; a loop is woken once for all who wait on it."""
    on_loops: defaultdict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = defaultdict(
        list
    )
    for asked, result in results:
        if asked.loop is not None:
            on_loops[asked.loop.get_loop()].append((asked.loop, result))
        elif asked.thread is not None and isinstance(result, Exception):
            asked.thread.set_exception(result)
        elif asked.thread is not None:
            asked.thread.set_result(result)
    for loop, waiting in on_loops.items():
        # A loop that was closed meanwhile has nobody on it who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, waiting)


def _settle(waiting: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in waiting:
        if future.done():
            continue  # whoever waited was cancelled
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
