"""Who works on a store, who makes which call, and what may be spent: each one transaction's work.

Everything here runs on the writer's connection, inside its transaction. Amounts are nano-dollars. A *sitting*
is shared by all commands that run at the same time: a cap counts what all of them spend from the moment
when the first of them began.
"""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from evalgate.core.errors import SpendCapReached

# No sum of money is as large.
_NO_CAP = 2**62

Claim = Literal["ours", "taken"]


@dataclass(frozen=True, slots=True)
class Sending:
    """An attempt that is about to be sent; ``worst_nusd`` is None where nobody knows its worst case."""

    owner: int
    sitting: int
    session: str
    digest: bytes
    provider: str
    model: str
    began_at: str
    worst_nusd: int | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended; ``spent_nusd`` is None where nobody knows."""

    state: Literal["billed", "free", "possible"]
    spent_nusd: int | None
    outcome: bytes


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """Attempts that were sent by a process which then died: possibly billed."""

    attempts: int
    worst_nusd: int
    unpriced: int


NOTHING_LEFT = LeftOpen(0, 0, 0)


def register(connection: sqlite3.Connection, name: str, living: Collection[str]) -> tuple[int, int, LeftOpen]:
    """Add an owner to the sitting of those who live, or to a new one; close the books of the dead.

    Returns the ids of the owner and of the sitting, and what the dead left open.
    """
    left = bury(connection, living)
    row = connection.execute("SELECT sitting FROM owners LIMIT 1").fetchone()
    sitting = row[0] if row else connection.execute("INSERT INTO sittings DEFAULT VALUES").lastrowid
    added = connection.execute("INSERT INTO owners (name, sitting) VALUES (?, ?)", [name, sitting])
    assert added.lastrowid is not None
    assert sitting is not None
    return added.lastrowid, sitting, left


def bury(connection: sqlite3.Connection, living: Collection[str]) -> LeftOpen:
    """Take dead owners off the books: what they had in flight counts as spent, what they claimed is free."""
    dead = [row for row in connection.execute("SELECT id, name FROM owners") if row[1] not in living]
    left = NOTHING_LEFT
    for owner, _ in dead:
        more = leave(connection, owner)
        left = LeftOpen(
            left.attempts + more.attempts, left.worst_nusd + more.worst_nusd, left.unpriced + more.unpriced
        )
    return left


def leave(connection: sqlite3.Connection, owner: int) -> LeftOpen:
    """Take an owner off the books, and return what it left open."""
    attempts, worst, unpriced = connection.execute(
        "SELECT count(*), coalesce(sum(worst_nusd), 0), count(*) - count(worst_nusd) "
        "FROM attempts WHERE owner = ? AND state = 'sent'",
        [owner],
    ).fetchone()
    connection.execute(
        "UPDATE attempts SET state = 'lost', spent_nusd = worst_nusd WHERE owner = ? AND state = 'sent'",
        [owner],
    )
    connection.execute(
        "UPDATE sittings SET reserved_nusd = reserved_nusd - ?, spent_nusd = spent_nusd + ? "
        "WHERE id = (SELECT sitting FROM owners WHERE id = ?)",
        [worst, worst, owner],
    )
    connection.execute("DELETE FROM claims WHERE owner = ?", [owner])
    connection.execute("DELETE FROM owners WHERE id = ?", [owner])
    return LeftOpen(attempts, worst, unpriced)


def reserve(connection: sqlite3.Connection, sending: Sending, cap_nusd: int | None) -> int | None:
    """Note an attempt and set its worst case aside; return its ticket, or None to ask again later.

    None says that it does not fit beside what is in flight, and may fit once that has ended.

    Raises:
        SpendCapReached: it does not fit under the cap, whatever becomes of the rest.

    """
    worst = sending.worst_nusd or 0
    room = _NO_CAP if cap_nusd is None else cap_nusd - worst
    fits = connection.execute(
        "UPDATE sittings SET reserved_nusd = reserved_nusd + ? "
        "WHERE id = ? AND reserved_nusd + spent_nusd <= ?",
        [worst, sending.sitting, room],
    )
    if not fits.rowcount and cap_nusd is not None:
        _refuse_for_good(connection, sending.sitting, worst, cap_nusd)
        return None
    added = connection.execute(
        "INSERT INTO attempts (owner, session, digest, provider, model, began_at, worst_nusd) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            sending.owner,
            sending.session,
            sending.digest,
            sending.provider,
            sending.model,
            sending.began_at,
            sending.worst_nusd,
        ],
    )
    return added.lastrowid


def settle(connection: sqlite3.Connection, ticket: int, sending: Sending, ended: Ended) -> None:
    """Note how an attempt ended, and put what it cost in the place of its worst case."""
    worst = sending.worst_nusd or 0
    connection.execute(
        "UPDATE attempts SET state = ?, spent_nusd = ?, outcome = ? WHERE id = ?",
        [ended.state, ended.spent_nusd, ended.outcome, ticket],
    )
    connection.execute(
        "UPDATE sittings SET reserved_nusd = reserved_nusd - ?, spent_nusd = spent_nusd + ? WHERE id = ?",
        [worst, ended.spent_nusd if ended.spent_nusd is not None else worst, sending.sitting],
    )


def _refuse_for_good(connection: sqlite3.Connection, sitting: int, worst: int, cap_nusd: int) -> None:
    """Raise unless the attempt may fit once what is in flight has ended."""
    reserved, spent = connection.execute(
        "SELECT reserved_nusd, spent_nusd FROM sittings WHERE id = ?", [sitting]
    ).fetchone()
    if not reserved or spent + worst > cap_nusd:
        raise SpendCapReached(
            f"the next attempt may cost up to {usd(worst)}, and {usd(spent + reserved)} of {usd(cap_nusd)} "
            "are spent or set aside"
        )


def claim(connection: sqlite3.Connection, digest: bytes, owner: int, now_s: float, until_s: float) -> Claim:
    """Say that ``owner`` makes this call, unless another does so and its lease lasts."""
    connection.execute("DELETE FROM claims WHERE digest = ? AND until_s < ?", [digest, now_s])
    connection.execute("INSERT OR IGNORE INTO claims VALUES (?, ?, ?)", [digest, owner, until_s])
    held = connection.execute("SELECT owner FROM claims WHERE digest = ?", [digest]).fetchone()
    return "ours" if held[0] == owner else "taken"


def renew(connection: sqlite3.Connection, digest: bytes, owner: int, until_s: float) -> None:
    """Let a claim last longer: its call goes on."""
    connection.execute(
        "UPDATE claims SET until_s = max(until_s, ?) WHERE digest = ? AND owner = ?", [until_s, digest, owner]
    )


def release(connection: sqlite3.Connection, digest: bytes, owner: int) -> None:
    """Give a claim back."""
    connection.execute("DELETE FROM claims WHERE digest = ? AND owner = ?", [digest, owner])


def usd(nusd: int) -> str:
    """Return an amount as people read it."""
    return f"{nusd / 1e9:.6f} USD"
