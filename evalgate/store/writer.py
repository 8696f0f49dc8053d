"""Writes recordings files: the calls that a suite keeps, whole or not at all."""

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from evalgate.core.calls import Call
from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.run import Session
from evalgate.store.encode import call_bytes, header_bytes
from evalgate.store.lines import Texts


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


def write_calls(path: Path, session: Session, calls: Iterable[Call], made_by: str) -> None:
    """Write the calls of one session as a recordings file.

    Raises:
        BadInput: the folder cannot be written, or the file is there.
        CannotJudge: the disk is full; there is no file.

    """
    write_lines(path, [session], (call_bytes(call, session.id, "all") for call in calls), made_by)


def write_lines(
    path: Path, sessions: Iterable[Session], lines: Iterable[bytes], made_by: str, texts: Texts = "all"
) -> None:
    """Write calls that are lines already; a reader sees the whole file or none.

    Raises:
        BadInput: the folder cannot be written, or the file is there.
        CannotJudge: the disk is full; there is no file.

    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(header_bytes(sessions, made_by, texts))
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            cure = "choose another name; recordings are not written over"
            raise BadInput([Problem("the file is there already", cure, str(path))])
        unfinished.rename(path)
        _sync_folder(path.parent)
    except PermissionError as error:
        cure = "make the folder writable"
        raise BadInput([Problem(f"cannot record: {error.strerror}", cure, str(path))]) from error
    except OSError as error:
        raise CannotJudge(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
