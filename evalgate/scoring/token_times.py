"""P95 of when tokens come: the first one, and those after it. The method is that of P95 latency."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.scoring.columns import Columns
from evalgate.scoring.latency import Times, latency_change, touched
from evalgate.scoring.methods.arrays import Bools, Floats
from evalgate.scoring.p95 import p95_change, p95_of
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.token_columns import NO_STREAMS, TokenColumns
from evalgate.scoring.units import units_of

TokenMetric = Literal["ttft_p95", "tpot_p95"]
TOKEN_METRICS: tuple[TokenMetric, ...] = ("ttft_p95", "tpot_p95")
ALL_WHOLE = "every answer came in one piece, so no time passed between its tokens"
_WHAT: Mapping[TokenMetric, str] = {
    "ttft_p95": "the time to the first token",
    "tpot_p95": "the time between tokens",
}


def token_p95_of(columns: Columns, metric: TokenMetric, setting: Setting) -> Measured:
    """Return one side's P95: of seconds to the first token, or of seconds per output token after it.

    For ``tpot_p95``, requests whose answer came in one piece are left out.
    """
    return _problem(columns, metric) or p95_of(token_timed(columns, metric), setting, metric)


def token_p95_change(pairs: Pairs, metric: TokenMetric, setting: Setting, gate_reason: str) -> Change:
    """Return the relative change of such a P95, over the requests that have the time on both sides."""
    before, after = pairs.baseline, pairs.candidate
    sides = [token_p95_of(side, metric, setting) for side in (before, after)]
    counted: Bools = np.logical_and(_counted(before, metric), _counted(after, metric))
    differs = replace(pairs.differs, latency=pairs.differs.tokens)
    alike = not touched(replace(pairs, differs=differs)).any()
    common = replace(
        pairs,
        baseline=_timed_so(before, metric, counted),
        candidate=_timed_so(after, metric, counted),
        differs=differs,
    ).take(_rows(counted))
    unknown = next((side for side in sides if isinstance(side, Unmeasured)), None)
    if unknown is None and not counted.any():
        unknown = Unmeasured("no answer came token by token on both sides")
    if unknown is None:
        found = p95_change(common, setting, gate_reason, metric)
    else:
        nothing = setting.estimate(0.0, (0.0, 0.0), "identical")
        times = Times(metric, sides[0], sides[1], nothing if alike else unknown)
        found = latency_change(common, units_of(common.baseline), times, setting, gate_reason)
    notes = _left_out(pairs, common)
    return replace(found, baseline=sides[0], candidate=sides[1], assumptions=found.assumptions + notes)


def token_timed(columns: Columns, metric: TokenMetric) -> Columns:
    """Return the requests that have such a time, with it in the place of their latency."""
    counted = _counted(columns, metric)
    return _timed_so(columns, metric, counted).take(_rows(counted))


def known_alone(columns: Columns, metric: TokenMetric) -> Columns:
    """Return the columns without the requests of which nobody knows the time, for showing the others."""
    if columns.tokens is None:
        return columns
    known = replace(columns, present=columns.present & ~_unknown(columns, columns.tokens, metric))
    return known.take(_rows(known.present))


def _problem(columns: Columns, metric: TokenMetric) -> Unmeasured | None:
    tokens = columns.tokens
    if columns.n == 0:
        return Unmeasured("there are no cases")
    if tokens is None:
        return Unmeasured(NO_STREAMS)
    unknown = _unknown(columns, tokens, metric)
    if unknown.any():
        rows = np.flatnonzero(unknown.any(axis=1))
        why = tokens.unknown[TOKEN_METRICS.index(metric)]
        many = f" ({len(rows):,} such cases)" if len(rows) > 1 else ""
        return Unmeasured(f"{_WHAT[metric]} of case {columns.name(int(rows[0]))!r} is unknown: {why}{many}")
    return None if _counted(columns, metric).any() else Unmeasured(ALL_WHOLE)


def _unknown(columns: Columns, tokens: TokenColumns, metric: TokenMetric) -> Bools:
    return np.asarray(np.isnan(_of(tokens, metric)) & _counted(columns, metric))


def _of(tokens: TokenColumns, metric: TokenMetric) -> Floats:
    return tokens.ttft_s if metric == "ttft_p95" else tokens.tpot_s


def _counted(columns: Columns, metric: TokenMetric) -> Bools:
    """Mark the requests that have such a time, known or not."""
    if columns.tokens is None or metric == "ttft_p95":
        return columns.present
    return np.asarray(columns.present & ~columns.tokens.whole)


def _rows(counted: Bools) -> Bools:
    return np.asarray(counted.any(axis=1))


def _timed_so(columns: Columns, metric: TokenMetric, counted: Bools) -> Columns:
    tokens = columns.tokens
    if tokens is None:
        return columns
    times, lag_s = np.where(counted, np.nan_to_num(_of(tokens, metric)), 0.0), columns.lag_s
    if metric == "tpot_p95":
        # Our lag is spread over the tokens, of which the time after the first one counts how many came.
        after_first = np.nan_to_num(columns.latency_s - tokens.ttft_s)
        lag_s = lag_s * np.divide(times, after_first, out=np.zeros_like(times), where=after_first > 0)
    return replace(columns, latency_s=times, lag_s=lag_s, present=counted)


def _left_out(pairs: Pairs, common: Pairs) -> tuple[str, ...]:
    whole = pairs.n - common.n
    if not whole:
        return ()
    return (f"{whole} of {pairs.n} cases are left out, as their answer came in one piece on a side",)
