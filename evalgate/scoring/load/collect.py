"""Micro-batching: which requests share a call, and when it goes.

The first request opens a window; the call goes when the window ends, or at once when it is full. Of Poisson
arrivals at rate ``r`` with room for all, a window of ``w`` seconds takes ``1 + r w`` requests on average and
lets them wait ``w (1 + r w / 2) / (1 + r w)`` seconds: the first waits all of it, those after it half.
"""

from dataclasses import dataclass

import numpy as np

from evalgate.core.load import Collector
from evalgate.scoring.methods.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Collected:
    """The calls: ``call_of[i]`` carries request ``i``; ``sent`` is when each goes, and ascends."""

    call_of: Ints
    sent: Floats

    def largest(self, values: Floats) -> Floats:
        """Return the largest of one number a request, call by call."""
        return np.asarray(np.maximum.reduceat(values, self._firsts)) if len(values) else values

    def total(self, values: Floats) -> Floats:
        """Return the sum of one number a request, call by call."""
        return np.asarray(np.add.reduceat(values, self._firsts)) if len(values) else values

    @property
    def _firsts(self) -> Ints:
        return np.searchsorted(self.call_of, np.arange(len(self.sent)))


def collected(asked: Floats, by: Collector) -> Collected:
    """Return the calls of requests that come at ``asked`` (ascending); one at a window's end is too late."""
    ends = np.searchsorted(asked, asked + by.window_s, side="left").tolist()
    firsts: list[int] = []
    sent: list[float] = []
    first, count = 0, len(asked)
    while first < count:
        after = max(first + 1, min(ends[first], first + by.max_size))
        full = after - first == by.max_size
        sent.append(float(asked[after - 1]) if full else float(asked[first]) + by.window_s)
        firsts.append(first)
        first = after
    sizes = np.diff([*firsts, count])
    return Collected(np.repeat(np.arange(len(sizes)), sizes), np.array(sent))
