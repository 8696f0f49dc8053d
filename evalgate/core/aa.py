"""A policy against itself: what noise alone makes of every metric, and what the gate says of it."""

from dataclasses import dataclass

from evalgate.core.comparison import Change
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.power import BudgetPower
from evalgate.core.verdict import Check, Verdict


@dataclass(frozen=True, slots=True)
class TrialPair:
    """A trial against the one before it, judged as if it were a candidate."""

    before: int
    after: int
    changes: tuple[Change, ...]
    verdict: Verdict
    blocked: bool
    headline: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class SuiteAa:
    """One policy repeated on one suite.

    ``flip_rate`` is the share of cases on which two trials disagree about being correct. ``budgets`` say what
    an unchanged candidate can expect of each relative limit, given the noise that was seen.
    """

    suite: str
    policy: str
    cases: int
    trials: int
    flip_rate: Measured
    pairs: tuple[TrialPair, ...]
    budgets: tuple[BudgetPower, ...]
    made: int = 0
    spend_usd: float | Unmeasured = 0.0
