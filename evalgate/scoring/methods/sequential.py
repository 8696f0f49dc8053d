"""Stopping early without peeking: looks declared in advance, each at a stricter level.

Group-sequential bounds of Lan and DeMets (Biometrika 70, 1983, 659-663): a function says how much of alpha
may be spent by which share of the cases, and each look's bound spends what was added. To pass, spending is
that of O'Brien and Fleming (almost nothing early, so the last look costs next to nothing); to fail, Pocock's
(evenly, so a large regression stops soon). Both sides are bounded apart, each at ``alpha``.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from evalgate.core.run import Look
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.special import ndtr, ndtri

FRACTIONS = (0.10, 0.25, 0.50, 0.75, 1.0)
LEAST_DISCORDANT = 5
"""With fewer discordant cases expected at a look, z is not normal enough to look."""

Spending = Literal["obrien_fleming", "pocock"]
_GRID = 1201
_REACH = 8.0


def looks(
    cases: int, alpha: float, discordance: float | None = None, fractions: Sequence[float] = FRACTIONS
) -> tuple[Look, ...]:
    """Return the looks for a suite of ``cases``; the last is always at all of them.

    Looks at which fewer than five cases are expected to differ (``discordance`` times the cases) are left
    out before the bounds are set; without ``discordance`` all are kept. The bounds in z are ``-ndtri`` of
    the looks' levels.
    """
    kept = [
        fraction
        for fraction in fractions
        if fraction == 1 or (fraction * cases >= 1 and _enough(fraction * cases, discordance))
    ]
    to_pass = bounds(kept, alpha, "obrien_fleming")
    to_fail = bounds(kept, alpha, "pocock")
    return tuple(
        Look(math.ceil(fraction * cases - 1e-9), cases, ndtr(-high), ndtr(-low))
        for fraction, high, low in zip(kept, to_pass, to_fail, strict=True)
    )


def bounds(fractions: Sequence[float], alpha: float, spending: Spending) -> tuple[float, ...]:
    """Return the bound in z at each look, for rising ``fractions`` that end in 1, one-sided ``alpha``.

    The joint distribution of the looks is that of a random walk; it is carried from look to look on a grid
    (Armitage, McPherson, Rowe, JRSS A 132, 1969, 235-244) and each bound found by bisection.
    """
    found: list[float] = []
    spent, before = 0.0, 0.0
    points, density = np.zeros(1), np.ones(1)  # the walk B(t) = z sqrt(t) and its mass, so far unstopped
    for fraction in fractions:
        target = alpha_spent(fraction, alpha, spending) - spent
        step = math.sqrt(fraction - before)
        bound = _bound(points, density, step, max(target, 1e-15))
        found.append(bound / math.sqrt(fraction))
        points, density = _carried(points, density, step, bound, _REACH * math.sqrt(fraction))
        spent, before = alpha_spent(fraction, alpha, spending), fraction
    return tuple(found)


def alpha_spent(fraction: float, alpha: float, spending: Spending) -> float:
    """Return how much of ``alpha`` may be spent by a fraction of the cases; all of it at 1.

    O'Brien-Fleming: ``2 - 2 Phi(z_(alpha/2) / sqrt(t))``; Pocock: ``alpha ln(1 + (e - 1) t)``.
    """
    if spending == "obrien_fleming":
        return 2 * ndtr(-ndtri(1 - alpha / 2) / math.sqrt(fraction))
    return alpha * math.log(1 + (math.e - 1) * fraction)


def case_order(groups: Mapping[str, str | None], seed: int) -> tuple[str, ...]:
    """Return case ids in an order that the seed alone decides; cases of one group stay together.

    ``groups`` maps each case id to its group. A suite in its own order makes every early look wrong, as
    suites are sorted by topic; an order drawn from the ids is the same on every machine.
    """

    def drawn(case_id: str) -> tuple[bytes, bytes]:
        group = groups[case_id]
        unit = f"case:{case_id}" if group is None else f"group:{group}"
        return _draw(seed, unit), _draw(seed, f"case:{case_id}")

    return tuple(sorted(groups, key=drawn))


def _draw(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def _enough(cases: float, discordance: float | None) -> bool:
    return discordance is None or cases * discordance >= LEAST_DISCORDANT


def _bound(points: Floats, mass: Floats, step: float, target: float) -> float:
    """Where the walk, one step on, exceeds with probability ``target``."""
    low, high = -_REACH, 10 * _REACH
    for _ in range(80):
        middle = (low + high) / 2
        above = float(mass @ _tail((middle - points) / step))
        low, high = (middle, high) if above > target else (low, middle)
    return (low + high) / 2


def _carried(points: Floats, mass: Floats, step: float, bound: float, reach: float) -> tuple[Floats, Floats]:
    """The walk one step on where it stayed below ``bound``: Simpson's nodes and their masses."""
    nodes = np.linspace(-reach, min(bound, reach), _GRID)
    weights = np.full(_GRID, 2.0)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    weights *= (nodes[1] - nodes[0]) / 3
    steps = (nodes[:, np.newaxis] - points[np.newaxis, :]) / step
    density = np.exp(-(steps**2) / 2) @ mass / (step * math.sqrt(2 * math.pi))
    return nodes, weights * density


def _tail(z: Floats) -> Floats:
    return np.array([0.5 * math.erfc(each / math.sqrt(2)) for each in z.tolist()])
