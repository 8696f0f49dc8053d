"""Many rows in few statements."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

# Few sizes, so that each statement is prepared once; SQLite takes at least 999 values at a time.
_AT_ONCE = (64, 16, 4, 1)


def in_steps(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut rows into pieces, each for one statement.

    While a statement runs other threads do, and one that is busy gives way again only milliseconds later.
    """
    start = 0
    for size in _AT_ONCE:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def places(rows: Sequence[Sequence[object]]) -> str:
    """Return the placeholders of what follows ``VALUES``."""
    return ", ".join([marks(rows[0])] * len(rows))


def marks(values: Sequence[object]) -> str:
    """Return a placeholder for each value, as they follow ``IN``."""
    return f"({', '.join('?' * len(values))})"


def flat(rows: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the values for the placeholders of these rows."""
    return [value for row in rows for value in row]
