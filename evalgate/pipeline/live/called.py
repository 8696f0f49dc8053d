"""What a suite's policies are replayed from, and what it took to get it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalgate.core.spend import NOTHING_SPENT, Spend
from evalgate.store.recordings import Recordings

if TYPE_CHECKING:
    from evalgate.pipeline.live.looking import Looking


@dataclass(frozen=True, slots=True)
class Called:
    """Recordings to judge from; ``made`` are the digests of the calls that were made for it just now.

    ``interrupted`` says that somebody stopped before all of them were made.
    """

    recordings: Recordings
    made: frozenset[str] = frozenset()
    spend: Spend = NOTHING_SPENT
    looking: "Looking | None" = None
    notes: tuple[str, ...] = ()
    interrupted: bool = False
