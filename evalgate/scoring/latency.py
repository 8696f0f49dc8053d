"""What both latency metrics share: when times may be compared at all, and how a change is put together."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.affected import NONE
from evalgate.scoring.assumptions import sampling, shared_calls
from evalgate.scoring.columns import Columns
from evalgate.scoring.lag import change_mismeasured_because
from evalgate.scoring.methods.arrays import Bools
from evalgate.scoring.methods.special import ndtri
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import Units


@dataclass(frozen=True, slots=True)
class Times:
    """One metric of times: both sides, the change, and slow counts where the method counts them."""

    metric: Literal["latency_p95", "latency_geomean", "ttft_p95", "tpot_p95", "turnaround"]
    baseline: Measured
    candidate: Measured
    change: Measured
    losses: int | None = None
    gains: int | None = None


def time_problem(columns: Columns) -> Unmeasured | None:
    """Return why these times make no metric, if so."""
    if columns.n == 0:
        return Unmeasured("there are no cases")
    odd = ~(np.isfinite(columns.latency_s) & (columns.latency_s >= 0)) & columns.present
    if not odd.any():
        return None
    row, trial = (int(index[0]) for index in np.nonzero(odd))
    return Unmeasured(
        f"the latency of case {columns.name(row)!r} is {columns.latency_s[row, trial]:g} s; "
        "latencies are finite and not negative"
    )


def touched(pairs: Pairs) -> Bools:
    """Return the cases whose latency differs, or could have: their calls were made anew."""
    return np.asarray(pairs.differs.latency | (pairs.differs.source != NONE))


def latency_change(pairs: Pairs, units: Units, times: Times, setting: Setting, gate_reason: str) -> Change:
    """Put a latency change together; ``gate_reason`` says why it may not be gated, empty if it may."""
    affected = touched(pairs)
    gated = not gate_reason or not affected.any()
    return Change(
        metric=times.metric,
        slice=setting.slice,
        scale="relative",
        unit="s",
        baseline=times.baseline,
        candidate=times.candidate,
        change=times.change,
        method=times.change.method if isinstance(times.change, Estimate) else "none",
        level=setting.level,
        n=pairs.n,
        clusters=units.count,
        trials=pairs.baseline.trials,
        affected=int(affected.sum()),
        losses=times.losses,
        gains=times.gains,
        gated=gated,
        not_gated_because="" if gated else gate_reason,
        mismeasured_because=change_mismeasured_because(pairs) if affected.any() else "",
        sd=_log_sd(times.change, units, setting),
        assumptions=shared_calls(pairs.n, int(affected.sum()), setting.recorded)
        + _failed(pairs)
        + sampling(units),
    )


def exp_or_inf(value: float) -> float:
    """Return ``e**value``, infinity where a double cannot hold it."""
    return math.exp(value) if value < 700 else math.inf


def _failed(pairs: Pairs) -> tuple[str, ...]:
    failed = int((pairs.baseline.failed | pairs.candidate.failed).any(axis=1).sum())
    return (f"failed cases ({failed}) count with the time until they failed",) if failed else ()


def _log_sd(change: Measured, units: Units, setting: Setting) -> float | None:
    if not isinstance(change, Estimate) or change.low <= -1 or math.isinf(change.high):
        return None
    half = (math.log1p(change.high) - math.log1p(change.low)) / 2
    return half / float(ndtri(1 - setting.alpha)) * math.sqrt(units.count)
