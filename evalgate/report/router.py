"""What training a router gave, as text for people and as JSON for scripts."""

import json
import math

from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.routing import CalibrationBin, ChosenThreshold, RouterQuality, RouterReport
from evalgate.report.layout import wrap
from evalgate.report.numbers import MISSING, count, percent
from evalgate.report.safe_text import safe_line

SCHEMA = "evalgate/train-router@1"
_BAR = 30


def render_text(report: RouterReport, *, width: int = 100) -> str:
    """Return the deployments, then each head of the router: recovered gap, thresholds, reliability."""
    said = f"Learned from {count(report.trained, 'case')}, judged out of fold ({report.folds} folds)"
    said += f"; {count(report.held_out, 'case')} held out." if report.held_out else "."
    lines = wrap(said, width)
    for alias, share in report.accuracies:
        lines.append(f"  {safe_line(alias)}: right on {percent(share)}")
    if report.classes:
        lines.append("  " + ", ".join(f"{name} {number:,}" for name, number in report.classes))
    for head in report.heads:
        lines += ["", *_head(head, width)]
    return "\n".join([*lines, ""])


def render_json(report: RouterReport) -> str:
    """Return the same as indented JSON; a number that is missing says why."""
    document = {
        "schema": SCHEMA,
        "kind": report.kind,
        "cases": {"trained": report.trained, "held_out": report.held_out},
        "folds": report.folds,
        "accuracies": dict(report.accuracies),
        "classes": dict(report.classes),
        "heads": [_head_json(head) for head in report.heads],
    }
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _head(head: RouterQuality, width: int) -> list[str]:
    lines = [
        f"needs {head.name}: from {percent(head.weak_accuracy)} to {percent(head.strong_accuracy)} right",
        f"  APGR      {_apgr(head.apgr)}   (0.500 is a coin)",
        f"  CPT(50%)  {_share(head.cpt_50)} of cases to strong recover half of the gap",
        f"  CPT(80%)  {_share(head.cpt_80)} recover four fifths",
    ]
    if isinstance(head.apgr, Unmeasured):
        lines += wrap(f"not known: {head.apgr.reason}", width, first="  ")
    if isinstance(head.apgr, Estimate) and head.apgr.low <= 0.5:
        lines += wrap("The data do not show that this score beats a coin.", width, first="  ")
    if head.chosen is not None:
        lines += wrap(_chosen(head.chosen), width, first="  ")
    off = f"off by {percent(head.calibration_error)} on average"
    return [*lines, f"  reliability ({off}):", *(_bin(each) for each in head.calibration)]


def _apgr(found: Measured) -> str:
    if isinstance(found, Unmeasured):
        return MISSING
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _share(found: float | Unmeasured) -> str:
    return MISSING if isinstance(found, Unmeasured) else percent(found)


def _chosen(chosen: ChosenThreshold) -> str:
    if math.isinf(chosen.threshold):
        return "threshold: none sends so few cases to strong; the highest score is shared by more of them"
    return (
        f"threshold {chosen.threshold:.4f}: {percent(chosen.strong_share)} to strong, "
        f"{percent(chosen.accuracy)} right"
    )


def _bin(each: CalibrationBin) -> str:
    """Draw how often it happened as a bar, and where it was predicted as a mark."""
    bar = ["█" if at < round(each.happened * _BAR) else "·" for at in range(_BAR + 1)]
    bar[round(each.predicted * _BAR)] = "│"
    return f"    said {each.predicted:5.1%}  was {each.happened:5.1%}  {''.join(bar)}  {each.cases:,}"


def _head_json(head: RouterQuality) -> dict[str, object]:
    chosen = head.chosen
    return {
        "needs": head.name,
        "weak_accuracy": head.weak_accuracy,
        "strong_accuracy": head.strong_accuracy,
        "apgr": {"unmeasured": head.apgr.reason}
        if isinstance(head.apgr, Unmeasured)
        else {"value": head.apgr.value, "low": head.apgr.low, "high": head.apgr.high},
        "cpt_50": _number(head.cpt_50),
        "cpt_80": _number(head.cpt_80),
        "calibration_error": head.calibration_error,
        "calibration": [
            {"predicted": each.predicted, "happened": each.happened, "cases": each.cases}
            for each in head.calibration
        ],
        "chosen": None
        if chosen is None
        else {
            "threshold": None if math.isinf(chosen.threshold) else chosen.threshold,
            "strong_share": chosen.strong_share,
            "accuracy": chosen.accuracy,
        },
    }


def _number(found: float | Unmeasured) -> object:
    return {"unmeasured": found.reason} if isinstance(found, Unmeasured) else found
