"""What stands in a cell of somebody's table, as the kind of value that a case or a call needs."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal

from evalgate.core.digest import canonical_json, valid_text

_MILLISECONDS_FROM = 1e11


class UnfitValue(Exception):
    """A value that cannot be what it is needed as; carries the message and the cure."""

    def __init__(self, message: str, cure: str = "") -> None:
        """Say what is wrong and how to mend it."""
        super().__init__(message)
        self.message = message
        self.cure = cure


def as_plain(value: object) -> object:
    """Return a JSON value: times as ISO 8601 text, and None for NaN, which is how tables write "missing".

    Raises:
        UnfitValue: it holds bytes, a picture, or an infinity.

    """
    match value:
        case str() | bool() | int() | None:
            return value
        case float() | Decimal() if math.isfinite(value) or math.isnan(value):
            return None if math.isnan(value) else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            return {str(key): as_plain(each) for key, each in value.items()}
        case list() | tuple():
            return [as_plain(each) for each in value]
        case _:
            what = "an infinity" if isinstance(value, float | Decimal) else type(value).__name__
            raise UnfitValue(f"{what} has no place in a case", "choose another column, or leave this one out")


def as_text(value: object) -> str:
    """Return text as it is, and a number, true or false as JSON writes it.

    Raises:
        UnfitValue: it is a list or a mapping.

    """
    plain = as_plain(value)
    if isinstance(plain, str):
        return plain
    if isinstance(plain, bool | int | float):
        return canonical_json(plain)
    raise UnfitValue(f"expected text, found {_found(plain)}")


def as_number(value: object) -> float:
    """Return a number, also one that is written as text.

    Raises:
        UnfitValue: it is none, or not a finite one.

    """
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value):
        return value if isinstance(value, int) else float(value)
    if isinstance(value, str):
        text = value.strip()
        try:
            number = int(text) if text.removeprefix("-").isdecimal() else float(text)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
    raise UnfitValue(f"expected a number, found {_found(value)}")


def as_json(value: object) -> object:
    """Return what JSON text says; what is no text is returned as it is.

    Raises:
        UnfitValue: the text is not JSON.

    """
    if not isinstance(value, str):
        return as_plain(value)
    try:
        return as_plain(json.loads(value))
    except (ValueError, RecursionError) as error:
        raise UnfitValue(f"the text is not JSON: {error}") from None


def as_moment(value: object) -> float:
    """Return a time as seconds since 1970: ISO 8601 (UTC where no zone is written), seconds, or milliseconds.

    Raises:
        UnfitValue: it is none of them.

    """
    if isinstance(value, str):
        with suppress(ValueError):  # perhaps seconds, written as text
            value = datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
    try:
        number = as_number(value)
    except UnfitValue:
        cure = "write it like 2026-11-01T09:30:00Z, or as seconds since 1970"
        raise UnfitValue(f"expected a time, found {_found(value)}", cure) from None
    return number / 1000 if abs(number) >= _MILLISECONDS_FROM else number


def as_valid(value: object) -> object:
    """Return a JSON value whose texts are valid Unicode: each lone surrogate becomes U+FFFD."""
    match value:
        case str():
            return valid_text(value)
        case Mapping():
            return {valid_text(str(key)): as_valid(each) for key, each in value.items()}
        case list() | tuple():
            return [as_valid(each) for each in value]
        case _:
            return value


def _found(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return repr(value if len(value) <= 60 else value[:57] + "…")
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return repr(value)
