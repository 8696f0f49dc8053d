"""What calls cost that were really made, as far as anybody knows."""

from dataclasses import dataclass

from evalgate.core.numbers import Unmeasured


@dataclass(frozen=True, slots=True)
class Spend:
    """Money of attempts: what was billed, and the worst case of those that may have been billed.

    ``unknown`` is the reason why some attempt has neither a cost nor a worst case.
    """

    billed_usd: float = 0.0
    possible_usd: float = 0.0
    possible_attempts: int = 0
    unknown: str | None = None

    @property
    def at_most_usd(self) -> float | Unmeasured:
        """Everything, with what may have been billed at its worst."""
        if self.unknown is not None:
            return Unmeasured(self.unknown)
        return self.billed_usd + self.possible_usd


NOTHING_SPENT = Spend()
