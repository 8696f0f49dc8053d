"""Runs and results as pandas DataFrames, one flat row each; pandas is imported when one is made."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from evalgate.core.digest import valid_text
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.outcome import Answer, Cost, Failure, Grade, Graded
from evalgate.core.run import Run
from evalgate.core.verdict import Check, Decision, Judgement, SideSummary

if TYPE_CHECKING:
    from pandas import DataFrame

Cell = str | float | int | bool | None
Row = dict[str, Cell]


def outcomes_frame(runs: Iterable[Run]) -> "DataFrame":
    """Return one row for every case and trial of every run.

    A missing number is a missing cell, and the column beside it says why; slices are columns of their own.
    """
    return _frame([_outcome(run, graded) for run in runs for graded in run.results])


def checks_frame(decision: Decision) -> "DataFrame":
    """Return one row for every judged limit."""
    return _frame(
        [_check(judgement, check) for judgement in decision.judgements for check in judgement.checks]
    )


def _frame(rows: list[Row]) -> "DataFrame":
    import pandas as pd  # noqa: PLC0415  the extra `data`, and half a second

    # Parquet and CSV are UTF-8, which has no lone surrogates.
    return pd.DataFrame([{valid_text(key): _valid(cell) for key, cell in row.items()} for row in rows])


def _valid(cell: Cell) -> Cell:
    return valid_text(cell) if isinstance(cell, str) else cell


def _outcome(run: Run, graded: Graded) -> Row:
    outcome, grade = graded.outcome, graded.grade
    return {
        "suite": run.manifest.suite,
        "policy": run.manifest.policy,
        "policy_digest": run.manifest.policy_digest,
        "suite_digest": run.manifest.suite_digest,
        "case": outcome.case_id,
        "trial": outcome.trial,
        "group": graded.group,
        "weight": graded.weight,
        "target": graded.target,
        **_result(outcome.result),
        "deployment": outcome.deployment,
        "latency_s": outcome.latency_s,
        "batch_window_s": outcome.batch_window_s,
        "ttft_s": None if outcome.tokens is None else outcome.tokens.ttft_s,
        "tpot_s": None if outcome.tokens is None else outcome.tokens.tpot_s,
        **_cost(graded.cost),
        "cleanup_usd": _cleanup_usd(run, grade),
        "score": None if grade is None else grade.score,
        "correct": None if grade is None else grade.correct,
        "label": None if grade is None else grade.label,
        "readable": None if grade is None else grade.readable,
        "grade_reason": None if grade is None else grade.reason,
        **_path(graded),
        **{f"slice.{key}": value for key, value in graded.slices.items()},
    }


def _result(result: Answer | Failure) -> Row:
    match result:
        case Answer(text=text):
            return {"answer": text, "failure": None, "failure_reason": None}
        case Failure(kind=kind, reason=reason):
            return {"answer": None, "failure": kind, "failure_reason": reason}


_PARTS_OF_COST = (
    "retries_usd",
    "fallbacks_usd",
    "escalations_usd",
    "confidence_usd",
    "hedges_usd",
    "wasted_usd",
)


def _cost(cost: Cost | Unmeasured) -> Row:
    match cost:
        case Cost():
            parts = {name: getattr(cost, name) for name in _PARTS_OF_COST}
            return {"cost_usd": cost.total_usd, **parts, "cost_unmeasured": None}
        case Unmeasured(reason=reason):
            return {"cost_usd": None, **dict.fromkeys(_PARTS_OF_COST), "cost_unmeasured": reason}


def _cleanup_usd(run: Run, grade: Grade | None) -> float | None:
    rules = run.manifest.rules
    # Under a rule over its trials a case is repaired as a whole, which no single row can say.
    if grade is None or rules.trials_pass is not None:
        return None
    return rules.cleanup_usd_per_wrong * (not grade.correct)


def _path(graded: Graded) -> Row:
    outcome = graded.outcome
    attempts = [attempt for step in outcome.steps for attempt in step.attempts]
    usages = [attempt.usage for attempt in attempts if attempt.usage is not None]
    return {
        "cache_hit": None if outcome.cache is None else outcome.cache.hit,
        "cache_source": None if outcome.cache is None else outcome.cache.source,
        "cache_similarity": None if outcome.cache is None else outcome.cache.similarity,
        "hit": None if graded.hit is None else graded.hit.kind,
        "router_score": None if outcome.route is None else outcome.route.score,
        "router_strong": None if outcome.route is None else outcome.route.strong,
        "calls": len(outcome.steps),
        "attempts": len(attempts),
        "fallbacks": sum(step.role == "fallback" for step in outcome.steps),
        "hedges": sum(step.role == "hedge" for step in outcome.steps),
        "faulted": sum(attempt.fault_at_s is not None for attempt in attempts),
        "skipped": " ".join(outcome.skipped),
        "escalations": sum(step.role == "escalate" for step in outcome.steps),
        "confidence": outcome.stages[0].confidence if outcome.stages else None,
        "input_tokens": sum(usage.input_tokens or 0 for usage in usages) if usages else None,
        "cached_input_tokens": _told([usage.cached_input_tokens for usage in usages]),
        "cache_write_tokens": _told([usage.cache_write_tokens for usage in usages]),
        "output_tokens": sum(usage.output_tokens or 0 for usage in usages) if usages else None,
        "sessions": " ".join(dict.fromkeys(step.session for step in outcome.steps if step.recorded)),
    }


def _told(counts: Sequence[int | None]) -> int | None:
    """The sum of what was said; None where nobody said anything, which is not none."""
    told = [each for each in counts if each is not None]
    return sum(told) if told else None


def _check(judgement: Judgement, check: Check) -> Row:
    return {
        "suite": judgement.suite,
        "baseline": judgement.baseline,
        "candidate": judgement.candidate,
        "metric": check.metric,
        "slice": check.slice,
        "limit": check.limit,
        "allowance": check.allowance,
        "unit": check.unit,
        "scale": check.scale,
        "verdict": check.verdict,
        "blocked": check.blocked,
        "gated": check.gated,
        "reason": check.reason,
        **_measured("baseline", check.baseline),
        **_measured("candidate", check.candidate),
        **_measured("change", check.change),
        "method": check.method,
        "level": check.level,
        "n": check.n,
        "clusters": check.clusters,
        "trials": check.trials,
        "affected": check.affected,
        "losses": check.losses,
        "gains": check.gains,
        "cases_needed": check.cases_needed,
        "requests_per_month": judgement.requests_per_month,
        **_side_money("baseline", judgement.baseline_side if judgement.baseline else None),
        **_side_money("candidate", judgement.candidate_side),
    }


def _side_money(name: str, side: SideSummary | None) -> Row:
    """What one policy costs beside the limit that the row is about; nothing where there is no baseline."""
    month = None if side is None else side.month_usd
    return {
        f"{name}_cleanup_usd": None if side is None else side.cleanup_usd,
        f"{name}_month_usd": None if isinstance(month, Unmeasured) else month,
    }


def _measured(name: str, measured: Measured) -> Mapping[str, Cell]:
    if isinstance(measured, Unmeasured):
        numbers: tuple[float | None, ...] = (None, None, None)
        why: str | None = measured.reason
    else:
        numbers, why = (measured.value, measured.low, measured.high), None
    return {
        f"{name}_value": numbers[0],
        f"{name}_low": numbers[1],
        f"{name}_high": numbers[2],
        f"{name}_unmeasured": why,
    }
