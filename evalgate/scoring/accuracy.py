"""Accuracy (share correct) and score (mean grade): each side, and the paired change between them."""

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Measured
from evalgate.scoring.assumptions import counting, inference, judge_notes, sampling, shared_calls
from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.one_arm import wilson_interval
from evalgate.scoring.methods.pseudo_case import share_interval
from evalgate.scoring.paired_quality import (
    UNGRADED,
    Quality,
    QualityChange,
    case_values,
    case_variance,
    grade_problem,
    judge_status,
    noise_problem,
    paired_quality,
    quality_table,
)
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.suite_mode import suite_interval
from evalgate.scoring.units import units_of


def quality_of(columns: Columns, metric: Quality, setting: Setting) -> Measured:
    """Return one side's accuracy or score: Wilson for plain right and wrong, else a t interval."""
    graded = columns.take(columns.graded)
    if graded.n == 0:
        return UNGRADED
    table = quality_table(graded, metric)
    if problem := grade_problem(graded, table):
        return problem
    values, units = case_values(graded, metric), units_of(graded)
    everywhere = np.ones(graded.n, dtype=np.bool_)
    if setting.inference == "suite":
        if problem := noise_problem(graded, metric, everywhere):
            return problem
        noise = case_variance(graded, metric)
        found = suite_interval(values, noise, units.weights, everywhere, setting.alpha)
        return setting.estimate(found.value, (max(found.low, 0.0), found.high), "suite")
    if metric == "accuracy" and units.plain and graded.tossed_once:
        right = float(values.sum())
        limits = wilson_interval(right, graded.n, setting.alpha)
        return setting.estimate(right / graded.n, limits, "wilson")
    found = share_interval(units.sums(values), units.sizes, setting.alpha)
    return setting.estimate(found.value, (found.low, found.high), "pseudo_case_t")


def quality_change(pairs: Pairs, metric: Quality, setting: Setting) -> Change:
    """Return the change in accuracy or score over the graded cases of both sides."""
    graded = pairs.take(pairs.baseline.graded & pairs.candidate.graded)
    units = units_of(graded.baseline)
    affected = int(graded.differs.served.sum())
    judged = paired_quality(graded, metric, units, setting)
    failed = graded.baseline.failed.any() or graded.candidate.failed.any()
    rescued = paired_quality(graded.failures_right(), metric, units, setting) if failed and affected else None
    before, after = (quality_of(side, metric, setting) for side in (graded.baseline, graded.candidate))
    found = judged if isinstance(judged, QualityChange) else None
    return Change(
        metric=metric,
        slice=setting.slice,
        scale="absolute",
        unit="share",
        baseline=before,
        candidate=after,
        change=judged.change if isinstance(judged, QualityChange) else judged,
        method=found.change.method if found else "none",
        level=setting.level,
        n=graded.n,
        clusters=units.count,
        trials=graded.baseline.trials,
        affected=affected,
        losses=found.losses if found else None,
        gains=found.gains if found else None,
        failed_right=rescued.change if isinstance(rescued, QualityChange) else rescued,
        p_no_worse=found.p_no_worse if found else None,
        sd=found.sd if found else None,
        trial_sd=found.trial_sd if found else None,
        assumptions=(
            *shared_calls(graded.n, affected, setting.recorded),
            *sampling(units),
            *inference(setting.inference),
            *setting.amid,
            *(counting(graded.baseline.rule) if metric == "accuracy" else ()),
            *judge_notes(judge_status(graded, units), metric),
        ),
    )
