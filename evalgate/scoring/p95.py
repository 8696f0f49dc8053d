"""P95 latency: each side, and the relative change between them."""

from typing import Literal

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.columns import Columns
from evalgate.scoring.latency import Times, latency_change, time_problem, touched
from evalgate.scoring.methods.arrays import Floats, Ints
from evalgate.scoring.methods.exceedance import SLOW_SHARE, Calls, ratio_limits, slow_counts
from evalgate.scoring.methods.harrell_davis import harrell_davis
from evalgate.scoring.methods.one_arm import clustered_quantile_interval, quantile_interval
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import Units, units_of

P95 = Literal["latency_p95", "ttft_p95", "tpot_p95", "turnaround"]
LEAST_CALLS = 40
"""Below this many calls a side, even an endless slowdown could not be told from chance at the P95."""


def p95_of(columns: Columns, setting: Setting, metric: P95 = "latency_p95") -> Measured:
    """Return one side's P95: Harrell and Davis' estimate, its interval between two order statistics."""
    calls = int(columns.present.sum())
    if problem := time_problem(columns) or _too_few(calls, metric):
        return problem
    return quantile_of(columns, 1 - SLOW_SHARE, setting)


def quantile_of(columns: Columns, share: float, setting: Setting) -> Estimate:
    """Return any quantile of one side's times, which must be finite and at least one."""
    units, times = units_of(columns), columns.latency_s[columns.present]
    weights = _call_weights(columns, units)
    estimate = harrell_davis(times, share, weights)
    if units.plain and columns.trials == 1:
        return setting.estimate(estimate, quantile_interval(times, share, setting.alpha), "order_statistic")
    every = np.ones(len(times)) if weights is None else weights
    codes = _call_units(columns, units)
    limits = clustered_quantile_interval(times, codes, every, share, setting.alpha)
    return setting.estimate(estimate, limits, "clustered_order_statistic")


def p95_change(pairs: Pairs, setting: Setting, gate_reason: str, metric: P95 = "latency_p95") -> Change:
    """Return the relative change in P95 latency; ``gate_reason`` says why it may not be gated, if so.

    Of another ``metric``, the columns hold its times in the place of latencies.
    """
    units = units_of(pairs.baseline)
    before, after = (p95_of(side, setting, metric) for side in (pairs.baseline, pairs.candidate))
    change = _estimate(pairs, units, (before, after), setting)
    if not isinstance(change, Estimate) or change.method == "identical":
        return latency_change(pairs, units, Times(metric, before, after, change), setting, gate_reason)
    slow = slow_counts(_calls(pairs, units))
    times = Times(metric, before, after, change, losses=slow.only_after, gains=slow.only_before)
    return latency_change(pairs, units, times, setting, gate_reason)


def _estimate(pairs: Pairs, units: Units, sides: tuple[Measured, Measured], setting: Setting) -> Measured:
    before, after = sides
    if not touched(pairs).any():
        return setting.estimate(0.0, (0.0, 0.0), "identical")
    if isinstance(before, Unmeasured):
        return before
    if isinstance(after, Unmeasured):
        return after
    if before.value == 0:
        return Unmeasured(
            "the baseline's P95 is 0 s, so a rise in percent means nothing; set an absolute max"
        )
    low, high = ratio_limits(_calls(pairs, units), setting.alpha)
    ratio = after.value / before.value
    return setting.estimate(ratio - 1, (min(low, ratio) - 1, max(high, ratio) - 1), "exceedance")


def _calls(pairs: Pairs, units: Units) -> Calls:
    before, after = pairs.baseline, pairs.candidate
    return Calls(
        before_s=before.latency_s[before.present],
        after_s=after.latency_s[before.present],
        units=_call_units(before, units),
        weights=_call_weights(before, units),
        single=units.single and before.trials == 1,
    )


def _call_units(columns: Columns, units: Units) -> Ints:
    return np.repeat(units.codes, columns.present.sum(axis=1))


def _call_weights(columns: Columns, units: Units) -> Floats | None:
    """A case weighs what it weighs however often it was tried; None when all calls weigh the same."""
    trials = columns.present.sum(axis=1)
    if not units.weighted and bool(np.all(trials == trials[0])):
        return None
    return np.repeat(units.weights / trials, trials)


def _too_few(calls: int, metric: P95) -> Unmeasured | None:
    if calls >= LEAST_CALLS:
        return None
    instead = ", or limit latency_geomean" if metric == "latency_p95" else ""
    counted = "1 call a side is" if calls == 1 else f"{calls} calls a side are"
    return Unmeasured(f"{counted} too few for a P95, which needs {LEAST_CALLS}; add cases or trials{instead}")
