"""Who makes which call, where several processes might: each one transaction's work."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evalgate.store.local.rows import flat, in_steps, marks, places

Claim = Literal["ours", "taken"]
_LAPSED = "DELETE FROM claims WHERE until_s < ?"
_CLAIM = "INSERT OR IGNORE INTO claims VALUES "
_HELD = "SELECT digest, owner FROM claims WHERE digest IN "
_RELEASE = "DELETE FROM claims WHERE owner = ? AND digest IN "


@dataclass(frozen=True, slots=True)
class Claiming:
    """A wish to make the call of a digest, until then at first; moments are seconds since 1970."""

    digest: bytes
    owner: int
    now_s: float
    until_s: float


def claim(connection: sqlite3.Connection, wanted: Sequence[Claiming]) -> list[Claim]:
    """Say who makes which call: whoever claims it, unless another does so and its lease lasts."""
    now_s = max(each.now_s for each in wanted)
    connection.execute(_LAPSED, [now_s])
    rows = [[each.digest, each.owner, each.until_s] for each in wanted]
    held: dict[bytes, int] = {}
    for some in in_steps(rows):
        connection.execute(_CLAIM + places(some), flat(some))
        digests = [row[0] for row in some]
        held |= connection.execute(_HELD + marks(digests), digests)
    return ["ours" if held[each.digest] == each.owner else "taken" for each in wanted]


def renew(connection: sqlite3.Connection, digest: bytes, owner: int, until_s: float) -> None:
    """Let a claim last longer: its call goes on."""
    connection.execute(
        "UPDATE claims SET until_s = max(until_s, ?) WHERE digest = ? AND owner = ?", [until_s, digest, owner]
    )


def release(connection: sqlite3.Connection, claims: Sequence[tuple[int, bytes]]) -> list[None]:
    """Give claims back, each of an owner to the call of a digest."""
    for owner in {owner for owner, _ in claims}:
        for some in in_steps([digest for whose, digest in claims if whose == owner]):
            connection.execute(_RELEASE + marks(some), [owner, *some])
    return [None] * len(claims)
