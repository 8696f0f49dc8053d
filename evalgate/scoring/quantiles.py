"""Quantiles of one policy's times, with intervals: for showing, never for judging."""

from collections.abc import Sequence

from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.run import Run
from evalgate.scoring.columns import columns_of
from evalgate.scoring.latency import time_problem
from evalgate.scoring.p95 import quantile_of
from evalgate.scoring.setting import Setting
from evalgate.scoring.token_times import TokenMetric, known_alone, token_timed
from evalgate.scoring.turnaround import interactive


def latency_quantiles(run: Run, shares: Sequence[float], alpha: float) -> tuple[Measured, ...]:
    """Return the latencies that ``shares`` of the requests stay below."""
    columns = interactive(columns_of(run))
    if problem := time_problem(columns):
        return (problem,) * len(shares)
    return tuple(quantile_of(columns, share, Setting(alpha)) for share in shares)


def token_quantiles(
    run: Run, metric: TokenMetric, shares: Sequence[float], alpha: float
) -> tuple[Measured, ...]:
    """Return the times of tokens that ``shares`` of the requests stay below, of those that are known."""
    columns = token_timed(known_alone(interactive(columns_of(run)), metric), metric)
    if columns.n == 0 or columns.tokens is None:
        return (Unmeasured("nobody said when the tokens came"),) * len(shares)
    return tuple(quantile_of(columns, share, Setting(alpha)) for share in shares)
