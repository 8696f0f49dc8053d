"""What a local store holds, and bringing calls into it, out of it and away."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.errors import CannotJudge
from evalgate.store.encode import session_bytes
from evalgate.store.lines import digest_of
from evalgate.store.local.opening import connect, prepare
from evalgate.store.local.place import StorePlace
from evalgate.store.local.store import LocalStore
from evalgate.store.reading import UNREADABLE, decode_leniently
from evalgate.store.recordings import read_recordings

_NUSD = 1e9


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counts of a store. ``attempts`` are by how they ended; ``possible_usd`` is their worst case.

    ``sent`` attempts are in flight; ``lost`` ones were, in a process that was killed or broken off.
    """

    bytes: int
    calls: int
    sessions: int
    attempts: Mapping[str, int]
    billed_usd: float
    possible_usd: float


@dataclass(frozen=True, slots=True)
class StoreVerified:
    """Rows that were looked at: ``damaged`` have other bytes than were kept, ``misnamed`` a wrong digest."""

    calls: int
    damaged: int
    misnamed: int


def stats(path: Path) -> StoreStats:
    """Return what the store at ``path`` holds.

    Raises:
        BadInput: a newer evalgate made it.

    """
    with closing(_opened(path)) as connection:
        by_state = connection.execute(
            "SELECT state, count(*), coalesce(sum(spent_nusd), 0) FROM attempts GROUP BY state"
        ).fetchall()
        spent = {state: nusd for state, _, nusd in by_state}
        return StoreStats(
            bytes=path.stat().st_size,
            calls=_count(connection, "calls"),
            sessions=_count(connection, "sessions"),
            attempts={state: count for state, count, _ in sorted(by_state)},
            billed_usd=spent.get("billed", 0) / _NUSD,
            possible_usd=(spent.get("possible", 0) + spent.get("lost", 0)) / _NUSD,
        )


def verify_store(path: Path) -> StoreVerified:
    """Read every call of the store at ``path``, and compute its hash and its digest anew.

    Raises:
        BadInput: a newer evalgate made it.

    """
    found: Counter[str] = Counter()
    with closing(_opened(path)) as connection:
        for digest, line, sha256 in connection.execute("SELECT digest, line, sha256 FROM calls"):
            found["calls"] += 1
            if hashlib.sha256(line).digest() != sha256:
                found["damaged"] += 1
            elif _own_digest(line) not in (digest.hex(), None):
                found["misnamed"] += 1
    return StoreVerified(found["calls"], found["damaged"], found["misnamed"])


def collect(
    path: Path, is_needless: Callable[[str, str], bool], before: str, *, dry_run: bool
) -> tuple[int, int]:
    """Remove calls that ``is_needless`` (digest, session) or of sessions before then; return calls and bytes.

    Raises:
        BadInput: a newer evalgate made the store.
        CannotJudge: another process has it open.

    """
    place = StorePlace(path)
    with closing(_opened(path)) as connection, place.locked():
        if place.living():
            raise CannotJudge(f"{path}: another evalgate has the local store open; wait for it to end")
        size = path.stat().st_size
        rows = connection.execute("SELECT id, digest, session FROM calls").fetchall()
        old = {
            name
            for (name,) in connection.execute("SELECT id FROM sessions")
            if before and _stamp(name) < before
        }
        needless = [
            row_id for row_id, digest, session in rows if session in old or is_needless(digest.hex(), session)
        ]
        if dry_run or not needless:
            return len(needless), 0
        place.forget_clean()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM calls WHERE id = ?", ((row_id,) for row_id in needless))
        connection.execute("UPDATE meta SET value = value + ? WHERE name = 'removed'", [len(needless)])
        connection.execute("DELETE FROM sessions WHERE id NOT IN (SELECT session FROM calls)")
        connection.execute(
            "DELETE FROM attempts WHERE state != 'sent' AND session NOT IN (SELECT session FROM calls)"
        )
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    place.note_clean()
    return len(needless), size - path.stat().st_size


def take(path: Path, files: Iterable[Path]) -> tuple[int, int]:
    """Bring the calls of recordings files into the store; return how many there were and how many were new.

    Raises:
        BadInput: with every problem of every file.
        CannotJudge: the store cannot be written.

    """
    files = list(files)
    recordings = read_recordings(files)
    with LocalStore(path) as store:
        before = store.ask(lambda connection: _count(connection, "calls")).result()
        for session in recordings.sessions.values():
            if session.started_at:
                store.keep_session(session.id, session_bytes(session, "all"), "import")
        count = 0
        for file in files:
            for line in file.read_bytes().splitlines(keepends=True)[1:]:
                named = decode_leniently(line)
                if named.digest is not None and named.session is not None:
                    store.keep_call(named.digest, named.session, line)
                    count += 1
        store.flush()
        return count, store.ask(lambda connection: _count(connection, "calls")).result() - before


def _opened(path: Path) -> sqlite3.Connection:
    place = StorePlace(path)
    with place.locked():
        prepare(place)
        return connect(place)


def _count(connection: sqlite3.Connection, table: str) -> int:
    count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  our own names
    return count


def _own_digest(line: bytes) -> str | None:
    try:
        decoded = decode_leniently(line)
        return digest_of(decoded) if bytes(decoded.request) else None
    except UNREADABLE:
        return ""


def _stamp(session: str) -> str:
    """Return when a session began, as its id says it."""
    return session.partition("-")[0]
