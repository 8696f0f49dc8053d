"""Where of two policies which costs less, in sentences."""

from math import isinf

from evalgate.core.breakeven import Breakeven, Crossings, MonthlyCost, Side
from evalgate.core.numbers import Estimate
from evalgate.report.numbers import MISSING, count, traffic, usd, with_interval
from evalgate.report.safe_text import safe_line

MOST_WINDOWS = 12


def heading(found: Breakeven) -> str:
    """Return which policies are compared, and on what."""
    names = f"{policy_name(found, 'policy')} against {policy_name(found, 'against')}"
    return f"{safe_line(found.suite)}: {names}, a month of requests like these {count(found.cases, 'case')}"


def sentences(found: Breakeven) -> list[str]:
    """Return where the policy costs less, at other utilisations too, what is paid, and how right both are."""
    said = [_where(found, found.crossings), *_intervals(found)]
    for at in found.at_times:
        planned = ", ".join(f"{safe_line(alias)} {100 * share:.3g}%" for alias, share in at.utilisations)
        times = {0.5: "half", 2.0: "twice"}.get(at.times, f"{at.times:g} times")
        said.append(f"at {times} the utilisation ({planned}): {_where(found, at.crossings)}")
    said += [_made_of(side.monthly) for side in (found.policy, found.against)]
    right = " against ".join(
        with_interval(side.accuracy, "percent", signed=False)
        if isinstance(side.accuracy, Estimate)
        else MISSING
        for side in (found.policy, found.against)
    )
    wrong = found.cleanup_usd_per_wrong
    paid = f"a wrong answer costs {usd(wrong)} more" if wrong else "wrong answers cost nothing more"
    said.append(f"accuracy {right}; {paid} (cleanup_usd_per_wrong)")
    return [*said, *found.notes]


def _where(found: Breakeven, crossings: Crossings) -> str:
    if crossings.first is None and not crossings.found:
        return "both cost the same at any traffic"
    if not crossings.found:
        cheaper = policy_name(found, crossings.first or "policy")
        beyond = f" up to {traffic(crossings.searched_to)} requests a month" if crossings.open_ended else ""
        # Two fleets of the least size may cost the same until one of them grows.
        alike = all(side.monthly.fleets for side in (found.policy, found.against))
        less = "never costs more" if alike else "costs less at any traffic"
        return f"{cheaper} {less}{beyond}"
    windows = _windows(crossings)
    if not windows:
        return f"{policy_name(found, 'policy')} never costs less"
    parts = [_window(low, high) for low, high in windows[:MOST_WINDOWS]]
    if len(windows) > MOST_WINDOWS:
        parts[-1:] = [f"{len(windows) - MOST_WINDOWS} more times", _window(*windows[-1])]
    listed = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    said = f"{policy_name(found, 'policy')} costs less {listed}"
    if crossings.open_ended:
        return f"{said}; beyond {traffic(crossings.searched_to)} requests a month nobody has looked"
    if len(windows) > 1 or any(each.step for each in crossings.found):
        said += "; in between another replica starts, which has to fill first"
    return said


def _windows(crossings: Crossings) -> list[tuple[float, float]]:
    """The traffic within which the policy costs less."""
    starts = [0.0] if crossings.first == "policy" else []
    starts += [each.requests for each in crossings.found if each.cheaper == "policy"]
    ends = [each.requests for each in crossings.found if each.cheaper == "against"]
    return list(zip(starts, [*ends, float("inf")][: len(starts)], strict=True))


def _window(low: float, high: float) -> str:
    if low == 0:
        return f"up to {traffic(high)} requests a month"
    if isinf(high):
        return f"from {traffic(low)} requests a month on"
    digits = 3 if traffic(low) != traffic(high) else 6
    return f"from {traffic(low, digits)} to {traffic(high, digits)}"


def _intervals(found: Breakeven) -> list[str]:
    """The first and the last break-even with their intervals, as far as cases leave them open."""
    named = [("break-even", found.wins_from), ("for good", found.stays_from)]
    if found.wins_from == found.stays_from:
        named = named[:1]
    return [
        f"{name}: {with_interval(each, 'traffic', signed=False)} requests a month, {each.level:.0%} interval"
        for name, each in named
        if each is not None and 0 < each.value < float("inf")
    ]


def _made_of(cost: MonthlyCost) -> str:
    """What a policy is paid for: its machines, the people who keep them, and its calls."""
    parts = [
        f"{usd(fleet.replica_usd)} a month for each replica of {safe_line(fleet.deployment, 30)}"
        f" ({count(fleet.min_replicas, 'replica')} at least), {usd(fleet.ops_usd)} a month for operations"
        for fleet in cost.fleets
    ]
    if cost.per_request_usd or not parts:
        parts.append(f"{usd(cost.per_request_usd)} a request")
    return f"{safe_line(cost.policy, 40)} is {', and '.join(parts)}"


def policy_name(found: Breakeven, side: Side) -> str:
    """Return the name of one side's policy, as safe text."""
    return safe_line((found.policy if side == "policy" else found.against).monthly.policy, 40)
