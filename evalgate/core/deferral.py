"""What every threshold of a cascade would give."""

from dataclasses import dataclass

from evalgate.core.numbers import Measured


@dataclass(frozen=True, slots=True)
class DeferralPoint:
    """One threshold: who is escalated below it, and what that gives. ``chosen`` is the policy's own."""

    escalate_below: float
    escalation_rate: float
    accuracy: Measured
    cost_per_correct: Measured
    latency_p95: Measured
    chosen: bool


@dataclass(frozen=True, slots=True)
class DeferralCurve:
    """A cascade over a suite, from never escalating to always."""

    suite: str
    policy: str
    points: tuple[DeferralPoint, ...]
