"""Canonical JSON (RFC 8785) and the digest that names a recorded call.

Two calls are the same call exactly when their digests are equal. Deviations from RFC 8785, both needed
because requests hold what people and models wrote: lone surrogates are replaced by U+FFFD (the same text
is sent, so digest and wire agree), and integers beyond 2**53 are written as strings instead of refused.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring
from typing import cast

from evalgate.core.messages import Message, message_json

DIGEST_VERSION = 1
_MAX_SAFE_INTEGER = 2**53
# Sent on every request, or about bookkeeping: they do not decide what a model answers.
UNHASHED_PARAMS = frozenset({"stream", "stream_options", "user", "metadata"})


def valid_text(text: str) -> str:
    """Return ``text`` as valid Unicode: each lone surrogate becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def canonical_json(value: object) -> str:  # noqa: PLR0911  one return per JSON type
    """Return RFC 8785 canonical JSON of a JSON value.

    Raises:
        TypeError: ``value`` holds something that is not JSON.
        ValueError: ``value`` holds NaN or an infinity.

    """
    match value:
        case str():
            return encode_basestring(valid_text(value))
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) <= _MAX_SAFE_INTEGER else f'"{value}"'
        case float():
            return _ecmascript_number(value)
        case Mapping():
            items = cast("Mapping[str, object]", value)
            keys = sorted(items, key=_utf16_units)
            return (
                "{"
                + ",".join(f"{encode_basestring(valid_text(k))}:{canonical_json(items[k])}" for k in keys)
                + "}"
            )
        case list() | tuple():
            return "[" + ",".join([canonical_json(item) for item in value]) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} is not a JSON value")


def sha256_of(value: object) -> str:
    """Return the hex SHA-256 of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class DigestFrame:
    """The part of a digest that all calls to one deployment share, canonicalised once.

    The keys of a request sort as kind, messages, model, params, provider, quantization, revision, sample,
    trial, v; so everything but messages, sample and trial is a constant string around them.
    """

    __slots__ = ("_head", "_middle")

    def __init__(self, kind: str, identity: Mapping[str, object], params: Mapping[str, object]) -> None:
        """Prepare digests for calls of ``kind`` with this ``{provider, model, revision, quantization}``."""
        hashed = {key: value for key, value in params.items() if key not in UNHASHED_PARAMS}
        constants = {**identity, "params": hashed}
        self._head = f'{{"kind":{canonical_json(kind)},"messages":['
        self._middle = "]," + canonical_json(constants)[1:-1] + ',"sample":'

    def digest(self, messages: Sequence[Message], trial: int = 0, sample: int = 0) -> str:
        """Return the digest of one call: hex SHA-256, 64 characters."""
        text = (
            self._head
            + ",".join([_message_text(message) for message in messages])
            + f'{self._middle}{sample},"trial":{trial},"v":{DIGEST_VERSION}}}'
        )
        return hashlib.sha256(text.encode()).hexdigest()


def messages_json(messages: Sequence[Message]) -> str:
    """Return canonical JSON of a conversation in chat-completions form."""
    return f"[{','.join([_message_text(message) for message in messages])}]"


def _message_text(message: Message) -> str:
    if message.content is None or message.name or message.tool_calls or message.tool_call_id:
        return canonical_json(message_json(message))
    content = encode_basestring(valid_text(message.content))
    return f'{{"content":{content},"role":{encode_basestring(message.role)}}}'


def _utf16_units(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _ecmascript_number(number: float) -> str:
    """Write a float as ECMAScript does (ECMA-262, Number::toString), which RFC 8785 prescribes."""
    if not math.isfinite(number):
        raise ValueError(f"{number} has no JSON form")
    if number == 0:
        return "0"
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    return ("-" if number < 0 else "") + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"
