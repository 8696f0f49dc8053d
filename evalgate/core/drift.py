"""Whether what was recorded is still what the providers answer."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PolicyDrift:
    """One policy on cases that were called again: how many answers were judged otherwise than recorded.

    ``rate`` is how often that happens from one trial to the next, at most, as ``basis`` says; ``p`` is the
    chance of so many flips if nothing drifted.
    """

    policy: str
    cases: int
    flips: int
    rate: float
    basis: str
    p: float


@dataclass(frozen=True, slots=True)
class Drift:
    """What refreshing a suite showed.

    ``no_longer`` names the recording sessions that do not hold any more, and why. ``served`` tells what
    providers now say of themselves (model, fingerprint) otherwise than when recorded.
    """

    policies: tuple[PolicyDrift, ...]
    served: tuple[str, ...] = ()
    no_longer: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
