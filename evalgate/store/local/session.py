"""One session of calls that go to the local store."""

from dataclasses import replace

from evalgate.core.calls import Call
from evalgate.core.run import Session
from evalgate.store.encode import call_bytes, session_bytes
from evalgate.store.lines import Texts
from evalgate.store.local.store import LocalStore


class SessionWriter:
    """Keeps the calls of one session.

    A digest that the session holds already goes to a session beside it (``<id>.2``): one session never says
    two things of one call. With ``texts`` none, requests and answers are left out.
    """

    def __init__(self, store: LocalStore, session: Session, purpose: str, *, texts: Texts = "all") -> None:
        """Keep calls in ``store``; a session without a call leaves no trace."""
        self.session = session
        self._store = store
        self._purpose = purpose
        self._texts: Texts = texts
        self._digests: set[str] = set()
        self._beside: SessionWriter | None = None

    def write(self, call: Call) -> str:
        """Keep one call and return the id of the session that now holds it; it is on the disk soon after.

        Raises:
            CannotJudge: nothing can be written any more; every call on the disk is kept.
            ValueError: a number is NaN or infinite.

        """
        digest = call.request.digest
        if digest in self._digests:
            return self._writer_beside().write(call)
        line = call_bytes(call, self.session.id, self._texts)
        if not self._digests:
            self._store.keep_session(self.session.id, session_bytes(self.session, self._texts), self._purpose)
        self._store.keep_call(digest, self.session.id, line)
        self._digests.add(digest)
        return self.session.id

    def _writer_beside(self) -> "SessionWriter":
        if self._beside is None:
            stem, _, number = self.session.id.rpartition(".")
            sibling = f"{stem}.{int(number) + 1}" if stem and number.isdecimal() else f"{self.session.id}.2"
            beside = replace(self.session, id=sibling)
            self._beside = SessionWriter(self._store, beside, self._purpose, texts=self._texts)
        return self._beside
