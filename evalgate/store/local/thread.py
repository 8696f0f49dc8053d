"""The one thread of a process that writes: what is asked meanwhile is committed together."""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from evalgate.core.errors import CannotJudge

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
_MOST_AT_ONCE = 64


class WriterThread:
    """Runs pieces of work on one connection, in the order in which they were asked.

    While one commit reaches the disk, what is asked in the meantime gathers and is committed next, all of it
    at once: under load the cost of a sync is shared. A result is there only once it is on the disk. A piece
    of work that refuses (raises) must not have written anything by then.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, after_commit: Callable[[sqlite3.Connection], None]
    ) -> None:
        """Start; ``path`` is watched, for a file that is deleted takes everything along unseen."""
        self._after_commit = after_commit
        self._connection = connection
        self._path = path
        self._inode = path.stat().st_ino
        self._asked: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._broken: CannotJudge | None = None
        self._thread = threading.Thread(target=self._run, name="evalgate-store", daemon=True)
        self._thread.start()

    @property
    def broken(self) -> CannotJudge | None:
        """Why nothing can be written any more, if so."""
        return self._broken

    def ask(self, work: Work[T]) -> Future[T]:
        """Return the future result of ``work``."""
        future: Future[T] = Future()
        self._asked.put((work, future))
        return future

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

    def _commit(self, batch: list[tuple[Work[Any], Future[Any]]]) -> None:
        settled: list[Callable[[], None]] = []
        error = self._broken
        if batch and error is None:
            try:
                self._watch()
                self._connection.execute("BEGIN IMMEDIATE")
                settled = [self._do(work, future) for work, future in batch]
                self._connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as failed:
                error = self._broken = self._explained(failed)
                self._roll_back()
        if error is not None:
            for _, future in batch:
                if future.running() or future.set_running_or_notify_cancel():
                    future.set_exception(error)
            return
        for settle in settled:
            settle()
        if batch:
            self._after_commit(self._connection)

    def _do(self, work: Work[Any], future: Future[Any]) -> Callable[[], None]:
        if not future.set_running_or_notify_cancel():
            return lambda: None
        try:
            result = work(self._connection)
        except sqlite3.Error:
            raise
        except Exception as refusal:  # noqa: BLE001  it is whoever asked that must hear of it
            return lambda error=refusal: future.set_exception(error)  # type: ignore[misc]
        return lambda: future.set_result(result)

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
