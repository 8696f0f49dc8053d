"""Writes calls that were made elsewhere, and the cases they answer: all of them or nothing."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from evalgate.core.calls import Call
from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.run import Session
from evalgate.store.recordings import read_recordings, recording_files
from evalgate.store.writer import new_session, write_calls


def import_origin(log: Path, what: str) -> str:
    """Return what a session says of the log it was imported from; the same log says the same again.

    Raises:
        BadInput: the log cannot be read.

    """
    try:
        with log.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        cure = "name the file of the log"
        raise BadInput([Problem(f"cannot be read: {error.strerror or error}", cure, str(log))]) from None
    return f"import {log.name} sha256:{sha256[:16]} as {what}"


def import_session(folder: Path, origin: str, started_s: float | None) -> Session:
    """Return the session of an import. It started when its first call was made, where the log says that.

    So calls recorded since then stay the newer ones, whenever the log is imported.

    Raises:
        BadInput: the recordings in ``folder`` are broken, or hold this very import.

    """
    for session in read_recordings(recording_files(folder)).sessions.values():
        if session.origin == origin:
            message = f"this log was imported already, as session {session.id}"
            cure = f"delete {session.id}.jsonl first, if it is to be imported anew"
            raise BadInput([Problem(message, cure, str(folder))])
    session = new_session(origin)
    if started_s is None:
        return session
    moment = datetime.fromtimestamp(started_s, UTC)
    return replace(session, started_at=f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}")


def write_import(folder: Path, session: Session, calls: Iterable[Call], made_by: str) -> Path:
    """Write the calls as one recordings file; when that fails, there is none.

    Raises:
        CannotJudge: the disk is full.
        BadInput: the folder cannot be written.

    """
    path = folder / f"{session.id}.jsonl"
    write_calls(path, session, calls, made_by)
    return path


def append_cases(path: Path, cases: Sequence[Case]) -> None:
    """Add cases to a ``.jsonl`` file; a reader sees the file before or after, never between.

    Raises:
        CannotJudge: the file cannot be written.

    """
    if not cases:
        return
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else b""
        if before and not before.endswith(b"\n"):
            before += b"\n"
        with unfinished.open("wb") as file:
            file.write(before)
            for case in cases:
                file.write(case.model_dump_json(exclude_defaults=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise CannotJudge(f"{path}: the cases cannot be written: {error.strerror or error}") from error
