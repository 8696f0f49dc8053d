"""How long work tells whoever waits for it how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of one piece of work at a time; whether it shows is its own business."""

    def start(self, label: str, total: int) -> None:
        """Begin a piece of work of ``total`` equal steps, named by a short present participle or noun."""
        ...

    def advance(self, n: int = 1) -> None:
        """Say that ``n`` more steps are finished."""
        ...

    def done(self) -> None:
        """End the piece of work, also when it stopped early."""
        ...
