"""One sentence that says what decided, with its number and its budget."""

from collections.abc import Sequence

from evalgate.core.comparison import Change, Comparison
from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Estimate
from evalgate.core.verdict import Check
from evalgate.gate.wording import movement

_ALWAYS_TOLD = ("accuracy", "cost_per_correct")


def headline(comparison: Comparison, checks: Sequence[Check], unjudged: int) -> str:
    """Return the sentence that stands first: the proven failure, else what is not proven, else the gain.

    ``unjudged`` counts relative limits that had no baseline. Checks that are shown and not judged are named
    at the end, and before them a judge whose word no label checks.
    """
    parts = [_core(comparison, checks)]
    if unjudged:
        parts.append(f"there is nothing to compare with, so {_were(unjudged, 'relative limit')} not judged")
    if comparison.judge is not None and not comparison.judge.validated:
        parts.append("a judge graded that nobody has validated")
    return "; ".join([*parts, *_shown_only(checks)])


def _core(comparison: Comparison, checks: Sequence[Check]) -> str:
    gated = [check for check in checks if check.gated]
    broken = [check for check in gated if check.verdict == "fail"]
    blocked = [check for check in checks if check.blocked]
    # A broken limit that is waived decides nothing where another one blocks.
    if broken and (not blocked or any(check.blocked for check in broken)):
        broken.sort(key=lambda check: not check.blocked)
        return _first(broken, "limit is broken", "limits are broken")
    if blocked:
        return "not proven: " + _first(blocked, "limit blocks", "limits block")
    if comparison.identical:
        return "nothing changed: no call, path, answer or price differs"
    gains = _gains(comparison, {check.metric for check in checks})
    return "; ".join([*([_listed(gains)] if gains else []), _rest(gated)])


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _rest(gated: Sequence[Check]) -> str:
    if open_checks := [check for check in gated if check.verdict == "inconclusive"]:
        return "not decided: " + _first(open_checks, "limit is open", "limits are open")
    return "every limit held" if gated else "no limit was judged"


def _first(checks: Sequence[Check], one: str, many: str) -> str:
    rest = len(checks) - 1
    return _clause(checks[0]) + (f" ({rest} more {one if rest == 1 else many})" if rest else "")


def _clause(check: Check) -> str:
    return check.reason.split("; ")[0]


def _gains(comparison: Comparison, limited: set[str]) -> list[str]:
    return [
        f"{METRICS[change.metric].name} {movement(change.change, change.scale)}"
        for change in comparison.changes
        if (change.metric in limited or change.metric in _ALWAYS_TOLD)
        and isinstance(change.change, Estimate)
        and _improved(change, change.change)
    ]


def _improved(change: Change, measured: Estimate) -> bool:
    if not change.gated or change.undecided_because or change.mismeasured_because:
        return False
    return measured.low > 0 if METRICS[change.metric].better == "higher" else measured.high < 0


def _shown_only(checks: Sequence[Check]) -> list[str]:
    shown = [check for check in checks if not check.gated]
    names = [METRICS[check.metric].name for check in shown if check.slice is None]
    slices = sum(check.slice is not None for check in shown)
    parts = [f"{name} was not gated" for name in dict.fromkeys(names)]
    if slices:
        parts.append(f"{_were(slices, 'slice limit')} shown only")
    return parts


def _were(count: int, what: str) -> str:
    return f"{count} {what} was" if count == 1 else f"{count} {what}s were"
