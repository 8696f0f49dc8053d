"""How long work tells whoever waits for it how far it is."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CallsSoFar:
    """What calling came to so far: calls made and reused, attempts in flight and failed, dollars at most."""

    made: int
    reused: int
    in_flight: int
    failed: int
    spent_usd: float


class Progress(Protocol):
    """Receives the progress of one piece of work at a time; whether it shows is its own business."""

    def start(self, label: str, total: int) -> None:
        """Begin a piece of work of ``total`` equal steps, named by a short present participle or noun."""
        ...

    def advance(self, n: int = 1) -> None:
        """Say that ``n`` more steps are finished."""
        ...

    def calls(self, so_far: CallsSoFar) -> None:
        """Say what the calls of the piece of work came to; said often, also when no step was finished."""
        ...

    def done(self) -> None:
        """End the piece of work, also when it stopped early."""
        ...
