"""A change that brings its own evidence: above a share of it nothing is proven.

Recordings are text in the change itself. A forged one answers right, at once and for nothing.
"""

from dataclasses import replace

from evalgate.core.verdict import Check, Judgement


def calls_used(judgement: Judgement) -> int:
    """Return how many distinct calls a judgement rests on, those of judges too."""
    return judgement.calls.needed + (judgement.judging.calls if judgement.judging is not None else 0)


def held_back(judgement: Judgement, allowed: float) -> Judgement:
    """Return the judgement as inconclusive where more than the share ``allowed`` of its evidence is new.

    What would pass is then not proven, and there is no estimate to go by; a proven fail stays one.
    """
    added, used = judgement.calls.added, calls_used(judgement)
    if added <= allowed * used:
        return judgement
    why = (
        f"{added:,} of {used:,} calls are replayed from recordings that the change itself brings, and at "
        f"most {allowed * 100:g}% may be"
    )
    checks = tuple(_unproven(check, why) for check in judgement.checks)
    failed = any(check.verdict == "fail" and check.gated for check in checks)
    return replace(
        judgement,
        checks=checks,
        verdict="fail" if failed else "inconclusive",
        blocked=any(check.blocked for check in checks),
        headline=judgement.headline if failed else f"not proven: {why}",
    )


def _unproven(check: Check, why: str) -> Check:
    if not check.gated or (check.blocked and check.verdict == "fail"):
        return check
    reason = f"{check.reason}; not proven: {why}"
    blocked = check.on_inconclusive != "warn"
    return replace(check, verdict="inconclusive", blocked=blocked, reason=reason, waiver=None)
