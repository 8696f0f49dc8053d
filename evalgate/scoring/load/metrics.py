"""P95 under load and throughput as changes that the gate judges."""

from math import inf, log1p, sqrt

import numpy as np

from evalgate.core.budgets import Rules
from evalgate.core.comparison import Change
from evalgate.core.load import LoadComparison, Traffic
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.run import Run
from evalgate.scoring.load.compare import NO_BASELINE, Asked, compare_under_load
from evalgate.scoring.load.demand import demand_of, uncounted
from evalgate.scoring.load.replicate import Side
from evalgate.scoring.methods.special import ndtri
from evalgate.scoring.turnaround import NOBODY_WAITS

NO_TRAFFIC = Unmeasured("the suite says nothing of its traffic; add traffic: {rps: …} to suite.yaml")
_LOADED: tuple[Metric, ...] = ("latency_p95_under_load", "throughput")


def load_changes(baseline: Run | None, candidate: Run, rules: Rules) -> tuple[Change, ...]:
    """Return the changes under load that ``rules`` limit; nothing is simulated where they limit none."""
    wanted = [metric for metric in _LOADED if any(limit.metric == metric for limit in rules.limits)]
    if not wanted:
        return ()
    traffic = (baseline or candidate).manifest.traffic
    found = under_load(baseline, candidate, traffic, rules) if traffic is not None else NO_TRAFFIC
    return tuple(_change(metric, found, len(_weights(candidate)), rules) for metric in wanted)


def under_load(
    baseline: Run | None,
    candidate: Run,
    traffic: Traffic,
    rules: Rules,
    *,
    within_s: float | None = None,
    curves: bool = False,
) -> LoadComparison | Unmeasured:
    """Return both runs under ``traffic``, or why what was recorded does not tell.

    Throughput is the rate that keeps the P95 within ``within_s``, or else what ``rules`` say of it.
    """
    before, after = None if baseline is None else _side(baseline), _side(candidate)
    if isinstance(before, Unmeasured):
        return before
    if isinstance(after, Unmeasured):
        return after
    asked = Asked(traffic, within_s or p95_within(rules), rules.alpha, curves=curves)
    return compare_under_load(candidate.manifest.suite, before, after, _weights(candidate), asked)


def p95_within(rules: Rules) -> float | None:
    """Return the P95 that throughput must keep: the absolute limit under load, else the one without."""
    for metric in ("latency_p95_under_load", "latency_p95"):
        for limit in rules.limits:
            if limit.metric == metric and limit.limit == "max":
                return limit.allowance
    return None


def _side(run: Run) -> Side | Unmeasured:
    stations = run.manifest.stations
    counted = frozenset(each.name for each in stations if each.engine or each.tokens_per_s is not None)
    waited = [each for each in run.results if each.outcome.batch_window_s is None]
    if missing := uncounted(waited, counted):
        return Unmeasured(
            f"{missing} calls of {run.manifest.policy} did not tell their tokens, which its tpm or "
            "service_time needs"
        )
    if all(graded.outcome.batch_window_s is not None for graded in run.results):
        return Unmeasured(f"{run.manifest.policy}: {NOBODY_WAITS}")
    if any(step.role == "hedge" for graded in run.results for step in graded.outcome.steps):
        return Unmeasured(
            f"{run.manifest.policy} sends calls beside slow ones, and what is simulated asks one at a time; "
            "measure it without hedge_after_s"
        )
    numbers = {each.name: at for at, each in enumerate(stations)}
    windows_s = [0.0 if each.collects is None else each.collects.window_s for each in stations]
    return Side(run.manifest.policy, demand_of(run.results, numbers, windows_s), stations)


def _weights(run: Run) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([graded.weight for graded in run.results], dtype=np.float64)


def _change(metric: Metric, found: LoadComparison | Unmeasured, n: int, rules: Rules) -> Change:
    sides: tuple[Measured, Measured]
    change: Measured
    if isinstance(found, Unmeasured):
        sides, change = (found, found), found
    elif metric == "throughput":
        before = found.baseline.ceiling_rps if found.baseline is not None else NO_BASELINE
        sides = before, found.candidate.ceiling_rps
        change = found.ceiling_change
    else:
        before = found.baseline.p95_s if found.baseline is not None else NO_BASELINE
        sides = before, found.candidate.p95_s
        change = found.p95_change
    return Change(
        metric=metric,
        slice=None,
        scale="relative",
        unit="rps" if metric == "throughput" else "s",
        baseline=sides[0],
        candidate=sides[1],
        change=change,
        method=change.method if isinstance(change, Estimate) else "none",
        level=1 - 2 * rules.alpha,
        n=n,
        clusters=n,
        trials=1,
        affected=n,
        sd=_sd(change, n, rules.alpha),
        assumptions=() if isinstance(found, Unmeasured) else (_assumption(found),),
    )


def _sd(change: Measured, n: int, alpha: float) -> float | None:
    """What one case contributes on the logarithm, from the interval of a bootstrap over cases."""
    if not isinstance(change, Estimate) or change.low <= -1 or change.high == inf:
        return None
    return (log1p(change.high) - log1p(change.low)) / 2 / float(ndtri(1 - alpha)) * sqrt(n)


def _assumption(found: LoadComparison) -> str:
    come = "as in the trace" if found.traffic.arrived_s else f"with burstiness {found.traffic.burstiness:g}"
    return (
        f"simulated: {found.traffic.rps:.4g} requests/s {come}, {found.replications} times "
        f"{found.requests:,} requests, in queues that serve first who comes first"
    )
