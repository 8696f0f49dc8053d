"""The curve of every metric over one or two settings of a policy: it shows, and never gates."""

from collections.abc import Mapping
from dataclasses import dataclass

from evalgate.core.metrics import Metric
from evalgate.core.numbers import Measured


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """The policy with its swept keys at ``values``.

    ``strong_share`` is None without a router. ``pareto`` marks points that no other beats in accuracy and
    cost per correct at once; ``in_policy`` the point where the policy stands as written; ``in_production``
    the one with the baseline's numbers, if it has all of them. ``missing`` says why nothing was measured
    here, with ``metrics`` then empty.
    """

    values: tuple[float, ...]
    metrics: Mapping[Metric, Measured]
    strong_share: float | None = None
    in_policy: bool = False
    in_production: bool = False
    pareto: bool = False
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """All points of one policy on one suite; each interval is two-sided at ``level``."""

    suite: str
    policy: str
    keys: tuple[str, ...]
    points: tuple[SweepPoint, ...]
    level: float
    cases: int
