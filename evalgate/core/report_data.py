"""Everything a report shows, gathered: nothing is computed, looked up or read while it is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evalgate.core.comparison import Change
from evalgate.core.messages import Message
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.run import Run
from evalgate.core.verdict import Decision, Judgement

ReportTexts = Literal["all", "changed", "none"]
CallKey = tuple[str, str]
"""A recorded call: its digest and the session it comes from."""


@dataclass(frozen=True, slots=True)
class CallText:
    """What one recorded call asked and what came back, untouched by response rules.

    ``answer`` is None where the call failed or its texts were not kept.
    """

    messages: tuple[Message, ...]
    answer: str | None


@dataclass(frozen=True, slots=True)
class PolicyPoint:
    """One policy of a suite in the plane of money and quality."""

    policy: str
    accuracy: Measured
    cost_per_correct: Measured


@dataclass(frozen=True, slots=True)
class QuantilePair:
    """One quantile of a time on both sides; ``share`` of the requests are no slower."""

    share: float
    baseline: Measured
    candidate: Measured


@dataclass(frozen=True, slots=True)
class LeverEffect:
    """How much one lever moved the mean cost of a request, in USD."""

    lever: str
    usd: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The mean cost of a request on both sides, and the levers that lead from one to the other.

    ``baseline_usd + sum(effects) + residual_usd == candidate_usd``; the residual is what no lever explains.
    """

    baseline_usd: float
    candidate_usd: float
    effects: tuple[LeverEffect, ...]
    residual_usd: float


@dataclass(frozen=True, slots=True)
class SliceTable:
    """Every value of one key of the cases' slices. ``gated`` says whether budgets look at this key."""

    key: str
    gated: bool
    changes: tuple[Change, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class SmallestEffect:
    """The smallest true change of a metric that this suite would tell from none four times in five."""

    metric: Metric
    size: float | Unmeasured
    relative: bool


@dataclass(frozen=True, slots=True)
class ComparisonData:
    """One judgement with the runs behind it; ``baseline`` is None where there is nothing to compare with.

    ``points`` holds every policy of the suite's run, ``latencies``, ``first_tokens`` and ``tokens`` (seconds
    per token after the first) the quantiles of both; the latter two are empty where nobody said when tokens
    came. ``exact_p`` is the two-sided p-value of McNemar's exact test on the flips.
    """

    judgement: Judgement
    baseline: Run | None
    candidate: Run
    points: tuple[PolicyPoint, ...]
    latencies: tuple[QuantilePair, ...]
    first_tokens: tuple[QuantilePair, ...]
    tokens: tuple[QuantilePair, ...]
    waterfall: Waterfall | Unmeasured
    slices: tuple[SliceTable, ...]
    smallest: tuple[SmallestEffect, ...]
    exact_p: float | Unmeasured


@dataclass(frozen=True, slots=True)
class ReportData:
    """A Decision and all that its reader may want to look at.

    ``comparisons`` stand in the order of the decision's judgements. ``inputs`` holds what each case of a
    suite asks (suite, then case id), ``calls`` the texts of recorded calls; either lacks what was not found,
    and ``texts_note`` then says why. ``texts`` says how much of them may stand in the report.
    """

    decision: Decision
    comparisons: tuple[ComparisonData, ...]
    inputs: Mapping[str, Mapping[str, str]]
    calls: Mapping[CallKey, CallText]
    texts: ReportTexts
    texts_note: str = ""
