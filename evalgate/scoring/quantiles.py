"""Quantiles of one policy's times, with intervals: for showing, never for judging."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.outcome import Graded
from evalgate.core.run import Run
from evalgate.scoring.columns import columns_at, columns_of, places
from evalgate.scoring.latency import time_problem
from evalgate.scoring.p95 import quantile_of
from evalgate.scoring.setting import Setting


def latency_quantiles(run: Run, shares: Sequence[float], alpha: float) -> tuple[Measured, ...]:
    """Return the latencies that ``shares`` of the requests stay below."""
    columns = columns_of(run)
    if problem := time_problem(columns):
        return (problem,) * len(shares)
    return tuple(quantile_of(columns, share, Setting(alpha)) for share in shares)


def first_token_quantiles(run: Run, shares: Sequence[float], alpha: float) -> tuple[Measured, ...]:
    """Return the times to the first token that ``shares`` of the requests stay below.

    Only of requests whose answering call was streamed and timed; the time of failed attempts and of waits
    before it counts.
    """
    times = np.array([_first_token_s(graded) for graded in run.results], dtype=np.float64)
    known = ~np.isnan(times)
    if not known.any():
        return (Unmeasured("no provider said when the first token came"),) * len(shares)
    kept = Run(run.manifest, tuple(graded for graded, has in zip(run.results, known, strict=True) if has))
    place = places(kept)
    timed = np.zeros(place.shape)
    timed[place.rows, place.trials] = times[known]
    columns = replace(columns_at(kept, place), latency_s=timed)
    return tuple(quantile_of(columns, share, Setting(alpha)) for share in shares)


def _first_token_s(graded: Graded) -> float:
    steps = graded.outcome.steps
    if not steps or not steps[-1].attempts:
        return float("nan")
    last = steps[-1].attempts[-1]
    if last.error is not None or last.ttft_s is None:
        return float("nan")
    return graded.outcome.latency_s - last.latency_s + last.ttft_s
