"""Which cases a router learns from, and which of them judge it: whole clusters, chosen by a seed."""

import hashlib
from collections.abc import Sequence

from evalgate.core.routing import RoutingCase


def split_cases(
    cases: Sequence[RoutingCase], share: float, seed: int
) -> tuple[tuple[RoutingCase, ...], tuple[RoutingCase, ...]]:
    """Return the cases to learn from (about ``share`` of the clusters) and those to hold out.

    A cluster's side depends on its own name and the seed alone, so that new cases move no old one.
    """
    learned = tuple(each for each in cases if _place(each.cluster, f"{seed} split") < share)
    kept = {id(each) for each in learned}
    return learned, tuple(each for each in cases if id(each) not in kept)


def fold_of(cases: Sequence[RoutingCase], strata: Sequence[int], folds: int, seed: int) -> list[int]:
    """Return the fold of each case: clusters in an order that the seed decides, dealt out by stratum.

    ``strata`` is what is to be learned. If folds differed in it, each would be predicted from a base rate
    that is low just where its own is high, and a score that knows nothing would look worse than a coin.
    """
    stratum: dict[str, int] = {}
    for each, own in zip(cases, strata, strict=True):
        stratum[each.cluster] = max(own, stratum.get(each.cluster, own))
    clusters = sorted(stratum, key=lambda name: (stratum[name], _place(name, f"{seed} folds")))
    at = {name: index % folds for index, name in enumerate(clusters)}
    return [at[each.cluster] for each in cases]


def _place(name: str, salt: str) -> float:
    """Return a number in [0, 1) that looks random and is the same everywhere."""
    return int.from_bytes(hashlib.sha256(f"{salt} {name}".encode(errors="replace")).digest()[:8]) / 2**64
