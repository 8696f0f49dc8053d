"""The stored questions nearest to a new one: one matrix of unit vectors, one product a lookup."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

_FIRST_ROWS = 64


class NearestKeys:
    """Keys with their unit vectors; all vectors have one length."""

    __slots__ = ("_at", "_keys", "_matrix")

    def __init__(self, length: int) -> None:
        """Start empty, for vectors of ``length`` numbers."""
        self._keys: list[str] = []
        self._at: dict[str, int] = {}
        self._matrix: NDArray[np.float32] = np.empty((_FIRST_ROWS, length), dtype=np.float32)

    @property
    def length(self) -> int:
        """How many numbers a vector has."""
        return int(self._matrix.shape[1])

    def add(self, key: str, vector: Sequence[float]) -> None:
        """Keep ``key``, over what was kept under it."""
        row = self._at.setdefault(key, len(self._keys))
        if row == len(self._keys):
            self._keys.append(key)
            if row == len(self._matrix):
                self._matrix = np.concatenate((self._matrix, np.empty_like(self._matrix)))
        self._matrix[row] = _unit(vector)

    def remove(self, key: str) -> None:
        """Forget ``key``; the last row takes its place."""
        row = self._at.pop(key, None)
        if row is None:
            return
        last = self._keys.pop()
        if last != key:
            self._keys[row] = last
            self._at[last] = row
            self._matrix[row] = self._matrix[len(self._keys)]

    def near(self, vector: Sequence[float], threshold: float) -> Iterator[tuple[str, float]]:
        """Yield the keys whose cosine with ``vector`` is ``threshold`` or more, the nearest first.

        Equally near ones come in the order of their keys, so that nothing depends on what was forgotten.
        """
        count = len(self._keys)
        # Not @: for one row at a time its threads cost ten times what they bring, more on a busy machine.
        cosines = np.einsum("ij,j->i", self._matrix[:count], _unit(vector))
        # Single floats: two copies of one vector may have a cosine a little below one.
        rows = np.flatnonzero(cosines >= threshold - 1e-6)
        found = [(float(cosines[row]), self._keys[row]) for row in rows]
        for cosine, key in sorted(found, key=lambda pair: (-pair[0], pair[1])):
            yield key, min(cosine, 1.0)


def _unit(vector: Sequence[float]) -> NDArray[np.float32]:
    numbers = np.asarray(vector, dtype=np.float64)
    largest = float(np.abs(numbers).max(initial=0.0))
    if largest == 0:
        return np.zeros(len(numbers), dtype=np.float32)
    scaled = numbers / largest
    return (scaled / np.sqrt(scaled @ scaled)).astype(np.float32)
