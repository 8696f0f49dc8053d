"""Who works on a store, and what may be spent: each one transaction's work.

Everything here runs on the writer's connection, inside its transaction. Amounts are nano-dollars. A *sitting*
is shared by all commands that run at the same time: a cap counts what all of them spend from the moment
when the first of them began.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from evalgate.core.errors import SpendCapReached
from evalgate.store.local.claims import renew
from evalgate.store.local.rows import flat, in_steps, places

# No sum of money is as large.
_NO_CAP = 2**62
_NOTE = "INSERT INTO attempts (owner, session, digest, provider, model, began_at, worst_nusd) VALUES "
_END = (
    "WITH ended (id, state, nusd, outcome) AS (VALUES (?)) "
    "UPDATE attempts SET state = ended.state, spent_nusd = ended.nusd, outcome = ended.outcome "
    "FROM ended WHERE attempts.id = ended.id"
)


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


@dataclass(slots=True)
class Noting:
    """An attempt to be noted under a cap; ``ticket`` is set once it is.

    ``renew_until_s`` is how long the claim to its call must last at least, where it would end before.
    """

    sending: Sending
    cap_nusd: int | None
    renew_until_s: float | None = None
    ticket: int | None = None


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


def note(connection: sqlite3.Connection, wanted: Sequence[Noting]) -> list[int | SpendCapReached | None]:
    """Note attempts and set their worst cases aside; return the ticket of each.

    None instead of a ticket says that it does not fit beside what is in flight, and may fit once that has
    ended; an error that it does not fit under the cap, whatever becomes of the rest.
    """
    for each in wanted:
        if each.renew_until_s is not None:
            renew(connection, each.sending.digest, each.sending.owner, each.renew_until_s)
    by_cap: defaultdict[tuple[int, int | None], list[Noting]] = defaultdict(list)
    for each in wanted:
        by_cap[each.sending.sitting, each.cap_nusd].append(each)
    refused: dict[int, SpendCapReached] = {}
    for (sitting, cap), group in by_cap.items():
        if _set_aside(connection, sitting, sum(each.sending.worst_nusd or 0 for each in group), cap):
            _insert(connection, group)
            continue
        for each in group:
            try:
                _note_one(connection, each)
            except SpendCapReached as error:
                refused[id(each)] = error
    return [refused.get(id(each), each.ticket) for each in wanted]


def settle(connection: sqlite3.Connection, ends: Sequence[tuple[Noting, Ended]]) -> list[None]:
    """Note how attempts ended, and put what they cost in the place of their worst cases.

    One that was never noted is passed over.
    """
    noted = [(noting, ended) for noting, ended in ends if noting.ticket is not None]
    rows = [[each.ticket, ended.state, ended.spent_nusd, ended.outcome] for each, ended in noted]
    for some in in_steps(rows):
        connection.execute(_END.replace("(?)", places(some)), flat(some))
    by_sitting: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for noting, ended in noted:
        worst = noting.sending.worst_nusd or 0
        spent = worst if ended.spent_nusd is None else ended.spent_nusd
        by_sitting[noting.sending.sitting].append((worst, spent))
    for sitting, amounts in by_sitting.items():
        connection.execute(
            "UPDATE sittings SET reserved_nusd = reserved_nusd - ?, spent_nusd = spent_nusd + ? WHERE id = ?",
            [sum(worst for worst, _ in amounts), sum(spent for _, spent in amounts), sitting],
        )
    return [None] * len(ends)


def _note_one(connection: sqlite3.Connection, noting: Noting) -> None:
    sending = noting.sending
    worst = sending.worst_nusd or 0
    if _set_aside(connection, sending.sitting, worst, noting.cap_nusd):
        _insert(connection, [noting])
    elif noting.cap_nusd is not None:
        _refuse_for_good(connection, sending.sitting, worst, noting.cap_nusd)


def _set_aside(connection: sqlite3.Connection, sitting: int, worst: int, cap_nusd: int | None) -> bool:
    room = _NO_CAP if cap_nusd is None else cap_nusd - worst
    fits = connection.execute(
        "UPDATE sittings SET reserved_nusd = reserved_nusd + ? "
        "WHERE id = ? AND reserved_nusd + spent_nusd <= ?",
        [worst, sitting, room],
    )
    return fits.rowcount == 1


def _insert(connection: sqlite3.Connection, noted: Sequence[Noting]) -> None:
    for some in in_steps(noted):
        rows = [
            [
                each.owner,
                each.session,
                each.digest,
                each.provider,
                each.model,
                each.began_at,
                each.worst_nusd,
            ]
            for each in (noting.sending for noting in some)
        ]
        added = connection.execute(_NOTE + places(rows), flat(rows))
        assert added.lastrowid is not None
        # Inside a transaction nobody else takes a number in between.
        for ticket, noting in enumerate(some, added.lastrowid - len(some) + 1):
            noting.ticket = ticket


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


def usd(nusd: int) -> str:
    """Return an amount as people read it."""
    return f"{nusd / 1e9:.6f} USD"
