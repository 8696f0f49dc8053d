"""One comparison judged by the rules: a verdict, whether it blocks, and every limit on the way there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalgate.core.budgets import Limit, Rules
from evalgate.core.comparison import Change, Comparison
from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Unmeasured
from evalgate.core.verdict import Check, Verdict
from evalgate.gate.deadline import without_deadline
from evalgate.gate.headline import headline
from evalgate.gate.limits import check_of, judge_limit
from evalgate.gate.slices import EVERY_SLICE, tripwire
from evalgate.gate.waivers import waived


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the data say, what follows from it, and one check a limit."""

    verdict: Verdict
    blocked: bool
    headline: str
    checks: tuple[Check, ...]


def judge(comparison: Comparison, rules: Rules) -> Ruling:
    """Judge every limit of ``rules``; relative ones only where there is a baseline.

    All limits must hold and none is corrected for the others (an intersection-union test, Berger,
    Technometrics 24, 1982, 295-300): a change passes wrongly only if each of its broken limits does.
    """
    limits = [limit for limit in rules.limits if comparison.baseline is not None or _absolute(limit)]
    checks = [check for limit in limits for check in _checks(limit, comparison, rules)]
    if comparison.drifted_because:
        checks = [_undecided(check, comparison.drifted_because) for check in checks]
    return ruling_of(comparison, checks, unjudged=len(rules.limits) - len(limits))


def ruling_of(comparison: Comparison, checks: Sequence[Check], unjudged: int) -> Ruling:
    """Return the ruling that follows from judged limits; ``unjudged`` counts those without a baseline."""
    return Ruling(
        verdict=_verdict(checks),
        blocked=any(check.blocked for check in checks),
        headline=headline(comparison, checks, unjudged),
        checks=tuple(checks),
    )


def judge_slices(limit: Limit, comparison: Comparison, rules: Rules) -> tuple[Check, ...]:
    """Judge a limit that holds for every slice, critical ones left out: they have limits of their own."""
    critical = {each.slice for each in rules.limits if each.critical}
    slices = [
        change
        for change in comparison.slices
        if change.metric == limit.metric and change.slice not in critical
    ]
    return tripwire(limit, slices, comparison.alpha)


def change_for(limit: Limit, comparison: Comparison) -> Change:
    """Return what the limit is about; unmeasured where no case of the suite is in its slice."""
    change = comparison.find(limit.metric, limit.slice)
    if change is not None:
        return change
    missing = Unmeasured(f"no case of the suite is in slice {limit.slice!r}")
    return Change(
        metric=limit.metric,
        slice=limit.slice,
        scale=limit.scale,
        unit=limit.unit,
        baseline=missing,
        candidate=missing,
        change=missing,
        method="none",
        level=1 - 2 * comparison.alpha,
        n=0,
        clusters=0,
        trials=comparison.trials,
        affected=0,
    )


def _checks(limit: Limit, comparison: Comparison, rules: Rules) -> Sequence[Check]:
    def judge_again(wider: Limit) -> Sequence[Check]:
        return _by_itself(wider, comparison, rules)

    return waived(judge_again(limit), limit, rules.waivers, judge_again)


def _by_itself(limit: Limit, comparison: Comparison, rules: Rules) -> Sequence[Check]:
    if limit.slice == EVERY_SLICE:
        return judge_slices(limit, comparison, rules)
    change = change_for(limit, comparison)
    finding = without_deadline(limit, comparison, rules)
    return [check_of(limit, change, finding or judge_limit(limit, change, comparison.alpha))]


def _undecided(check: Check, why: str) -> Check:
    """A limit judged by recordings that hold no longer; what is the same on both sides stays proven."""
    if check.method == "identical":
        return check
    return replace(
        check,
        verdict="inconclusive",
        blocked=check.on_inconclusive == "block" or (check.gated and check.on_inconclusive == "estimate"),
        reason=f"the recordings no longer hold: {why}; `evalgate record --refresh 100%` makes them anew",
    )


def _absolute(limit: Limit) -> bool:
    """Whether a policy can be held to the limit alone."""
    return limit.limit in {"min", "max"} and not METRICS[limit.metric].paired


def _verdict(checks: Sequence[Check]) -> Verdict:
    verdicts = {check.verdict for check in checks if check.gated}
    if "fail" in verdicts:
        return "fail"
    return "pass" if verdicts == {"pass"} else "inconclusive"
