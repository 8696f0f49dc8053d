"""One attempt with what came of it: the common result of every kind of provider."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from evalgate.core.calls import Attempt, Request, Response

_KEPT_CHARACTERS = 200
_OURS = secrets.token_bytes(16)


@dataclass(frozen=True, slots=True)
class Times:
    """How long an exchange took, and by how much at most our own loop has made that too long.

    ``opened`` says that a connection was opened for it.
    """

    latency_s: float
    lag_s: float
    opened: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt, the response it produced (if any), and one line for people on why it failed.

    ``detail`` is shown and never recorded: a provider's error text may quote the question. ``times`` are
    there where more is known of them than the loop tells.
    """

    attempt: Attempt
    response: Response | None
    detail: str = ""
    times: Times | None = None


class Model(Protocol):
    """Something that can be asked once; retries are the caller's."""

    async def attempt(self, request: Request, limit_s: float) -> Tried:
        """Ask once and give up after ``limit_s`` seconds.

        Raises:
            ProviderRefused: asking again, or asking anything else, would fail the same way.

        """
        ...

    async def close(self) -> None:
        """Release what the model holds."""
        ...


def timed_out(at: str, limit_s: float) -> Tried:
    """Return an attempt that was given up at ``limit_s``; its latency is exactly that, as replay expects."""
    attempt = Attempt(limit_s, "timeout", at=at, billing="possible")
    return Tried(attempt, None, f"no whole answer within {limit_s:g} s")


def within(tried: Tried, limit_s: float) -> Tried:
    """Return ``tried``, or a timeout when it took longer than ``limit_s``.

    Replay judges by the recorded latency alone, so an answer that slips in a moment after the limit must be
    a timeout here too. Its tokens stay: whoever hung up may still have been billed for them.
    """
    if tried.attempt.latency_s <= limit_s:
        return tried
    late = replace(
        tried.attempt, error="timeout", latency_s=limit_s, ttft_s=None, retry_after_s=None, billing="possible"
    )
    return Tried(late, None, f"took {tried.attempt.latency_s:.3f} s, the limit is {limit_s:g} s")


def body_digest(raw: bytes) -> str:
    """Return what tells a failure's body from another's: enough to see a failure repeat itself.

    It is keyed by this process, so that nobody can find out by guessing what the body said.
    """
    return hashlib.blake2b(raw, digest_size=8, key=_OURS).hexdigest()


def timestamp(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with milliseconds: ``2026-11-01T12:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def one_line(text: str, secret: str | None = None) -> str:
    """Return foreign text fit for a terminal: no control characters, no key, not long."""
    # A control character becomes a space, so that dropping it cannot put a torn key together again.
    shown = text.replace(secret, "[key]") if secret else text
    shown = " ".join("".join(letter if letter.isprintable() else " " for letter in shown).split())
    return shown if len(shown) <= _KEPT_CHARACTERS else shown[: _KEPT_CHARACTERS - 1] + "…"
