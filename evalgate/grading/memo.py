"""What was made of a grader's spec, remembered by the spec itself: specs hold dicts and cannot be hashed."""

from collections.abc import Callable
from typing import Generic, TypeVar

Spec = TypeVar("Spec")
Made = TypeVar("Made")

_MOST = 64


class MadeOf(Generic[Spec, Made]):
    """Remembers ``make(spec)`` for the specs seen last; they are frozen, so what was made stays true."""

    def __init__(self, make: Callable[[Spec], Made]) -> None:
        """Remember what ``make`` returns."""
        self._make = make
        # The spec is kept beside what was made of it, so that its identity is not given to another.
        self._made: dict[int, tuple[Spec, Made]] = {}

    def __call__(self, spec: Spec) -> Made:
        """Return what was made of ``spec``, made now if it was not yet."""
        known = self._made.get(id(spec))
        if known is not None:
            return known[1]
        if len(self._made) >= _MOST:
            self._made.clear()
        made = self._make(spec)
        self._made[id(spec)] = (spec, made)
        return made
