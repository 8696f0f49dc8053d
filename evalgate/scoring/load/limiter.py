"""A quota per minute as the generic cell rate algorithm sees it (GCRA, ITU-T I.371), in closed form."""

from math import inf

import numpy as np

from evalgate.scoring.methods.arrays import Floats

# Providers fill their buckets by the second or faster, so what may come at once is a second's worth.
BURST_S = 1.0


def admitted(asked: Floats, amounts: Floats, per_s: float | None) -> Floats:
    """Return when each request of ``amounts`` (requests, or tokens) is let through.

    ``asked`` ascends; ``per_s`` is the sustained quota per second, None without one. The theoretical arrival
    time is ``T_i = max(T_(i-1), asked_i) + amount_i / per_s``, and request i goes at the later of ``asked_i``
    and ``T_(i-1)`` less the burst, which is a running maximum.
    """
    if per_s is None or not len(asked):
        return asked
    takes = amounts / per_s
    before = np.concatenate(([0.0], np.cumsum(takes)[:-1]))
    theoretical = np.maximum.accumulate(asked - before) + before + takes
    previous = np.concatenate(([-inf], theoretical[:-1]))
    return np.asarray(np.maximum(asked, previous - BURST_S))
