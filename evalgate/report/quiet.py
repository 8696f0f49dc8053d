"""The many slices that held, told together."""

from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Estimate
from evalgate.core.verdict import Check, Judgement
from evalgate.report import wording
from evalgate.report.numbers import allowance, count


def is_quiet(check: Check) -> bool:
    """Whether a check is one of many slices that held: those are told together, in a sentence."""
    return check.slice is not None and check.verdict == "pass" and check.gated


def quiet_slices(judgement: Judgement) -> list[str]:
    """Return a sentence for each metric's slices that held, naming the one that came out worst."""
    held: dict[str, list[Check]] = {}
    for check in judgement.checks:
        if is_quiet(check):
            held.setdefault(METRICS[check.metric].heading, []).append(check)
    return [f"{metric} in {_held(checks)}" for metric, checks in held.items()]


def _held(checks: list[Check]) -> str:
    lower_is_worse = checks[0].limit in ("max_drop", "min")
    measured = [check for check in checks if isinstance(check.change, Estimate)]
    said = f"{count(len(checks), 'slice')}: {allowance(checks[0])} held"
    if not measured:
        return said
    ranked = sorted(measured, key=_change_value, reverse=not lower_is_worse)
    words = wording.check_words(ranked[0])
    return f"{said}; worst {words.slice}, {words.change}"


def _change_value(check: Check) -> float:
    return check.change.value if isinstance(check.change, Estimate) else 0.0
