"""Cost per correct answer: all spend over all right answers, each side and the relative change."""

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.assumptions import judge_notes, sampling, shared_calls
from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.arrays import Bools, Floats
from evalgate.scoring.methods.fieller import (
    CostColumns,
    RatioInterval,
    change_interval,
    log_sd,
    ratio_interval,
)
from evalgate.scoring.paired_quality import judge_status
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import Units, units_of

LEAST_CHANGED = 20
"""Below this many changed units Fieller's interval passes a bad candidate 13 to 25 % of the time."""

NONE_CORRECT = "no case was answered correctly"


def cost_of(columns: Columns, setting: Setting) -> Measured:
    """Return one side's USD per correct answer, with Fieller's interval of a ratio."""
    if problem := _problem(columns):
        return problem
    units = units_of(columns)
    cost, right = (units.sums(each) for each in spend_of(columns, setting))
    if right.sum() <= 0:
        return Unmeasured(NONE_CORRECT)
    limits = ratio_interval(cost, right, setting.alpha)
    return setting.estimate(float(cost.sum() / right.sum()), limits, "fieller")


def cost_change(pairs: Pairs, setting: Setting) -> Change:
    """Return the relative change in cost per correct answer.

    Every case counts, spend on failed and ungraded ones too. ``affected`` are the cases whose spend or
    correctness differs.
    """
    units = units_of(pairs.baseline)
    changed = _changed(pairs)
    found = _judge(pairs, units, setting)
    change = found if isinstance(found, Estimate | Unmeasured) else _estimate(found, setting)
    decided = change.method if isinstance(change, Estimate) else "none"
    failed = bool(pairs.baseline.failed.any() or pairs.candidate.failed.any())
    return Change(
        metric="cost_per_correct",
        slice=setting.slice,
        scale="relative",
        unit="usd",
        baseline=cost_of(pairs.baseline, setting),
        candidate=cost_of(pairs.candidate, setting),
        change=change,
        method=decided,
        level=setting.level,
        n=pairs.n,
        clusters=units.count,
        trials=pairs.baseline.trials,
        affected=int(changed.sum()),
        undecided_because=_too_few(units, changed) if decided == "fieller" else "",
        failed_right=_failed_right(pairs, units, setting) if failed and decided != "identical" else None,
        sd=log_sd(found, units.count, setting.alpha) if isinstance(found, RatioInterval) else None,
        assumptions=_assumptions(pairs, units, found, setting),
    )


def _judge(pairs: Pairs, units: Units, setting: Setting) -> RatioInterval | Estimate | Unmeasured:
    unchanged = setting.estimate(0.0, (0.0, 0.0), "identical")
    if not pairs.differs.any.any():
        return unchanged
    if problem := _problem(pairs.baseline) or _problem(pairs.candidate):
        return problem
    (cost_before, right_before), (cost_after, right_after) = (
        (units.sums(cost), units.sums(right))
        for cost, right in (spend_of(side, setting) for side in (pairs.baseline, pairs.candidate))
    )
    if right_before.sum() <= 0 or right_after.sum() <= 0:
        return Unmeasured(f"{NONE_CORRECT} by the {'candidate' if right_before.sum() > 0 else 'baseline'}")
    if not _changed(pairs).any() or (cost_before.sum() == 0 and cost_after.sum() == 0):
        return unchanged
    if cost_before.sum() == 0:
        return Unmeasured(
            "the baseline costs nothing, so a rise in percent means nothing; set an absolute max"
        )
    columns = CostColumns(cost_before, cost_after, right_before, right_after)
    return change_interval(columns, setting.alpha)


def _estimate(found: RatioInterval, setting: Setting) -> Estimate:
    return setting.estimate(found.value - 1, (found.low - 1, found.high - 1), "fieller")


def _failed_right(pairs: Pairs, units: Units, setting: Setting) -> Measured:
    found = _judge(pairs.failures_right(), units, setting)
    return _estimate(found, setting) if isinstance(found, RatioInterval) else found


def spend_of(columns: Columns, setting: Setting) -> tuple[Floats, Floats]:
    """Return the spend with cleanup, averaged over the trials of each case, and what counts as right."""
    right = columns.right()
    cost = columns.mean(columns.cost_usd)
    if setting.cleanup_usd_per_wrong:
        cost = cost + setting.cleanup_usd_per_wrong * (1 - right) * columns.graded
    return cost, right


def _changed(pairs: Pairs) -> Bools:
    before, after = pairs.baseline, pairs.candidate
    return np.asarray(pairs.differs.cost | (before.right() != after.right()))


def _too_few(units: Units, changed: Bools) -> str:
    moved = units.among(changed)
    if moved >= LEAST_CHANGED:
        return ""
    what = "case" if units.single else "group"
    return (
        f"spend or correctness changed on {moved} {what}{'s' * (moved != 1)} only; "
        f"{LEAST_CHANGED} are needed before an interval of the cost can be trusted"
    )


def _assumptions(
    pairs: Pairs, units: Units, found: RatioInterval | Estimate | Unmeasured, setting: Setting
) -> tuple[str, ...]:
    notes = shared_calls(pairs.n, int(pairs.differs.served.sum()), setting.recorded) + sampling(units)
    notes += judge_notes(judge_status(pairs, units), "cost_per_correct")
    if not isinstance(found, RatioInterval):
        return notes
    dearest = max(float(side.cost_usd.max()) for side in (pairs.baseline, pairs.candidate))
    notes += (f"no unseen case costs far more than the dearest one here, {dearest:.3g} USD",)
    if found.top_share > 0.25 or found.n_eff < 10:
        notes += (
            f"few cases decide: one has {found.top_share:.0%} of the variance, n_eff {found.n_eff:.0f}",
        )
    return notes


def _problem(columns: Columns) -> Unmeasured | None:
    if columns.n == 0:
        return Unmeasured("there are no cases")
    odd = ~(np.isfinite(columns.cost_usd) & (columns.cost_usd >= 0)) & columns.present
    if not odd.any():
        return None
    if columns.cost_unknown:
        return Unmeasured(columns.cost_unknown)
    row, trial = (int(index[0]) for index in np.nonzero(odd))
    return Unmeasured(
        f"the cost of case {columns.name(row)!r} is {columns.cost_usd[row, trial]:g} USD; "
        "costs are finite and not negative"
    )
