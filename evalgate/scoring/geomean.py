"""Geometric-mean latency: decidable with a tenth of the calls that a P95 needs."""

import math

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.scoring.columns import Columns
from evalgate.scoring.latency import Times, exp_or_inf, latency_change, time_problem, touched
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.paired_t import t_interval
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import Units, units_of


def geomean_of(columns: Columns, setting: Setting) -> Measured:
    """Return one side's geometric mean, with the t interval of the mean log latency."""
    if problem := time_problem(columns) or _not_positive(columns):
        return problem
    units = units_of(columns)
    found = t_interval(units.sums(_log_latency(columns)), units.sizes, setting.alpha)
    return setting.estimate(
        exp_or_inf(found.value), (exp_or_inf(found.low), exp_or_inf(found.high)), "t_of_logs"
    )


def geomean_change(pairs: Pairs, setting: Setting, gate_reason: str) -> Change:
    """Return the relative change, by the paired t interval of log latencies."""
    units = units_of(pairs.baseline)
    before, after = (geomean_of(side, setting) for side in (pairs.baseline, pairs.candidate))
    change = _estimate(pairs, units, (before, after), setting)
    times = Times("latency_geomean", before, after, change)
    return latency_change(pairs, units, times, setting, gate_reason)


def _estimate(pairs: Pairs, units: Units, sides: tuple[Measured, Measured], setting: Setting) -> Measured:
    if not touched(pairs).any():
        return setting.estimate(0.0, (0.0, 0.0), "identical")
    for side in sides:
        if isinstance(side, Unmeasured):
            return side
    moved = _log_latency(pairs.candidate) - _log_latency(pairs.baseline)
    found = t_interval(units.sums(moved), units.sizes, setting.alpha)
    limits = (exp_or_inf(found.low) - 1, exp_or_inf(found.high) - 1)
    return setting.estimate(math.expm1(found.value), limits, "paired_t_of_logs")


def _log_latency(columns: Columns) -> Floats:
    return columns.mean(np.log(np.where(columns.present, columns.latency_s, 1.0)))


def _not_positive(columns: Columns) -> Unmeasured | None:
    zero = (columns.latency_s <= 0) & columns.present
    if not zero.any():
        return None
    row = int(np.nonzero(zero)[0][0])
    return Unmeasured(
        f"the latency of case {columns.name(row)!r} is 0 s, and a geometric mean needs times above zero "
        f"({int(zero.any(axis=1).sum())} such cases); declare lookup_s, or limit latency_p95"
    )
