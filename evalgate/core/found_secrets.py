"""Secrets in texts that are about to be kept: the shapes of well-known keys, and the keys that are in use."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

_SHAPES = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a key of a model vendor": r"(?<![A-Za-z0-9])(?:sk|rk|pk|gsk|xai)-(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{20,}",
    "a token of GitHub": r"(?<![A-Za-z0-9])(?:gh[opsur]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    "a key of AWS": r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])",
    "a token of Slack": r"(?<![A-Za-z0-9])xox[abeprs]-[A-Za-z0-9-]{10,}",
    "a key of Google": r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}",
    "a token of Hugging Face": r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}",
    "a JSON web token": r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
}
_NAMED = [(kind, re.compile(shape)) for kind, shape in _SHAPES.items()]
_ANY = re.compile("|".join(_SHAPES.values()))
# Every shape holds one of these, and nearly no text does: looking for them takes a tenth of the time.
_MARKS = (
    *("PRIVATE KEY-----", "sk-", "rk-", "pk-", "xai-"),
    *("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_"),
    *("AKIA", "ASIA", "xox", "AIza", "hf_", "eyJ"),
)
# A shorter value would be found in texts that have nothing to do with it.
_SHORTEST_VALUE = 8


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A secret in a text; ``id`` names it without showing it, ``secret`` is for looking where it stands."""

    kind: str
    id: str
    secret: str

    def __repr__(self) -> str:
        """Show everything but the secret."""
        return f"FoundSecret({self.kind!r}, {self.id!r})"


def secret_in(text: str, keys: Collection[str], allowed: Collection[str] = ()) -> FoundSecret | None:
    """Return the first secret in ``text``: one of ``keys``, or a shape whose id is not among ``allowed``."""
    for key in keys:
        if len(key) >= _SHORTEST_VALUE and key in text:
            return _found("the value of a configured key", key)
    if not _has_mark(text) or _ANY.search(text) is None:
        return None
    found = (_found(kind, match[0]) for kind, shape in _NAMED for match in shape.finditer(text))
    return next((each for each in found if each.id not in allowed), None)


def _has_mark(text: str) -> bool:
    for mark in _MARKS:  # noqa: SIM110  a generator takes as long as the search that this spares
        if mark in text:
            return True
    return False


def _found(kind: str, secret: str) -> FoundSecret:
    return FoundSecret(kind, hashlib.sha256(secret.encode(errors="replace")).hexdigest()[:12], secret)
