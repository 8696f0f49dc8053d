"""Runs made of plain numbers, for tests of what is computed from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalgate.core.budgets import Limit, OnInconclusive, Rules
from evalgate.core.calls import Attempt, Usage
from evalgate.core.metrics import METRICS, LimitName, Metric
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import (
    Answer,
    CacheTrace,
    Cost,
    Failure,
    Grade,
    Graded,
    Hit,
    Outcome,
    Step,
    TokenTimes,
)
from evalgate.core.run import Manifest, Run, Session

INTERLEAVED = Session(id="s1", started_at="2026-01-01T00:00:00Z", interleaved=True)


@dataclass(frozen=True)
class Served:
    """One case and trial in numbers. ``call`` names the recorded call; equal names are equal calls."""

    case: str
    right: bool | None = True
    cost: float | None = 0.01
    latency: float = 1.0
    call: str = "same"
    session: str = "s1"
    trial: int = 0
    score: float | None = None
    failed: bool = False
    group: str | None = None
    weight: float = 1.0
    slices: Mapping[str, str] = field(default_factory=dict)
    deployment: str = "strong"
    hit: Hit | None = None
    lag: float | None = None
    tokens: TokenTimes | None = None
    text: str | None = None
    output_tokens: int | None = None
    readable: bool | None = None
    finish: str | None = None
    batch_window: float | None = None
    turnaround: float | None = None


def graded(served: Served) -> Graded:
    right = bool(served.right) and not served.failed
    score = served.score if served.score is not None else float(right)
    text = f"{served.case}: {'right' if right else 'wrong'}" if served.text is None else served.text
    attempt = Attempt(
        latency_s=served.latency,
        error="timeout" if served.failed else None,
        usage=None if served.output_tokens is None else Usage(output_tokens=served.output_tokens),
        lag_s=served.lag,
        turnaround_s=served.turnaround,
    )
    return Graded(
        outcome=Outcome(
            case_id=served.case,
            trial=served.trial,
            result=(
                Failure("timeout", "no answer in time")
                if served.failed
                else Answer(text, finish_reason=served.finish)
            ),
            deployment=None if served.failed else served.deployment,
            latency_s=served.latency,
            cache=CacheTrace("key", hit=True, source=served.hit.pair[0]) if served.hit else None,
            steps=(
                Step(
                    "generate", served.deployment, f"{served.call}:{served.case}", served.session, (attempt,)
                ),
            ),
            tokens=served.tokens,
            batch_window_s=served.batch_window,
        ),
        cost=Unmeasured("usage is unknown") if served.cost is None else Cost(served.cost),
        grade=None
        if served.right is None
        else Grade(0.0 if served.failed else score, right, readable=served.readable),
        slices=dict(served.slices),
        group=served.group,
        weight=served.weight,
        target="right",
        hit=served.hit,
    )


def rules_of(*limits: Limit, **settings: object) -> Rules:
    return Rules(limits=limits, **settings)  # type: ignore[arg-type]


def limit_of(
    metric: Metric,
    name: LimitName,
    allowance: float,
    on_inconclusive: OnInconclusive = "estimate",
    **more: object,
) -> Limit:
    share = METRICS[metric].unit == "share"
    unit = "share" if name in {"max_drop", "max_rise"} else METRICS[metric].unit
    scale = "relative" if name == "max_rise" and not share else "absolute"
    return Limit(metric, name, allowance, unit, scale, on_inconclusive, **more)  # type: ignore[arg-type]


def run_of(
    served: Sequence[Served],
    policy: str = "production",
    rules: Rules | None = None,
    *,
    sessions: tuple[Session, ...] = (INTERLEAVED,),
    suite_digest: str = "d1",
) -> Run:
    return Run(
        manifest=Manifest(
            suite="tickets",
            policy=policy,
            policy_digest=policy,
            suite_digest=suite_digest,
            mode="replay",
            trials=1,
            ordered=False,
            labels=(),
            rules=rules or Rules(limits=()),
            prices={},
            sessions=sessions,
            policy_summary=(),
            requests_per_month=None,
            evalgate_version="0",
        ),
        results=tuple(graded(each) for each in served),
    )
