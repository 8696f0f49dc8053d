"""What the calibration is made of: rows that measure rates, and the targets over them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

ALPHA = 0.05


@dataclass(frozen=True)
class Row:
    """One line of a table. ``rates`` maps a seeded generator and a number of draws to named rates."""

    name: str
    draws: int
    rates: Callable[[np.random.Generator, int], dict[str, float]]
    tags: frozenset[str] = frozenset()

    def measure(self, share: float) -> dict[str, float]:
        seed = int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:8], "big")
        return self.rates(np.random.default_rng(seed), max(int(self.draws * share), 1))


@dataclass(frozen=True)
class Target:
    """A bound on one rate over all rows that carry ``tag`` (every row without one)."""

    says: str
    rate: str
    bound: float
    tag: str | None = None
    at_least: bool = False

    def covers(self, row: Row) -> bool:
        return self.tag is None or self.tag in row.tags


@dataclass(frozen=True)
class Section:
    title: str
    rows: tuple[Row, ...]
    targets: tuple[Target, ...] = field(default=())


def verdict_rates(
    limits: Callable[[np.random.Generator, bool], tuple[float, float]], margin: float, *, drop: bool
) -> Callable[[np.random.Generator, int], dict[str, float]]:
    """Rates of a row from ``limits``, which draws one sample (at the margin or not) and returns its interval.

    ``drop``: the interval is of candidate minus baseline and must stay above ``-margin``; else it is of the
    ratio and must stay below ``1 + margin``.
    """

    def passes(low: float, high: float) -> bool:
        return low >= -margin if drop else high <= 1 + margin

    def fails(low: float, high: float) -> bool:
        return high < -margin if drop else low > 1 + margin

    def rates(rng: np.random.Generator, draws: int) -> dict[str, float]:
        bad = [limits(rng, True) for _ in range(draws)]
        same = [limits(rng, False) for _ in range(draws)]
        return {
            "false pass": float(np.mean([passes(*each) for each in bad])),
            "false fail": float(np.mean([fails(*each) for each in bad])),
            "power": float(np.mean([passes(*each) for each in same])),
        }

    return rates
