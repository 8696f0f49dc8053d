"""A random order of cases that anybody can check: it follows from the id of a recording session alone."""

import hashlib
from collections.abc import Iterable


def drawn_order(session: str, case_ids: Iterable[str]) -> list[str]:
    """Return the cases in the session's own order, by the SHA-256 of its id and theirs.

    A session's id is random, so the first so many of any cases are a random sample of them; and as the order
    is no more than ids, whoever reads the recordings can tell such a sample from a chosen one.
    """
    return sorted(case_ids, key=lambda case_id: _rank(session, case_id))


def _rank(session: str, case_id: str) -> bytes:
    return hashlib.sha256(f"{session}\0{case_id}".encode(errors="surrogatepass")).digest()
