"""A look before all cases are measured: whether what is known already decides.

A limit passes at the level that this look may spend on passing, fails at the one it may spend on failing;
the levels are stricter than the rules' own, so that looking often costs no error. Stop on the fail of any
limit; stop on a pass only when all pass. P95s and slices are judged at the last look alone: early on
they rest on a handful of calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalgate.core.budgets import Limit, Rules
from evalgate.core.comparison import Change, LookComparison
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate
from evalgate.core.verdict import Check
from evalgate.gate import cases_needed
from evalgate.gate.deadline import without_deadline
from evalgate.gate.judge import Ruling, change_for, judge_slices, ruling_of
from evalgate.gate.limits import Finding, check_of, identical, judge_limit
from evalgate.gate.slices import EVERY_SLICE
from evalgate.gate.waivers import waived
from evalgate.gate.wording import subject

_LATE: frozenset[Metric] = frozenset({"latency_p95", "ttft_p95", "tpot_p95", "turnaround"})


@dataclass(frozen=True, slots=True)
class LookRuling:
    """What a look says: whether to stop here, and the ruling that holds if so."""

    stop: bool
    ruling: Ruling


def judge_look(look: LookComparison, rules: Rules) -> LookRuling:
    """Judge one look. The intervals shown are those at the rules' own level, and only describe."""
    limits = [limit for limit in rules.limits if look.last or limit.slice is None]
    checks = [check for limit in limits for check in _checks(limit, look, rules)]
    # What is judged late, or cannot be judged yet, must not be passed over.
    waiting = any(limit.slice is not None for limit in rules.limits) or not all(each.gated for each in checks)
    ruling = ruling_of(look.plain, checks, unjudged=0)
    used = look.plain.cases.total
    if not look.last and used:
        saved = f"decided after {used:,} of {look.cases_total:,} cases"
        ruling = replace(ruling, headline=f"{ruling.headline}; {saved}")
    stop = look.last or ruling.verdict == "fail" or (ruling.verdict == "pass" and not waiting)
    return LookRuling(stop, ruling)


def _checks(limit: Limit, look: LookComparison, rules: Rules) -> Sequence[Check]:
    def judge_again(wider: Limit) -> Sequence[Check]:
        return _by_itself(wider, look, rules)

    return waived(judge_again(limit), limit, rules.waivers, judge_again)


def _by_itself(limit: Limit, look: LookComparison, rules: Rules) -> Sequence[Check]:
    if limit.slice == EVERY_SLICE:
        return judge_slices(limit, look.plain, rules)
    plain = change_for(limit, look.plain)
    if (finding := without_deadline(limit, look.plain, rules)) is not None:
        return [check_of(limit, plain, finding)]
    if limit.slice is not None or limit.metric in _LATE:
        return [check_of(limit, plain, _late(limit, plain, look))]
    return [check_of(limit, plain, _early(limit, plain, look))]


def _late(limit: Limit, plain: Change, look: LookComparison) -> Finding:
    finding = judge_limit(limit, plain, look.plain.alpha)
    if look.last or (identical(plain) and finding.verdict == "pass"):
        return finding
    return Finding("inconclusive", f"{subject(limit)} is judged when all cases are measured", finding.inside)


def _early(limit: Limit, plain: Change, look: LookComparison) -> Finding:
    shown = judge_limit(limit, plain, look.plain.alpha)
    failing = judge_limit(limit, change_for(limit, look.to_fail), look.to_fail.alpha)
    passing = judge_limit(limit, change_for(limit, look.to_pass), look.to_pass.alpha)
    if failing.verdict == "fail":
        return failing
    if passing.verdict == "pass":
        return replace(shown, verdict="pass", inside=True, reason=passing.reason, cases_needed=None)
    if shown.verdict == "inconclusive":
        return shown
    inside = _inside(plain, limit)
    reason = f"{shown.reason}, but not at the stricter level that looking early leaves"
    needed = None
    if look.last and limit.limit in {"max_drop", "max_rise"}:
        needed = cases_needed.for_change(plain, limit, look.to_pass.alpha)
        reason += f"; about {needed:,} cases would decide" if needed else ""
    return Finding(
        "inconclusive", reason, inside if inside is not None else shown.inside, cases_needed=needed
    )


def _inside(change: Change, limit: Limit) -> bool | None:
    judged = change.candidate if limit.limit in {"min", "max"} else change.change
    if not isinstance(judged, Estimate):
        return None
    match limit.limit:
        case "max_drop":
            return -judged.value <= limit.allowance
        case "min":
            return judged.value >= limit.allowance
        case "max_rise" | "max":
            return judged.value <= limit.allowance
