"""What a reason quotes of an answer, and the text of a target."""

import json
from unicodedata import normalize

_LONGEST = 60


def excerpt(text: str) -> str:
    """Return ``text`` quoted, shortened, with line breaks and invisible characters escaped."""
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}…"


def canonical(text: str, *, ignore_case: bool) -> str:
    """Return ``text`` trimmed and in Unicode's composed form, so that what looks equal is equal."""
    text = text.strip()
    if not text.isascii():
        text = normalize("NFC", text)
    return text.casefold() if ignore_case else text


def target_text(target: object) -> str:
    """Return a target as the text an answer is compared with; anything but text becomes JSON."""
    return target if isinstance(target, str) else json.dumps(target, ensure_ascii=False)
