"""Embeddings: as they are kept, and how near two of them are.

A vector is kept as little-endian IEEE 754 single floats, which is what embedding services compute and send:
a quarter of the size of its decimal digits, and exactly what was received.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

BYTES_PER_NUMBER = 4


def pack(numbers: Sequence[float]) -> bytes:
    """Return a vector as it is kept: 4 bytes a number, each rounded to the nearest single float.

    Raises:
        ValueError: there is no number, or one is not finite or beyond the range of single floats.

    """
    if not numbers:
        raise ValueError("there is no list of finite numbers")
    try:
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
    except OverflowError:
        packed = b""
    if not packed or not all(map(math.isfinite, numbers)):
        raise ValueError("the vector holds a number that is not finite as a single float")
    return packed


def unpack(packed: bytes) -> tuple[float, ...]:
    """Return the numbers of a vector that :func:`pack` made.

    Raises:
        ValueError: ``packed`` is no such vector.

    """
    count, rest = divmod(len(packed), BYTES_PER_NUMBER)
    if rest or not count:
        raise ValueError(f"{len(packed)} bytes are not a vector of single floats")
    numbers = struct.unpack(f"<{count}f", packed)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("the vector holds a number that is not finite")
    return numbers


def numbers_in(value: object) -> tuple[float, ...] | None:
    """Return the vector that ``value`` is: a list, tuple or array of finite numbers; None if it is none."""
    listed = listed_in(value)
    # Texts become numbers too easily; a list of plain floats needs no second look.
    if set(map(type, listed)) != {float} and any(isinstance(each, str | bytes) for each in listed):
        return None
    try:
        numbers = tuple(map(float, listed))
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if numbers and all(map(math.isfinite, numbers)) else None


def listed_in(value: object) -> list[Any]:
    """Return the items of a list, a tuple or an array; of anything else none."""
    # Arrays know how to become lists; numpy need not be imported to ask them.
    listed = value.tolist() if hasattr(value, "tolist") else value
    return list(listed) if isinstance(listed, list | tuple) else []


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of the angle between two vectors of one length, in -1..1; 0 when one is all zeros."""
    # Scaled first, so that neither very small nor very large numbers are lost in their squares.
    largest = max(map(abs, one), default=0.0), max(map(abs, other), default=0.0)
    if not all(largest):
        return 0.0
    ours, theirs = [x / largest[0] for x in one], [x / largest[1] for x in other]
    product = math.fsum(x * y for x, y in zip(ours, theirs, strict=True))
    return max(-1.0, min(1.0, product / (math.hypot(*ours) * math.hypot(*theirs))))
