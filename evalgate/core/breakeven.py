"""What two policies cost a month at any traffic, and the traffic at which the cheaper one changes."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from evalgate.core.numbers import Estimate, Measured

Side = Literal["policy", "against"]
# Traffic that fills replicas exactly must not need one more by the last bit of a float.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Fleet:
    """The machines behind one deployment.

    A request takes ``per_request`` of what they serve (tokens, or requests); a replica serves ``per_month``
    of it at ``utilisation``, and costs ``replica_usd`` a month. ``ops_usd`` comes on top of all of them.
    """

    deployment: str
    per_request: float
    per_month: float
    utilisation: float
    replica_usd: float
    ops_usd: float
    min_replicas: int

    def replicas(self, requests: float) -> int:
        """Return how many must run so that none is fuller than planned."""
        needed = requests * self.per_request / self.per_month
        return max(self.min_replicas, ceil(needed * (1 - _ROUNDING)))

    def fill(self, requests: float) -> float:
        """Return how full they are then, as a share of what they serve within the objective."""
        served = self.replicas(requests) * self.per_month / self.utilisation
        return requests * self.per_request / served

    def usd(self, requests: float) -> float:
        """Return what they cost a month."""
        return self.replicas(requests) * self.replica_usd + self.ops_usd


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """What a policy costs a month: ``per_request_usd`` for every request, and its machines."""

    policy: str
    per_request_usd: float
    fleets: tuple[Fleet, ...] = ()

    def usd(self, requests: float) -> float:
        """Return the cost of a month with so many requests."""
        return requests * self.per_request_usd + sum(fleet.usd(requests) for fleet in self.fleets)

    def filled(self, times: float) -> "MonthlyCost":
        """Return the same with replicas planned to be ``times`` as full, up to 1."""
        return replace(self, fleets=tuple(_filled(fleet, times) for fleet in self.fleets))


def _filled(fleet: Fleet, times: float) -> Fleet:
    utilisation = min(1.0, fleet.utilisation * times)
    per_month = fleet.per_month * utilisation / fleet.utilisation
    return replace(fleet, utilisation=utilisation, per_month=per_month)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Traffic, in requests a month, beyond which ``cheaper`` costs less; ``step`` where a replica starts."""

    requests: float
    cheaper: Side
    step: bool


@dataclass(frozen=True, slots=True)
class Crossings:
    """Every traffic at which the cheaper policy changes, ascending.

    ``first`` costs less at the least traffic, ``last`` beyond all crossings; either is None where both cost
    the same. Nothing changes beyond ``searched_to``, unless ``open_ended``: then nobody has looked there.
    """

    found: tuple[Crossing, ...]
    first: Side | None
    last: Side | None
    searched_to: float
    open_ended: bool = False

    def wins(self, side: Side) -> tuple[float, float] | None:
        """Return the least traffic at which ``side`` costs less, and that from which on it always does.

        None where it never does; the second is infinite where it does not stay the cheaper one.
        """
        starts = [each.requests for each in self.found if each.cheaper == side]
        if self.first == side:
            starts.insert(0, 0.0)
        if not starts:
            return None
        stays = starts[-1] if self.last == side and not self.open_ended else float("inf")
        return starts[0], stays


@dataclass(frozen=True, slots=True)
class AtTimes:
    """The crossings with machines planned to be ``times`` as full as stated."""

    times: float
    utilisations: tuple[tuple[str, float], ...]
    crossings: Crossings


@dataclass(frozen=True, slots=True)
class SideCost:
    """One policy: its monthly cost, how right it is, and its cost per correct answer as stated."""

    monthly: MonthlyCost
    accuracy: Measured
    cost_per_correct: Measured


@dataclass(frozen=True, slots=True)
class Breakeven:
    """Two policies over traffic on one suite.

    ``wins_from`` is the least traffic at which the policy costs less, ``stays_from`` that from which on it
    always does; both None where it never does. Their intervals come from drawing the cases anew.
    ``requests_per_month`` is the suite's own number.
    """

    suite: str
    cases: int
    policy: SideCost
    against: SideCost
    crossings: Crossings
    wins_from: Estimate | None
    stays_from: Estimate | None
    at_times: tuple[AtTimes, ...]
    requests_per_month: int | None
    cleanup_usd_per_wrong: float
    notes: tuple[str, ...] = ()
