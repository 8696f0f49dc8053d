"""Opens a local store, after mending what an unclean end or a damaged disk left of it."""

import hashlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.store.local.pages import lines_in, rows_in
from evalgate.store.local.place import StorePlace
from evalgate.store.local.schema import (
    MIGRATIONS,
    PAGE_BYTES,
    is_as_declared,
    is_sound,
    migrate,
    says_so_twice,
    version_of,
)

# Before this version two processes could spoil a store: one that checkpoints while another starts the log
# anew (https://sqlite.org/wal.html, "The WAL-Reset Bug"). So there nobody checkpoints but who is alone.
CHECKPOINTS_ARE_SAFE = sqlite3.sqlite_version_info >= (3, 51, 3)
_BUSY_S = 30.0
_INSERT_SESSION = "INSERT OR IGNORE INTO sessions (id, described, sha256, purpose) VALUES (?, ?, ?, '')"
_INSERT_CALL = "INSERT OR IGNORE INTO calls (digest, session, line, sha256) VALUES (?, ?, ?, ?)"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Saved:
    """The rows of a damaged store whose hashes verify."""

    calls: dict[tuple[str, str], bytes] = field(default_factory=dict)
    sessions: dict[str, bytes] = field(default_factory=dict)
    last_id: int = 0
    removed: int = 0


class LocalConnection(sqlite3.Connection):
    """A connection whose errors about a damaged file are errors of SQLite, whatever text they quote."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> sqlite3.Cursor:  # type: ignore[override]
        """Execute a statement.

        Raises:
            sqlite3.Error: as always, and also where its message quotes damaged text of the file, which
                Python cannot decode.

        """
        try:
            return super().execute(sql, parameters)
        except UnicodeDecodeError as error:
            raise sqlite3.DatabaseError("what the file holds is no text") from error


def connect(place: StorePlace) -> sqlite3.Connection:
    """Return a connection in the way every connection of ours is set up, to a store that is mended."""
    connection = sqlite3.connect(
        place.path,
        timeout=_BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        factory=LocalConnection,
        cached_statements=64,
    )
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA mmap_size = 0")
        if not CHECKPOINTS_ARE_SAFE:
            connection.execute("PRAGMA wal_autocheckpoint = 0")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def prepare(place: StorePlace) -> None:
    """Make the store openable: mended if nobody uses it and its last end was not clean, and of this version.

    The caller holds the place's lock.

    Raises:
        BadInput: a newer evalgate made the store.
        CannotJudge: it is damaged and another process uses it.

    """
    if place.living():
        _has_our_tables(place)
        return
    exists = place.path.exists() and place.path.stat().st_size > 0
    if not (exists and place.is_clean() and _has_our_tables(place)):
        logged = saved_rows(None, place.wal) if _size(place.wal) else Saved()
        if exists and not _is_sound(place):
            _replace_damaged(place)
        elif not exists:
            place.wal.unlink(missing_ok=True)
        _put_back(place, logged)
    with closing(connect(place)) as connection:
        migrate(connection)


def saved_rows(database: Path | None, wal: Path) -> Saved:
    """Return every row whose hash verifies, of the database where it is named and of its log."""
    saved = Saved()
    for row_id, values in rows_in(database, wal):
        match values:
            case (None, bytes(), bytes(), bytes(line), bytes(sha256)):
                saved.last_id = max(saved.last_id, row_id)
                _keep_call(saved, line, sha256)
            case (bytes(id_), bytes(described), bytes(sha256), bytes(), *_) if _verifies(described, sha256):
                saved.sessions[id_.decode(errors="replace")] = described
            case (b"removed", int(count)):
                saved.removed = count
            case _:
                continue
    for file in (database, wal) if database is not None else (wal,):
        for line, sha256 in lines_in(file):
            _keep_call(saved, line, sha256)
    return saved


def means_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error means a damaged file, not a full disk, a lock or missing permission."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    # SQLITE_ERROR: our statements are always the same, so a table or a column that is missing was there.
    return code in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_ERROR,
    )


def _keep_call(saved: Saved, line: bytes, sha256: bytes) -> None:
    if not _verifies(line, sha256):
        return
    with suppress(ValueError, KeyError, TypeError):
        named = json.loads(line)
        saved.calls.setdefault((str(named["digest"]), str(named["session"])), line)


def _verifies(content: bytes, sha256: bytes) -> bool:
    return len(sha256) == 32 and hashlib.sha256(content).digest() == sha256


def _is_sound(place: StorePlace) -> bool:
    try:
        with closing(connect(place)) as connection:
            sound = is_sound(connection)
            version = version_of(connection) if sound else 0
    except sqlite3.Error as error:
        if means_damage(error) or os.access(place.path, os.W_OK):
            return False
        raise CannotJudge(f"{place.path}: the local store cannot be read: {error}") from error
    if version > len(MIGRATIONS):
        raise _newer(place, version)
    return sound


def _has_our_tables(place: StorePlace) -> bool:
    """Tell whether the file has the tables of its version, without reading what is in them.

    Raises:
        BadInput: a newer evalgate made it.

    """
    try:
        with closing(connect(place)) as connection:
            version = version_of(connection)
            newer = version > len(MIGRATIONS) and says_so_twice(connection, version)
            ours = not newer and is_as_declared(connection)
    except sqlite3.Error:
        return False
    if newer:
        raise _newer(place, version)
    return ours


def _newer(place: StorePlace, version: int) -> BadInput:
    message = f"the local store was made by a newer evalgate (version {version} of its tables)"
    cure = f"upgrade evalgate, which reads version {len(MIGRATIONS)}; or set EVALGATE_STORE to another file"
    return BadInput([Problem(message, cure, str(place.path))])


def _replace_damaged(place: StorePlace) -> None:
    """Move the damaged files aside, and fill a new store with what can be saved of them."""
    aside = _aside(place.path)
    place.forget_clean()
    for file, name in ((place.path, aside), (place.wal, aside.with_name(f"{aside.name}-wal"))):
        if file.exists():
            file.rename(name)
    place.shared.unlink(missing_ok=True)
    saved = saved_rows(aside, aside.with_name(f"{aside.name}-wal"))
    _put_back(place, saved)
    lost = max(0, saved.last_id - saved.removed - len(saved.calls))
    _log.warning(
        "the local store was damaged: %s saved, %s; the damaged file is kept as %s",
        _calls(len(saved.calls)),
        "how many are lost is not known" if _is_cut(aside) else _lost(lost),
        aside,
    )


def _put_back(place: StorePlace, saved: Saved) -> None:
    if not saved.calls and not saved.sessions:
        return
    with closing(connect(place)) as connection:
        migrate(connection)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT_SESSION, _session_rows(saved))
        connection.executemany(
            _INSERT_CALL,
            (
                (bytes.fromhex(digest), session, line, hashlib.sha256(line).digest())
                for (digest, session), line in saved.calls.items()
            ),
        )
        connection.execute("COMMIT")


def _session_rows(saved: Saved) -> Iterable[tuple[str, bytes, bytes]]:
    """Describe each session; one whose description is lost is known by its id, which tells when it was."""
    for name in sorted({session for _, session in saved.calls} | saved.sessions.keys()):
        described = saved.sessions.get(name) or _described_by_id(name)
        yield name, described, hashlib.sha256(described).digest()


def _described_by_id(name: str) -> bytes:
    started_at = ""
    with suppress(ValueError):
        moment = datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        started_at = f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
    return json.dumps({"id": name, "started_at": started_at, "origin": "salvaged"}).encode()


def _aside(path: Path) -> Path:
    for number in range(1_000):
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        aside = path.with_name(f"{path.name}.corrupt-{moment}" + (f".{number}" if number else ""))
        if not aside.exists():
            return aside
    raise CannotJudge(f"{path}: a thousand damaged stores lie beside it; delete them")


def _is_cut(path: Path) -> bool:
    """Tell whether the file is shorter than its header says."""
    with path.open("rb") as file:
        header = file.read(32)
    return len(header) < 32 or _size(path) < int.from_bytes(header[28:32]) * PAGE_BYTES


def _lost(count: int) -> str:
    return f"at most {_calls(count)} lost, to be made again when needed" if count else "none lost"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
