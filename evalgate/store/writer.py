"""Writes recordings so that a call that was paid for is not lost: not to a crash, not to a full disk."""

import fcntl
import os
import re
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from evalgate.core.calls import Call
from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.run import Session
from evalgate.store.encode import call_bytes, header_bytes
from evalgate.store.lines import RECORDINGS_SCHEMA, Texts, decode_header
from evalgate.store.reading import UNREADABLE, is_whole_line

PART = ".part"
# Every line is handed to the kernel before its call is: a killed process loses none. Only a power loss
# can, and one fsync a line (about 5 ms, 200 a second) would stall the calls whose time is being taken.
_LINES_PER_SYNC = 64
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")


def new_session(origin: str = "", *, interleaved: bool = False, seed: int | None = None) -> Session:
    """Return a session that starts now, with an id that no other process picks in the same second."""
    now = datetime.now(UTC)
    return Session(
        id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        started_at=f"{now:%Y-%m-%dT%H:%M:%S.%fZ}",
        interleaved=interleaved,
        seed=seed,
        origin=origin,
    )


class RecordingWriter:
    """Writes one session to ``<folder>/<session id>.jsonl``, under the name ``….jsonl.part`` until closed.

    A digest that the session holds already goes to a session beside it (``<id>.2``, its own file): one
    session never says two things of one call. With ``texts`` none, requests and answers are left out.
    """

    def __init__(self, folder: Path, session: Session, made_by: str, *, texts: Texts = "all") -> None:
        """Prepare to write; the file is made on entering the context."""
        if not _FILE_NAME.fullmatch(session.id):
            raise BadInput(
                [
                    Problem(
                        f"session id {session.id!r} cannot name a file", "use letters, digits, '.', '_', '-'"
                    )
                ]
            )
        self.session = session
        self.path = folder / f"{session.id}.jsonl"
        self._part = folder / f"{session.id}.jsonl{PART}"
        self._made_by = made_by
        self._texts: Texts = texts
        self._digests: set[str] = set()
        self._beside: RecordingWriter | None = None
        self._unsynced = 0
        self._syncing: Future[None] | None = None

    def __enter__(self) -> Self:
        """Make the file.

        Raises:
            BadInput: the session was recorded already, or the folder cannot be written.

        """
        try:
            self._part.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise BadInput(
                [
                    Problem(
                        f"cannot record: {error.strerror}",
                        "choose another folder or session",
                        str(self._part),
                    )
                ]
            ) from error
        # Whoever salvages leaves a locked file alone: its writer lives.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        if self.path.exists():
            self._part.unlink()
            os.close(self._file)
            raise BadInput(
                [Problem("the session was recorded already", "start a new session", str(self.path))]
            )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recordings")
        self._end = 0
        try:
            self._append(header_bytes(self.session, self._made_by, self._texts))
        except CannotJudge:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the file its name, whatever happened: finished work is kept."""
        try:
            if self._beside is not None:
                self._beside.__exit__(kind, error, trace)
        finally:
            self._close()

    def __len__(self) -> int:
        """Return how many calls were written."""
        return len(self._digests) + (0 if self._beside is None else len(self._beside))

    def write(self, call: Call) -> str:
        """Append one call and return the id of the session that now holds it.

        Raises:
            CannotJudge: the file cannot grow; every call written before is kept.

        """
        digest = call.request.digest
        if digest in self._digests:
            return self._writer_beside().write(call)
        self._append(call_bytes(call, self.session.id, self._texts))
        self._digests.add(digest)
        return self.session.id

    def _writer_beside(self) -> "RecordingWriter":
        if self._beside is None:
            stem, _, number = self.session.id.rpartition(".")
            sibling = f"{stem}.{int(number) + 1}" if stem and number.isdecimal() else f"{self.session.id}.2"
            session = replace(self.session, id=sibling)
            beside = RecordingWriter(self._part.parent, session, self._made_by, texts=self._texts)
            self._beside = beside.__enter__()
        return self._beside

    def _append(self, line: bytes) -> None:
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._file, left) :]
            self._sync_now_and_then()
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise CannotJudge(
                f"{self._part}: cannot record: {error.strerror}; the calls recorded so far are kept: "
                "make room and run the same command again"
            ) from error
        self._end += len(line)

    def _sync_now_and_then(self) -> None:
        self._unsynced += 1
        if self._unsynced < _LINES_PER_SYNC:
            return
        if self._syncing is not None:
            if not self._syncing.done():
                return
            self._syncing.result()
        self._syncing = self._thread.submit(os.fsync, self._file)
        self._unsynced = 0

    def _close(self) -> None:
        self._thread.shutdown(wait=True)
        try:
            if self._digests:
                os.fsync(self._file)
                self._part.rename(self.path)
                _sync_folder(self.path.parent)
            else:
                self._part.unlink()
        finally:
            os.close(self._file)


def salvage(folder: Path) -> tuple[Path, ...]:
    """Turn the ``.part`` files of writers that crashed into recordings, and return those.

    Every whole line is kept and a torn tail is cut off. Files whose writer still lives are left alone, and
    so is a file whose first line does not describe a session: nobody can say what is in it.
    """
    if not folder.is_dir():
        return ()
    saved = (_salvage(part) for part in sorted(folder.glob(f"*.jsonl{PART}")))
    return tuple(path for path in saved if path is not None)


def _salvage(part: Path) -> Path | None:
    try:
        file = os.open(part, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return _finish(part, file)
    finally:
        os.close(file)


def _finish(part: Path, file: int) -> Path | None:
    content = part.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    tail = content[len(whole) :]
    if whole and is_whole_line(tail):
        whole = content + b"\n"
    first = whole.partition(b"\n")[0]
    if whole.count(b"\n") < 2:
        # Nothing but (a piece of) the first line: no call was finished.
        part.unlink(missing_ok=True)
        return None
    try:
        if decode_header(first).schema != RECORDINGS_SCHEMA:
            return None
    except UNREADABLE:
        return None
    path = part.with_name(part.name.removesuffix(PART))
    if path.exists():
        return None
    if whole.startswith(content):
        os.pwrite(file, whole[len(content) :], len(content))
    else:
        os.ftruncate(file, len(whole))
    os.fsync(file)
    part.rename(path)
    _sync_folder(path.parent)
    return path


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
