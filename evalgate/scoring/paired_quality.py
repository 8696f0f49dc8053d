"""The paired change in accuracy or score: which interval it gets, and what it is counted from."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalgate.core.labels import JudgeStatus
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.arrays import Bools, Floats
from evalgate.scoring.methods.ppi import LEAST_LABELS, Judged, corrected_interval
from evalgate.scoring.methods.pseudo_case import difference_interval
from evalgate.scoring.methods.tango import no_worse_p, tango_interval
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.suite_mode import LEAST_TRIALS, right_variance, suite_interval, trial_variance
from evalgate.scoring.units import Units

Quality = Literal["accuracy", "score"]
UNGRADED = Unmeasured("no case has a target, so no answer was graded")
TOO_FEW_TRIALS = Unmeasured(
    f"inference: suite asks what the models' own noise may have done, and needs {LEAST_TRIALS} trials of "
    "each case to know it; set trials, or inference: population"
)
ONE_OBSERVATION = Unmeasured(
    "inference: suite needs to know how far a case may be off by chance, and trials judged as a whole are "
    "one observation of it; write inference: population, or a rule like pass^3"
)


@dataclass(frozen=True, slots=True)
class QualityChange:
    """A paired change with what it was counted from and what later planning needs of it."""

    change: Estimate
    losses: int
    gains: int
    p_no_worse: float
    sd: float
    trial_sd: float | None = None


def quality_table(columns: Columns, metric: Quality) -> Floats:
    """Return what ``metric`` averages: by case and trial, a number from 0 to 1."""
    return columns.correct if metric == "accuracy" else columns.score


def case_values(columns: Columns, metric: Quality) -> Floats:
    """Return what each case counts for ``metric``: a number from 0 to 1."""
    return columns.right() if metric == "accuracy" else columns.mean(columns.score)


def case_variance(columns: Columns, metric: Quality) -> Floats:
    """Return the variance that trials add to what each case counts."""
    return right_variance(columns) if metric == "accuracy" else trial_variance(columns, columns.score)


def noise_problem(columns: Columns, metric: Quality, affected: Bools) -> Unmeasured | None:
    """Return why the trials of the ``affected`` cases do not tell that variance, if so."""
    rule = columns.rule if metric == "accuracy" else None
    if rule is not None and rule.of is not None:
        return ONE_OBSERVATION
    least = int(columns.present.sum(axis=1)[affected].min())
    if rule is not None and least < 2 * rule.right:
        return Unmeasured(
            f"inference: suite needs {2 * rule.right} trials of each case to know how far pass^{rule.right} "
            "may be off by chance; set trials, or inference: population"
        )
    return TOO_FEW_TRIALS if least < LEAST_TRIALS else None


def paired_quality(
    pairs: Pairs, metric: Quality, units: Units, setting: Setting
) -> QualityChange | Unmeasured:
    """Return the change over graded cases, or why there is none."""
    if pairs.n == 0:
        return UNGRADED
    for side in (pairs.baseline, pairs.candidate):
        if problem := grade_problem(side, quality_table(side, metric)):
            return problem
    if not pairs.differs.served.any():
        return QualityChange(setting.estimate(0.0, (0.0, 0.0), "identical"), 0, 0, p_no_worse=1.0, sd=0.0)
    judge = judge_status(pairs, units)
    if metric == "accuracy" and judge is not None and judge.validated:
        return _corrected(pairs, setting)
    if setting.inference == "suite":
        return _on_this_suite(pairs, metric, units, setting)
    return _on_traffic_like_it(pairs, metric, units, setting)


def grade_problem(columns: Columns, values: Floats) -> Unmeasured | None:
    """Return why these grades make no metric, if so."""
    odd = ~((values >= 0) & (values <= 1)) & columns.present
    if not odd.any():
        return None
    row, trial = (int(index[0]) for index in np.nonzero(odd))
    return Unmeasured(
        f"the grade of case {columns.name(row)!r} is {values[row, trial]:g}, not a number from 0 to 1 "
        f"({int(odd.any(axis=1).sum())} such cases); mend the grader"
    )


def judge_status(pairs: Pairs, units: Units) -> JudgeStatus | None:
    """Return whether human labels correct the judge: enough of them, on single cases tried once."""
    human = pairs.human
    if human is None:
        return None
    labelled, differing = int(human.labelled.sum()), int(human.differ.sum())
    needed = min(LEAST_LABELS, differing)
    if pairs.pairwise:
        because = "labels say whether an answer is correct, not which of two is better"
    elif pairs.baseline.trials > 1:
        because = "labels correct single trials only"
    elif not units.plain:
        because = "labels correct cases without groups and weights only"
    elif labelled < needed:
        because = f"{needed} must be"
    else:
        because = ""
    return JudgeStatus(labelled, differing, validated=not because, because=because)


def _corrected(pairs: Pairs, setting: Setting) -> QualityChange:
    human = pairs.human
    assert human is not None
    labelled = human.labelled[human.differ]
    moved = np.where(human.differ, human.after - human.before, 0.0)
    if labelled.all():
        # People have judged everything that differs: nothing is left of the judge.
        return _plain(moved, pairs.n, setting)
    cases = Judged(
        judged=_moves(pairs, "accuracy")[human.differ],
        human=np.where(labelled, moved[human.differ], 0.0),
        labelled=labelled,
        total=pairs.n,
    )
    found = corrected_interval(cases, setting.alpha)
    return QualityChange(
        change=setting.estimate(found.value, (found.low, found.high), "ppi"),
        losses=int((cases.judged < 0).sum()),
        gains=int((cases.judged > 0).sum()),
        p_no_worse=found.p_nonnegative,
        sd=found.sd,
    )


def _plain(moved: Floats, n: int, setting: Setting) -> QualityChange:
    losses, gains = int((moved < 0).sum()), int((moved > 0).sum())
    if bool(np.isin(moved, (-1.0, 0.0, 1.0)).all()):
        return _tango(losses, gains, n, setting)
    found = difference_interval(moved, np.ones(n), setting.alpha)
    estimate = setting.estimate(found.value, (found.low, found.high), "pseudo_case_t")
    return QualityChange(estimate, losses, gains, found.p_nonnegative, found.sd)


def _moves(pairs: Pairs, metric: Quality) -> Floats:
    left, right = pairs.baseline, pairs.candidate
    return case_values(right, metric) - case_values(left, metric)


def _noise(pairs: Pairs, metric: Quality) -> Floats:
    """The variance that trials add to each case's difference; nothing where both sides share calls."""
    both = sum(case_variance(side, metric) for side in (pairs.baseline, pairs.candidate))
    return np.where(pairs.differs.served, both, 0.0)


def _trial_sd(pairs: Pairs, metric: Quality, units: Units) -> float | None:
    if pairs.baseline.trials == 1 or not units.plain or (metric == "accuracy" and pairs.baseline.rule):
        return None
    noise = _noise(pairs, metric)
    return math.sqrt(float(np.mean(noise * pairs.baseline.present.sum(axis=1))))


def _on_this_suite(
    pairs: Pairs, metric: Quality, units: Units, setting: Setting
) -> QualityChange | Unmeasured:
    affected = pairs.differs.served
    if problem := noise_problem(pairs.baseline, metric, affected):
        return problem
    moved, noise = _moves(pairs, metric), _noise(pairs, metric)
    found = suite_interval(moved, noise, units.weights, affected, setting.alpha)
    return QualityChange(
        change=setting.estimate(found.value, (found.low, found.high), "suite"),
        losses=int((moved < 0).sum()),
        gains=int((moved > 0).sum()),
        p_no_worse=found.p_nonnegative,
        sd=found.sd,
        trial_sd=_trial_sd(pairs, metric, units),
    )


def _on_traffic_like_it(pairs: Pairs, metric: Quality, units: Units, setting: Setting) -> QualityChange:
    moved = _moves(pairs, metric)
    losses, gains = int((moved < 0).sum()), int((moved > 0).sum())
    if metric == "accuracy" and units.plain and pairs.baseline.tossed_once:
        return _tango(losses, gains, pairs.n, setting)
    found = difference_interval(units.sums(moved), units.sizes, setting.alpha)
    return QualityChange(
        change=setting.estimate(found.value, (found.low, found.high), "pseudo_case_t"),
        losses=losses,
        gains=gains,
        p_no_worse=found.p_nonnegative,
        sd=found.sd,
        trial_sd=_trial_sd(pairs, metric, units),
    )


def _tango(losses: int, gains: int, n: int, setting: Setting) -> QualityChange:
    limits = tango_interval(losses, gains, n, setting.alpha)
    # Half a case more than seen: a suite without a discordant case is not one without discordance.
    discordance = (losses + gains + 0.5) / (n + 1)
    difference = (gains - losses) / n
    return QualityChange(
        change=setting.estimate(difference, limits, "tango"),
        losses=losses,
        gains=gains,
        p_no_worse=no_worse_p(losses, gains),
        sd=math.sqrt(max(discordance - difference**2, 0.0)),
    )
