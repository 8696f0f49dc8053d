"""Budgets: how much worse a metric may get, and where it must never go.

Every number carries a unit. A bare number is refused with the ways to write it, because ``max_drop: 1``
read as one percent by its writer and as one point by the gate is an incident.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from evalgate.core.metrics import METRICS, LimitName, Metric, Unit
from evalgate.core.prompt_cache_file import CacheState
from evalgate.core.quantities import EXAMPLES, Quantity, quantity
from evalgate.core.trials import TrialsPass
from evalgate.core.written import Written

OnInconclusive = Literal["block", "estimate", "warn"]
Scale = Literal["absolute", "relative"]

Points = Annotated[Quantity, quantity("pp")]
Percent = Annotated[Quantity, quantity("%")]
Dollars = Annotated[Quantity, quantity("usd")]
Time = Annotated[Quantity, quantity("s", "ms")]
Rate = Annotated[Quantity, quantity("rps")]
Deadline = Annotated[Quantity, quantity("min", "h")]


class ShareBudget(Written):
    """Limits on a metric that is a share of cases and better when higher."""

    max_drop: Points | None = None
    min: Percent | None = None
    on_inconclusive: OnInconclusive | None = None


class CostBudget(Written):
    """Limits on USD per correct answer."""

    max_rise: Percent | None = None
    max: Dollars | None = None
    on_inconclusive: OnInconclusive | None = None


class LatencyBudget(Written):
    """Limits on seconds a user waits."""

    max_rise: Percent | None = None
    max: Time | None = None
    on_inconclusive: OnInconclusive | None = None


class FailureBudget(Written):
    """Limits on the share of cases that get no answer at all."""

    max_rise: Points | None = None
    max: Percent | None = None
    on_inconclusive: OnInconclusive | None = None


class TurnaroundBudget(Written):
    """Limits on how long an answer may take that nobody waits for."""

    max_rise: Percent | None = None
    max: Deadline | None = None
    on_inconclusive: OnInconclusive | None = None


class FalseHitBudget(Written):
    """Limits on a share that a cache should keep at nothing: of its hits that are false, each pair of
    questions counting once; or of the golden near-misses that it merges.
    """

    max_rise: Points | None = None
    max: Percent | None = None
    on_inconclusive: OnInconclusive | None = None


class FlipBudget(Written):
    """Limits on the share of answers that a change may spoil: that flip, or that nothing can read."""

    max_rise: Points | None = None
    max: Percent | None = None
    on_inconclusive: OnInconclusive | None = None


class LengthBudget(Written):
    """Limits on how much longer answers become."""

    max_rise: Percent | None = None
    on_inconclusive: OnInconclusive | None = None


class ThroughputBudget(Written):
    """Limits on the requests a second that a policy carries."""

    max_drop: Percent | None = None
    min: Rate | None = None
    on_inconclusive: OnInconclusive | None = None


class SliceBudgets(Written):
    """Limits inside every slice ``by`` one key of the cases' ``slices``, or inside ``critical`` ones.

    Every slice is watched by a tripwire on accuracy; a slice listed in ``critical`` is a full budget.
    """

    by: str
    accuracy: ShareBudget | None = None
    critical: list[str] = []


class BudgetsFile(Written):
    """The limits of a suite; what a suite leaves out comes from ``evalgate.yaml``."""

    accuracy: ShareBudget | None = None
    score: ShareBudget | None = None
    cost_per_correct: CostBudget | None = None
    latency_p95: LatencyBudget | None = None
    latency_geomean: LatencyBudget | None = None
    failure_rate: FailureBudget | None = None
    ttft_p95: LatencyBudget | None = None
    tpot_p95: LatencyBudget | None = None
    turnaround: TurnaroundBudget | None = None
    false_hit_rate: FalseHitBudget | None = None
    near_miss_rate: FalseHitBudget | None = None
    hit_rate: ShareBudget | None = None
    positive_hit_rate: ShareBudget | None = None
    latency_p95_under_load: LatencyBudget | None = None
    throughput: ThroughputBudget | None = None
    flip_rate: FlipBudget | None = None
    format_failure_rate: FlipBudget | None = None
    answer_length: LengthBudget | None = None
    slices: SliceBudgets | None = None


def _day(value: object) -> object:
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or len(value) != len("2026-12-31"):
        raise ValueError(f"{value!r} is no day: write it as in 2026-12-31")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no day: write it as in 2026-12-31") from None


_DAY = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-12-31"])]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=_DAY)]


class WaiverFile(Written):
    """A wider allowance for one limit, until a day and for a reason.

    The unit says which limit is meant, as in ``budgets``: of ``accuracy`` and ``score``, ``pp`` is max_drop
    and ``%`` is min; of cost and latency ``%`` is max_rise, and a unit of their own is max; of throughput
    ``%`` is max_drop and ``rps`` is min; of shares that should be small ``pp`` is max_rise and ``%`` is max.
    """

    metric: Metric
    slice: str | None = None
    allowance: Annotated[Quantity, quantity("pp", "%", "usd", "s", "ms", "min", "h", "rps")]
    reason: Annotated[str, Field(min_length=1, max_length=300)]
    expiry: Day

    @model_validator(mode="after")
    def _is_of_a_limit(self) -> "WaiverFile":
        units = METRICS[self.metric].limits
        if self.allowance.written not in units:
            ways = " or ".join(EXAMPLES[unit] for unit in units)
            raise ValueError(f"{self.metric} has no limit in {self.allowance.written}: write {ways}")
        return self

    @property
    def limit(self) -> LimitName:
        """The limit that is widened."""
        return METRICS[self.metric].limits[self.allowance.written]


@dataclass(frozen=True, slots=True)
class Waiver:
    """A limit that may be exceeded up to ``allowance`` (base units) through the day ``expiry``."""

    metric: Metric
    limit: LimitName
    slice: str | None
    allowance: float
    reason: str
    expiry: str


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one metric. ``allowance`` is in base units: a share, a ratio minus one, USD or seconds."""

    metric: Metric
    limit: LimitName
    allowance: float
    unit: Unit
    scale: Scale
    on_inconclusive: OnInconclusive
    slice: str | None = None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the gate judges by; taken from the baseline's side so that a change cannot loosen it.

    ``alpha`` is one-sided per limit. ``slice_by`` names the key of the cases' slices that slice limits use.
    ``trials_pass`` says what the trials of a case must show for it to be correct. ``prompt_cache`` is the
    state of provider prompt caches by which costs are judged; None: both, and they must agree.
    """

    limits: tuple[Limit, ...]
    alpha: float = 0.05
    slice_by: str | None = None
    inference: Literal["population", "suite"] = "population"
    cleanup_usd_per_wrong: float = 0.0
    trials_pass: TrialsPass | None = None
    waivers: tuple[Waiver, ...] = ()
    prompt_cache: CacheState | None = None


Alpha = Annotated[float, Field(gt=0, lt=0.5)]
