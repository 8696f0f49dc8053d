"""What the local store holds, read call by call: a store of any size costs a replay only what it asks for."""

import hashlib
import logging
import os
import sqlite3
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from evalgate.core.run import Session
from evalgate.store.lines import SessionLine, Texts, attempts_of, response_of
from evalgate.store.local.opening import LocalConnection, connect, means_damage, prepare
from evalgate.store.local.place import StorePlace
from evalgate.store.reading import UNREADABLE, Recorded, decode_leniently
from evalgate.store.recordings import newest_first

_log = logging.getLogger(__name__)


class _Described(SessionLine):
    """A session's row; a newer evalgate of the same tables may know more of it."""

    texts: Texts = "all"


_decode_session = msgspec.json.Decoder(_Described).decode


class StoredCalls(Mapping[str, tuple[Recorded, ...]]):
    """The calls of a local store by digest, newest session first; what was committed last is seen next.

    A row whose hash does not verify is never served: it counts as not recorded, and is told of once.
    """

    def __init__(self, path: Path, only: Collection[str] | None = None) -> None:
        """Read the store at ``path``, of some sessions only where they are named.

        Raises:
            BadInput: a newer evalgate made the store.
            CannotJudge: it is damaged and in use.

        """
        self._place = StorePlace(path)
        self._only = only
        self._told = False
        self._texts: dict[str, Texts] = {}
        self._sessions: dict[str, Session] = {}
        self._open()

    @property
    def sessions(self) -> Mapping[str, Session]:
        """Every session by its id."""
        for name, described, sha256 in self._rows("SELECT id, described, sha256 FROM sessions"):
            if name not in self._sessions and hashlib.sha256(described).digest() == sha256:
                line = _decode_session(described)
                self._sessions[name] = Session(
                    line.id, line.started_at, line.interleaved, line.seed, line.origin
                )
                self._texts[name] = line.texts
        return self._sessions

    def __getitem__(self, digest: str) -> tuple[Recorded, ...]:
        """Return the recordings of ``digest``.

        Raises:
            KeyError: there is none.

        """
        rows = self.lines(digest)
        found = [each for session, line in rows if (each := self._recorded(session, line)) is not None]
        if not found:
            raise KeyError(digest)
        if len(found) > 1:
            sessions = self.sessions
            rank = {session.id: place for place, session in enumerate(newest_first(sessions.values()))}
            found.sort(key=lambda each: rank.get(each.session, len(rank)))
        return tuple(found)

    def __iter__(self) -> Iterator[str]:
        """Yield every digest once."""
        rows = self._rows("SELECT digest, session FROM calls ORDER BY digest")
        yield from dict.fromkeys(
            digest.hex() for digest, session in rows if self._only is None or session in self._only
        )

    def __len__(self) -> int:
        """Return how many digests there are."""
        return sum(1 for _ in self)

    def lines(self, digest: str) -> list[tuple[str, bytes]]:
        """Return the session and the line of each recording of ``digest`` whose hash verifies."""
        found = []
        for session, line, sha256 in self._rows(
            "SELECT session, line, sha256 FROM calls WHERE digest = ?", [_key(digest)]
        ):
            if self._only is not None and session not in self._only:
                continue
            if hashlib.sha256(line).digest() == sha256:
                found.append((session, line))
            else:
                self._tell_damaged()
        return found

    def texts_of(self, session: str) -> Texts:
        """Return whether the lines of ``session`` hold texts."""
        if session not in self._texts:
            _ = self.sessions
        return self._texts.get(session, "all")

    def unfinished(self, purpose: str, since: str) -> frozenset[str]:
        """Return the sessions with this purpose that started ``since`` then and were broken off."""
        rows = self._rows("SELECT id FROM sessions WHERE purpose = ? AND finished = 0", [purpose])
        sessions = self.sessions
        return frozenset(name for (name,) in rows if name in sessions and sessions[name].started_at >= since)

    def _recorded(self, session: str, line: bytes) -> Recorded | None:
        try:
            decoded = decode_leniently(line)
        except UNREADABLE:
            return None
        if decoded.digest is None:
            return None
        withheld = self.texts_of(session) == "none" or not bytes(decoded.request)
        response = None if decoded.response is None else response_of(decoded.response)
        return Recorded(decoded.digest, session, attempts_of(decoded.attempts), response, withheld)

    def _rows(self, query: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, list(values)).fetchall()
        except sqlite3.Error as error:
            if not means_damage(error):
                raise
        self._closing()
        self._place.forget_clean()
        self._open()
        return self._connection.execute(query, list(values)).fetchall()

    def _open(self) -> None:
        if not os.access(self._place.path.parent, os.W_OK):
            # A read-only checkout: nobody can write here, so there is nothing to lock, and nothing is mended.
            address = f"{self._place.path.absolute().as_uri()}?immutable=1"
            self._connection: sqlite3.Connection = sqlite3.connect(
                address, uri=True, check_same_thread=False, factory=LocalConnection
            )
            self._closing = weakref.finalize(self, self._connection.close)
            return
        with self._place.locked():
            prepare(self._place)
            self._connection = connect(self._place)
        self._closing = weakref.finalize(self, self._connection.close)

    def _tell_damaged(self) -> None:
        if not self._told:
            self._told = True
            _log.warning(
                "%s: a call's bytes are not those that were kept; it counts as not recorded "
                "(`evalgate store verify` counts such calls)",
                self._place.path,
            )


def _key(digest: str) -> bytes:
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return b""
