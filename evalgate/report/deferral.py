"""Deferral curves, as text for people and as JSON for scripts."""

import json
from collections.abc import Sequence

from evalgate.core.deferral import DeferralCurve, DeferralPoint
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.report.json_numbers import measured_json
from evalgate.report.layout import wrap
from evalgate.report.numbers import MISSING, Kind, percent, with_interval
from evalgate.report.safe_text import safe_line
from evalgate.report.table import Cell, Column, table

SCHEMA = "evalgate/deferral@1"
_COLUMNS = (
    Column("escalate below", "right"),
    Column("escalated", "right"),
    Column("accuracy", "right"),
    Column("cost per correct", "right"),
    Column("P95", "right"),
    Column(""),
)
_ALL_DIGITS = 17
_NO_PROOF = (
    "Choosing the best row and gating it on these cases is no proof: choose on other cases, then let the "
    "gate judge."
)


def render_text(curves: Sequence[DeferralCurve], *, width: int = 100) -> str:
    """Return a table a cascade: a row a threshold, with 90 % intervals."""
    lines: list[str] = []
    for curve in curves:
        lines.append(f"{safe_line(curve.suite)}: {safe_line(curve.policy)}")
        told = list(
            zip(curve.points, _told_apart([each.escalate_below for each in curve.points]), strict=True)
        )
        rows = [[Cell(text) for text in _row(*each)] for each in told]
        narrow = [[Cell(text) for text in _row(*each, plain=True)] for each in told]
        found = table(_COLUMNS, rows, width=width) or table(_COLUMNS, narrow, width=width)
        lines += found or [" ".join(cell.text for cell in row) for row in narrow]
        lines.append("")
    return "\n".join([*lines, *wrap(_NO_PROOF, width), ""])


def render_json(curves: Sequence[DeferralCurve]) -> str:
    """Return the same as indented JSON."""
    document = {
        "schema": SCHEMA,
        "curves": [
            {"suite": curve.suite, "policy": curve.policy, "points": [_json(point) for point in curve.points]}
            for curve in curves
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _told_apart(thresholds: Sequence[float]) -> list[str]:
    """Return thresholds with four digits, or as many as keep those that differ apart."""
    for digits in range(4, _ALL_DIGITS):
        texts = [f"{each:.{digits}g}" for each in thresholds]
        if len(set(texts)) == len(set(thresholds)):
            return texts
    return [repr(each) for each in thresholds]


def _row(point: DeferralPoint, threshold: str, *, plain: bool = False) -> list[str]:
    return [
        threshold,
        percent(point.escalation_rate),
        _shown(point.accuracy, "percent", plain=plain),
        _shown(point.cost_per_correct, "usd", plain=plain),
        _shown(point.latency_p95, "seconds", plain=plain),
        "the policy's own" if point.chosen else "",
    ]


def _shown(measured: Measured, kind: Kind, *, plain: bool) -> str:
    if isinstance(measured, Unmeasured):
        return MISSING
    text = with_interval(measured, kind, signed=False)
    return text.partition(" (")[0] if plain else text


def _json(point: DeferralPoint) -> dict[str, object]:
    return {
        "escalate_below": point.escalate_below,
        "escalation_rate": point.escalation_rate,
        "accuracy": measured_json(point.accuracy),
        "cost_per_correct": measured_json(point.cost_per_correct, money=True),
        "latency_p95": measured_json(point.latency_p95),
        "chosen": point.chosen,
    }
