"""What each relative limit of a suite could show, given how often answers flip and times spread."""

import math
from collections.abc import Mapping
from dataclasses import replace

from evalgate.core.comparison import Change, Comparison, units_to_resolve
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Unmeasured
from evalgate.core.power import BudgetPower
from evalgate.core.suite import Suite
from evalgate.scoring.methods.smallest_drop import least_cases
from evalgate.scoring.power import (
    POWER,
    mde,
    normal_chances,
    tango_chances,
    tango_power,
    tango_required_n,
)
from evalgate.scoring.repeats import repeats_plan

ASSUMED = 0.05
_FEW_DISCORDANT = 30
NOT_COMPARED = Unmeasured("no recorded comparison shows how much it varies")


def budgets_of(
    suite: Suite, cases: int, flips: float, compared: Comparison | None, budgets: Mapping[Metric, float]
) -> tuple[BudgetPower, ...]:
    """Return what each relative limit needs under no change, ``budgets`` over the suite's own.

    Accuracy's part follows from how often answers flip, the others' from the spread in ``compared``.
    """
    alpha = suite.rules.alpha
    wanted = {
        limit.metric: limit.allowance
        for limit in suite.rules.limits
        if limit.slice is None and limit.limit in {"max_drop", "max_rise"} and limit.allowance > 0
    } | dict(budgets)
    return tuple(
        _drop(cases, flips, allowance, alpha)
        if metric == "accuracy"
        else _other(metric, compared, allowance, alpha)
        for metric, allowance in wanted.items()
    )


def resolved(cases: int, flips: float, alpha: float) -> float | Unmeasured:
    """Return the smallest drop budget passed under no change, exactly where the formula is off."""
    if not cases:
        return Unmeasured("no case has a target, so nothing is graded")
    formula = mde(math.sqrt(flips), cases, alpha)
    if flips * cases >= _FEW_DISCORDANT:
        return formula
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if tango_power(cases, flips, middle, alpha) >= POWER else (middle, high)
    return high


def _drop(cases: int, flips: float, allowance: float, alpha: float) -> BudgetPower:
    needed = tango_required_n(flips, allowance, alpha)
    if not cases:
        nothing = Unmeasured("no case has a target, so nothing is graded")
        return BudgetPower("accuracy", allowance, needed, nothing)
    advice = repeats_plan(flips, cases, allowance, alpha)
    chances = tango_chances(cases, flips, allowance, alpha)
    row = BudgetPower("accuracy", allowance, needed, chances.inconclusive)
    if advice.trials > 1 and advice.cases_repeated < needed:
        return replace(row, trials=advice.trials, cases_repeated=advice.cases_repeated)
    return row


def _other(metric: Metric, compared: Comparison | None, allowance: float, alpha: float) -> BudgetPower:
    change = None if compared is None else compared.find(metric)
    unknown = _not_known(change)
    if change is None or change.sd is None or unknown is not None:
        missing = unknown or NOT_COMPARED
        return BudgetPower(metric, allowance, missing, missing)
    gap = math.log1p(allowance) if change.scale == "relative" else allowance
    needed = math.ceil(units_to_resolve(change.sd, gap, alpha))
    inconclusive = normal_chances(change.sd, change.clusters, gap, alpha).inconclusive
    if change.scale == "absolute" and allowance < 1:
        # Whatever varies how little: fewer cases cannot show that the share did not move by so much.
        least = least_cases(allowance, alpha)
        needed, inconclusive = max(needed, least), 1.0 if change.clusters < least else inconclusive
    return BudgetPower(metric, allowance, needed, inconclusive)


def _not_known(change: Change | None) -> Unmeasured | None:
    if change is None:
        return NOT_COMPARED
    if isinstance(change.change, Unmeasured):
        return change.change
    if change.change.method == "identical":
        return Unmeasured("it did not differ at all between the runs compared")
    if change.sd is None or change.clusters == 0:
        return Unmeasured("the interval is unbounded, so its width says nothing")
    return None
