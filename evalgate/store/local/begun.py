"""Calls that were broken off between their retries: what was tried counts when they are gone on with."""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping

import msgspec

from evalgate.core.calls import Attempt
from evalgate.store.lines import AttemptLine, attempts_of

Begun = Mapping[str, tuple[Attempt, ...]]
"""The attempts of calls that were never finished, by digest."""

_TRIED = (
    "SELECT session, digest, outcome FROM attempts AS tried WHERE session >= ? AND outcome IS NOT NULL "
    "AND NOT EXISTS "
    "(SELECT 1 FROM calls WHERE calls.digest = tried.digest AND calls.session = tried.session) ORDER BY id"
)
_decode = msgspec.json.Decoder(AttemptLine).decode


def begun(connection: sqlite3.Connection, since: str, only: Collection[str] | None = None) -> Begun:
    """Return the failed attempts of sessions whose ids are not before ``since``, of some only where named.

    One that was in flight when its process ended has no outcome: it may have been billed, and is made again.
    """
    found: defaultdict[str, list[AttemptLine]] = defaultdict(list)
    for session, digest, outcome in connection.execute(_TRIED, [since]):
        if only is not None and session not in only:
            continue
        try:
            line = _decode(outcome)
        except msgspec.DecodeError:
            continue  # it was refused, or never sent
        if line.error is not None:
            found[digest.hex()].append(line)
    return {digest: attempts_of(lines) for digest, lines in found.items()}
