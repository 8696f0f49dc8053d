"""What a suite can see: the smallest effects, and what its budgets would need."""

from dataclasses import dataclass
from typing import Literal

from evalgate.core.metrics import Metric
from evalgate.core.numbers import Unmeasured

Basis = Literal["repeats", "comparison", "assumed"]


@dataclass(frozen=True, slots=True)
class BudgetPower:
    """What a relative budget needs under no change, and the chance of no verdict as things are.

    ``trials`` is 1 where repeats do not pay; else ``cases_repeated`` cases with so many runs each would do.
    """

    metric: Metric
    allowance: float
    cases: int | Unmeasured
    inconclusive: float | Unmeasured
    trials: int = 1
    cases_repeated: int | None = None


@dataclass(frozen=True, slots=True)
class SuitePower:
    """One suite: its independent graded cases, how often answers flip, and on what that number rests."""

    suite: str
    cases: int
    alpha: float
    flip_rate: float
    basis: Basis
    basis_text: str
    resolves: dict[Metric, float | Unmeasured]
    budgets: tuple[BudgetPower, ...]
