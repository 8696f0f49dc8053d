"""The outputs of a step: numbers and words that later steps may go by."""

from collections.abc import Mapping
from math import fsum

from evalgate.core.errors import ExitCode
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.verdict import Check, Decision
from evalgate.report.json_numbers import usd_text

_CHANGES: Mapping[str, Metric] = {
    "accuracy-change": "accuracy",
    "cost-per-correct-change": "cost_per_correct",
    "latency-p95-change": "latency_p95",
}


def outputs(decision: Decision) -> dict[str, str]:
    """Return every output by name; one that is not known is empty.

    Over several comparisons a change is the worst of them; it is a share (accuracy) or a ratio minus one.
    """
    changes = {name: _worst(decision, metric) for name, metric in _CHANGES.items()}
    # What was spent on a suite stands in each of its judgements.
    spent = {judgement.suite: judgement.spend_usd for judgement in decision.judgements}.values()
    known = [amount for amount in spent if not isinstance(amount, Unmeasured)]
    return {
        "verdict": decision.verdict,
        "blocked": str(decision.blocked).lower(),
        "exit-code": str(int(decision.exit_code)),
        **changes,
        "spend-usd": usd_text(fsum(known)) if len(known) == len(spent) else "",
        "fixed": str(sum(judgement.cases.fixed for judgement in decision.judgements)),
        "broke": str(sum(judgement.cases.broke for judgement in decision.judgements)),
    }


def error_outputs(exit_code: ExitCode) -> dict[str, str]:
    """Return the outputs of a run that came to no decision: a change that is not judged does not pass."""
    return {"verdict": "error", "blocked": "true", "exit-code": str(int(exit_code))}


def _worst(decision: Decision, metric: Metric) -> str:
    found = [
        each.change.value
        for judgement in decision.judgements
        for each in judgement.checks
        if each.metric == metric and _is_relative(each) and isinstance(each.change, Estimate)
    ]
    if not found:
        return ""
    return f"{min(found) if metric == 'accuracy' else max(found):.6g}"


def _is_relative(check: Check) -> bool:
    return check.slice is None and check.limit in {"max_drop", "max_rise"}
