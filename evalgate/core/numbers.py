"""Numbers that may be missing, and numbers with an interval."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Why a number is missing. A missing number is never 0 and never NaN."""

    reason: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    ``level`` is the two-sided coverage of ``[low, high]`` (0.90 when ``alpha`` is 0.05 per side). An
    unbounded side is an infinity.
    """

    value: float
    low: float
    high: float
    level: float
    method: str


Measured = Estimate | Unmeasured
