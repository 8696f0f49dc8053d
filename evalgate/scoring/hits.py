"""The cache hits of a run as columns: which are labelled, on which pair of questions, and which are false."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalgate.core.outcome import Graded
from evalgate.scoring.methods.arrays import Bools, Ints

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Hits:
    """One row a case and one column a trial.

    ``cached`` says whether the policy has a cache at all. ``pair`` indexes into ``names``; it is -1 where
    there is no hit that is labelled. ``unknown`` marks hits that nothing tells about, ``unproved`` false ones
    of which nobody knows what a fresh answer would have been. ``near`` is 1 for golden near-misses that the
    cache merges, 0 for those that it keeps apart, -1 for all other cases. ``right`` are hits that served a
    right answer.
    """

    cached: bool
    names: tuple[Pair, ...]
    pair: Ints
    false: Bools
    unknown: Bools
    unproved: Bools
    near: Ints
    right: Bools

    def take(self, rows: Ints | Bools) -> "Hits":
        """Return the hits of some cases only."""
        return Hits(
            self.cached,
            self.names,
            self.pair[rows],
            self.false[rows],
            self.unknown[rows],
            self.unproved[rows],
            self.near[rows],
            self.right[rows],
        )

    @property
    def pairs(self) -> frozenset[Pair]:
        """The distinct pairs of questions with a labelled hit."""
        return frozenset(self.names[code] for code in set(self.pair[self.pair >= 0].tolist()))

    @property
    def false_pairs(self) -> frozenset[Pair]:
        """Those of them of which a hit was false; a pair that was right before is no better for it."""
        return frozenset(self.names[code] for code in set(self.pair[self.false].tolist()))


def hits_of(results: Sequence[Graded], where: tuple[Ints, Ints], shape: tuple[int, int]) -> Hits:
    """Return the hits of a run whose outcomes go to rows and columns ``where`` of a table of ``shape``."""
    pair, near = (np.full(shape, -1, dtype=np.intp) for _ in range(2))
    false, unknown, unproved, right = (np.zeros(shape, dtype=np.bool_) for _ in range(4))
    codes: dict[Pair, int] = {}
    rows, columns = where
    for index, graded in enumerate(results):
        trace, hit = graded.outcome.cache, graded.hit
        if trace is None:
            continue
        at = rows[index], columns[index]
        if trace.near_miss is not None:
            near[at] = trace.near_miss
        if not trace.hit:
            continue
        # A run file of an earlier version says of its hits nothing but that there were any.
        unknown[at] = hit is None or hit.kind == "unlabelled"
        if hit is not None and not unknown[at]:
            pair[at] = codes.setdefault(hit.pair, len(codes))
            false[at], right[at] = hit.false, hit.kind == "right"
            unproved[at] = hit.false and hit.kind != "merged" and hit.fresh_correct is None
    cached = any(graded.outcome.cache is not None for graded in results)
    return Hits(cached, tuple(codes), pair, false, unknown, unproved, near, right)
