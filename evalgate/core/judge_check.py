"""How far a judge can be trusted, in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

from evalgate.core.numbers import Measured, Unmeasured

TRUSTED_KAPPA = 0.6


@dataclass(frozen=True, slots=True)
class Agreement:
    """The judge beside people on answers of one kind (all, or those of one target).

    ``sensitivity`` is the share of right answers that the judge accepts, ``specificity`` the share of wrong
    ones that it refuses. ``kappa`` is agreement beyond chance.
    """

    labelled: int
    kappa: Measured
    sensitivity: Measured
    specificity: Measured


@dataclass(frozen=True, slots=True)
class JudgeCheck:
    """Everything that is known about one judge on one suite.

    ``flicker`` is the share of answers that got different grades when judged more than once. ``bias`` is how
    much the judge favours the candidate: its error in points there minus its error on the baseline. ``next``
    lists the cases to label first, ``labels_needed`` how many labelled cases with differing answers would do
    for the budget; None without a budget or where no number would.
    """

    agreement: Agreement
    by_target: Mapping[str, Agreement]
    flicker: Measured
    bias: Measured
    labelled: int
    differing: int
    next: tuple[str, ...]
    labels_needed: int | None

    @property
    def trusted(self) -> bool:
        """Whether agreement is good enough to be called calibrated."""
        kappa = self.agreement.kappa
        return not isinstance(kappa, Unmeasured) and kappa.value >= TRUSTED_KAPPA


@dataclass(frozen=True, slots=True)
class ToLabel:
    """An answer that somebody should label, as a line of ``labels.jsonl`` that lacks the verdict."""

    case: str
    answer: str
    question: str
    said: str


@dataclass(frozen=True, slots=True)
class SuiteJudgeCheck:
    """The judge of one suite, seen on the answers of two policies (the same twice where there is one).

    ``budget`` is the drop of accuracy that labels should decide, None without a limit on it. ``made`` and
    ``spend_usd`` tell what asking the judge again took.
    """

    suite: str
    judge: str
    baseline: str
    candidate: str
    budget: float | None
    found: JudgeCheck
    to_label: tuple[ToLabel, ...]
    made: int = 0
    spend_usd: float | Unmeasured = 0.0
