"""First come, first served: when each of many requests starts, by the recursion of Kiefer and Wolfowitz.

Kiefer and Wolfowitz, "On the theory of queues with many servers", Transactions of the AMS 78 (1955): of the
moments at which the servers become free only the earliest matters, so a heap of them is the whole state.
"""

import heapq
from math import inf

import numpy as np

from evalgate.scoring.methods.arrays import Bools, Floats


def starts(ready: Floats, service_s: Floats, slots: int) -> Floats:
    """Return when each request starts to be served, given when it was ``ready`` (ascending) and how long it
    takes, with ``slots`` servers and one queue.

    One server is Lindley's recursion, which has a closed form in running sums and maxima.
    """
    if slots == 1:
        before = np.concatenate(([0.0], np.cumsum(service_s)[:-1]))
        return np.asarray(np.maximum.accumulate(ready - before) + before)
    free = [-inf] * min(slots, len(ready))
    replace = heapq.heapreplace
    begun = []
    for arrived, takes in zip(ready.tolist(), service_s.tolist(), strict=True):
        first = free[0]
        start = max(arrived, first)
        replace(free, start + takes)
        begun.append(start)
    return np.array(begun)


def starts_with_patience(
    asked: Floats, ready: Floats, service_s: Floats, slots: int | None, patience_s: float
) -> tuple[Floats, Bools]:
    """Return :func:`starts` where who would wait longer than ``patience_s`` goes away at once instead.

    ``asked`` is when each request came, ``ready`` when a limiter let it through. Also returns who stayed; the
    start of those who left means nothing.
    """
    stayed = ready - asked <= patience_s
    if slots is None:
        return ready, stayed
    free = [-inf] * min(slots, len(ready))
    begun = ready.copy()
    for at in np.flatnonzero(stayed).tolist():
        start = max(free[0], ready[at])
        if start - asked[at] > patience_s:
            stayed[at] = False
            continue
        begun[at] = start
        heapq.heapreplace(free, start + service_s[at])
    return begun, stayed
