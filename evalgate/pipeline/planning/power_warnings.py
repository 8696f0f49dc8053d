"""Budgets too tight for the number of cases: what no change, however harmless, can be shown to keep."""

import math
from collections.abc import Iterator, Sequence

from evalgate.core.budgets import Limit
from evalgate.core.cases import Case
from evalgate.core.suite import Suite
from evalgate.grading.needs import suite_judging
from evalgate.scoring.methods.smallest_drop import cases_for, least_cases, provable_drop

# Where scoring and gate draw these lines, numpy comes along; planning starts without it.
LEAST_CALLS_FOR_P95 = 40
LEAST_CHANGED_FOR_COST = 20
LEAST_SLICE = 30
_SLOW_SHARE = 0.05
ASSUMED_FLIPS = 0.05
"""The share of answers that differ by chance, where nothing is measured."""


def power_warnings(suite: Suite) -> list[str]:
    """Return a sentence for each limit that stays inconclusive even where nothing changed."""
    said = [
        warning for limit in suite.rules.limits if limit.slice is None for warning in _whole(suite, limit)
    ]
    return [*said, *_slices(suite)]


def _whole(suite: Suite, limit: Limit) -> Iterator[str]:
    calls = len(suite.cases) * suite.trials
    match limit.metric, limit.limit:
        case (("accuracy" | "score"), "max_drop"):
            yield from _drop(limit, independent_cases(graded_cases(suite)), suite.rules.alpha, "the suite")
        case "cost_per_correct", "max_rise" if len(suite.cases) < LEAST_CHANGED_FOR_COST:
            yield (
                f"cost_per_correct max_rise: at least {LEAST_CHANGED_FOR_COST} cases must change before a "
                f"rise can be judged, and the suite has {len(suite.cases)}"
            )
        case (("latency_p95" | "ttft_p95" | "tpot_p95"), "max_rise") if calls < LEAST_CALLS_FOR_P95:
            yield _too_few_calls(limit, calls, LEAST_CALLS_FOR_P95)
        case (("latency_p95" | "ttft_p95" | "tpot_p95"), "max") if calls < (
            needed := least_cases(_SLOW_SHARE, suite.rules.alpha)
        ):
            yield _too_few_calls(limit, calls, needed)
        case "flip_rate", "max_rise" if suite.trials == 1:
            yield (
                "flip_rate max_rise needs two trials of each case or more, to know how many flips are by "
                "chance, and the suite has one: set trials: 3, or limit max"
            )
        case "flip_rate", ("max" | "max_rise"):
            yield from _share(limit, independent_cases(graded_cases(suite)), suite.rules.alpha)
        case (("failure_rate" | "format_failure_rate"), "max_rise"):
            yield from _share(limit, independent_cases(suite.cases), suite.rules.alpha)
        case _:
            return


def _share(limit: Limit, cases: int, alpha: float) -> Iterator[str]:
    """Yield why a share that should be small cannot be shown to be, where nothing at all happens."""
    unit = "pp" if limit.limit == "max_rise" else "%"
    written = f"{limit.metric} {limit.limit} {limit.allowance * 100:g}{unit}"
    if limit.allowance == 0:
        yield f"{written}: no number of cases shows that there is nothing at all; allow a little"
    elif limit.allowance < 1 and cases < (needed := least_cases(limit.allowance, alpha)):
        least = math.ceil(provable_drop(cases, alpha) * 1000) / 10 if cases else 100
        yield (
            f"{written} needs {needed:,} independent cases even where there are none, and the suite has "
            f"{cases:,}: add {needed - cases:,}, or allow {least:g}{unit} or more"
        )


def _drop(limit: Limit, cases: int, alpha: float, whose: str) -> Iterator[str]:
    written = f"{limit.metric} max_drop {limit.allowance * 100:g}pp"
    if not 0 < limit.allowance < 1:
        if limit.allowance == 0:
            yield f"{written}: no number of cases shows a drop of nothing at all; allow a small one"
        return
    needed, flips = least_cases(limit.allowance, alpha), ASSUMED_FLIPS
    if not cases:
        yield f"{written}: no case of {whose} has the target that its grader needs, so nothing is graded"
    elif cases < needed:
        least = math.ceil(provable_drop(cases, alpha) * 1000) / 10
        yield (
            f"{written} needs {needed:,} independent graded cases even where nothing changes, and "
            f"{whose} has {cases:,}: add {needed - cases:,}, or allow {least:g}pp or more"
        )
    elif limit.metric == "accuracy" and cases < cases_for(limit.allowance, flips, alpha, power=0.5):
        cure = cases_for(limit.allowance, flips, alpha)
        yield (
            f"{written} is more likely inconclusive than not even where nothing changes, if "
            f"{flips * 100:g} % of answers differ by chance: {whose} has {cases:,} independent graded cases "
            f"and needs {cure:,}; "
            "`evalgate power` computes it from recordings"
        )


def _too_few_calls(limit: Limit, calls: int, needed: int) -> str:
    instead = ", or limit latency_geomean" if limit.metric == "latency_p95" else ""
    return (
        f"{limit.metric} {limit.limit} needs {needed} calls a side, and the suite makes {calls}: "
        f"add cases or trials{instead}"
    )


def _slices(suite: Suite) -> Iterator[str]:
    limits = [limit for limit in suite.rules.limits if limit.slice is not None]
    by = suite.rules.slice_by
    if not limits or by is None:
        return
    inside: dict[str, list[Case]] = {}
    for case in graded_cases(suite):
        if by in case.slices:
            inside.setdefault(case.slices[by], []).append(case)
    small = [f"{name} ({len(cases)})" for name, cases in sorted(inside.items()) if len(cases) < LEAST_SLICE]
    if small:
        yield f"slices of {by} under {LEAST_SLICE} graded cases are shown and not gated: {', '.join(small)}"
    for limit in limits:
        cases = inside.get(limit.slice or "", [])
        if limit.critical and limit.limit == "max_drop" and len(cases) >= LEAST_SLICE:
            yield from _drop(limit, independent_cases(cases), suite.rules.alpha, f"{by} {limit.slice}")


def graded_cases(suite: Suite) -> list[Case]:
    """Return the cases that the suite's graders have something to judge by."""
    judging = suite_judging(suite)
    return [case for case in suite.cases if judging.grades(case)]


def independent_cases(cases: Sequence[Case]) -> int:
    """Count what is independent: a group of cases is one."""
    grouped = {case.group for case in cases if case.group is not None}
    return sum(case.group is None for case in cases) + len(grouped)
