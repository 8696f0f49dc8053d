"""What is called together: some cases under some policies."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from evalgate.core.calls import Caller
from evalgate.core.policy import Policy
from evalgate.core.run import Session
from evalgate.serving.serve import Asked

Side = Callable[[Caller], Awaitable[object]]
"""Something that makes calls."""


@dataclass(frozen=True, slots=True)
class Round:
    """Cases to call under policies, each case's sides back to back; ``more`` asks its judge further."""

    cases: frozenset[str]
    policies: tuple[Policy, ...]
    more: Callable[[Asked], list[Side]] | None = None


# Told the session and a Caller that knows every call of the rounds before.
Rounds = Callable[[Session, Caller], Iterator[Round]]
