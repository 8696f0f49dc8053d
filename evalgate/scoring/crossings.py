"""Where the monthly costs of two policies cross, step by step of their replicas.

Between two steps both costs are straight lines, so a crossing there is exact; at a step the dearer one may
change without the costs ever being equal. The search ends where nothing can change any more: once the policy
that costs less per further request is ahead by more than all that replicas can add, or nobody starts another.
"""

from math import inf

import numpy as np

from evalgate.core.breakeven import Crossing, Crossings, Fleet, MonthlyCost, Side
from evalgate.scoring.methods.arrays import Floats

MOST_STEPS = 200_000
_SAME = 1e-12


def crossings(policy: MonthlyCost, against: MonthlyCost, most_steps: int = MOST_STEPS) -> Crossings:
    """Return every traffic at which the cheaper of the two changes."""
    end, open_ended = _end(policy, against, most_steps)
    edges = _edges((*policy.fleets, *against.fleets), end)
    middle = (edges[1:] + edges[:-1]) / 2
    fixed = _fixed(policy, middle) - _fixed(against, middle)
    slope = policy.per_request_usd - against.per_request_usd
    left, right = fixed + slope * edges[:-1], fixed + slope * edges[1:]
    # A difference that is rounding error of the sums is none.
    scale = _SAME * (_fixed(policy, middle) + abs(policy.per_request_usd) * edges[1:])
    left, right = (np.where(np.abs(each) <= scale, 0.0, each) for each in (left, right))
    found: list[Crossing] = []
    before: Side | None = None
    first: Side | None = None
    for at in _candidates(left, right):
        for where, amount in ((edges[at], left[at]), (edges[at + 1], right[at])):
            side: Side | None = None if amount == 0 else "policy" if amount < 0 else "against"
            if side is None or side == before:
                continue
            if before is None:
                first = side
            else:
                found.append(_crossing(where, side, at, (edges, left, right)))
            before = side
    return Crossings(tuple(found), first, before, end, open_ended)


def _crossing(where: float, side: Side, at: int, lines: tuple[Floats, Floats, Floats]) -> Crossing:
    edges, left, right = lines
    if where == edges[at]:
        return Crossing(float(where), side, step=True)
    width, gap = edges[at + 1] - edges[at], left[at] - right[at]
    return Crossing(float(edges[at] + width * left[at] / gap), side, step=False)


def _candidates(left: Floats, right: Floats) -> list[int]:
    """The segments at whose ends, or inside which, the sign may differ from the one before."""
    signs = np.sign(np.column_stack([left, right])).ravel()
    kept = np.flatnonzero(signs)
    changes = kept[np.flatnonzero(np.diff(signs[kept], prepend=0.0))]
    return list(dict.fromkeys((changes // 2).tolist()))


def _fixed(cost: MonthlyCost, requests: Floats) -> Floats:
    """What the machines cost at each traffic, none of which is a step."""
    total = np.zeros(len(requests))
    for fleet in cost.fleets:
        needed = np.ceil(requests * fleet.per_request / fleet.per_month)
        total += np.maximum(needed, fleet.min_replicas) * fleet.replica_usd + fleet.ops_usd
    return total


def _edges(fleets: tuple[Fleet, ...], end: float) -> Floats:
    """The traffic at which any fleet starts another replica, between 0 and ``end``."""
    steps = [np.array([0.0, end])]
    for fleet in fleets:
        if fleet.per_request > 0:
            width = fleet.per_month / fleet.per_request
            steps.append(np.arange(fleet.min_replicas, int(end / width) + 1) * width)
    found = np.unique(np.concatenate(steps))
    return np.asarray(found[found <= end], dtype=np.float64)


def _end(policy: MonthlyCost, against: MonthlyCost, most_steps: int) -> tuple[float, bool]:
    """Return the traffic beyond which nothing changes, or up to which it is looked for, and which of the two.

    A fleet's cost lies between ``rate * requests`` and one replica above it, or is that of the least
    replicas.
    """
    rates = [_rate(each) for each in (policy, against)]
    gap = abs(rates[0] - rates[1])
    lowest = [sum(fleet.ops_usd for fleet in each.fleets) for each in (policy, against)]
    highest = [sum(fleet.ops_usd + fleet.replica_usd for fleet in each.fleets) for each in (policy, against)]
    cheap = 0 if rates[0] < rates[1] else 1
    settled = max(highest[cheap] - lowest[1 - cheap], 0.0) / gap if gap > 0 else inf
    widths = [
        fleet.per_month / fleet.per_request
        for each in (policy, against)
        for fleet in each.fleets
        if fleet.per_request > 0
    ]
    # Below this the least replicas still run, which the bounds above do not hold for.
    idle = max(
        (
            fleet.min_replicas * fleet.per_month / fleet.per_request
            for each in (policy, against)
            for fleet in each.fleets
            if fleet.per_request > 0
        ),
        default=1.0,
    )
    furthest = most_steps * min(widths) if widths else inf
    wanted = max(settled * (1 + 1e-9), idle * 1.001) if settled < inf else inf
    if wanted <= furthest and wanted < inf:
        return wanted, False
    # Without machines the lines are straight, and equal rates never part.
    return (idle, False) if furthest == inf else (furthest, True)


def _rate(cost: MonthlyCost) -> float:
    """USD of a further request when traffic is large."""
    return cost.per_request_usd + sum(
        fleet.per_request / fleet.per_month * fleet.replica_usd for fleet in cost.fleets
    )
