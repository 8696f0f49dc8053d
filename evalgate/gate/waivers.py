"""Waivers: a limit that would block is judged again by the wider allowance that somebody wrote down.

The verdict stays what the data say; only what follows from it changes, and for a while.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from evalgate.core.budgets import Limit, Waiver
from evalgate.core.metrics import METRICS
from evalgate.core.verdict import Check
from evalgate.gate.slices import EVERY_SLICE
from evalgate.gate.wording import allowance

Judge = Callable[[Limit], Sequence[Check]]


def waived(checks: Sequence[Check], limit: Limit, waivers: Sequence[Waiver], judge: Judge) -> list[Check]:
    """Return the checks of ``limit`` with those let pass that a waiver covers.

    ``judge`` judges another limit. A waiver that is narrower than the budget changes nothing.
    """
    return [_waived(check, limit, waivers, judge) if check.blocked else check for check in checks]


def _waived(check: Check, limit: Limit, waivers: Sequence[Waiver], judge: Judge) -> Check:
    for waiver in waivers:
        if (waiver.metric, waiver.limit, waiver.slice) != (check.metric, check.limit, check.slice):
            continue
        again = judge(replace(limit, allowance=waiver.allowance))
        if any(each.slice == check.slice and not each.blocked for each in again):
            edge = allowance(replace(limit, allowance=waiver.allowance))
            said = f"{check.reason}; waived up to {edge} until {waiver.expiry}: {waiver.reason}"
            return replace(check, blocked=False, waiver=waiver, reason=said)
    return check


def in_force(waivers: Sequence[Waiver], limits: Sequence[Limit]) -> list[str]:
    """Return a sentence for each waiver, needed or not: whoever reads a verdict must know of it."""
    return [_told(each, limits) for each in waivers]


def _told(waiver: Waiver, limits: Sequence[Limit]) -> str:
    about = METRICS[waiver.metric].name + (f" in slice {waiver.slice!r}" if waiver.slice is not None else "")
    same = next((each for each in limits if _widens(waiver, each)), None)
    if same is None:
        return f"the waiver of {about} until {waiver.expiry} widens no limit that this suite has"
    edge = allowance(replace(same, allowance=waiver.allowance))
    return (
        f"a waiver is in force until {waiver.expiry}: the {waiver.limit} of {about} may be {edge} instead of "
        f"{allowance(same)} ({waiver.reason})"
    )


def _widens(waiver: Waiver, limit: Limit) -> bool:
    named = limit.slice in {waiver.slice, EVERY_SLICE} if waiver.slice is not None else limit.slice is None
    return named and (limit.metric, limit.limit) == (waiver.metric, waiver.limit)
