"""Flips: the share of cases whose answer turns from right to wrong, or from wrong to right.

Losses and gains that balance leave accuracy where it was while users get other answers; a compressed model
does that more than its accuracy shows (Dutta et al. 2024, arXiv 2407.09141, whose word it is). A model that
answers by chance flips against itself as well, so with several trials the rate is set against how often the
baseline's own trials disagree.
"""

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.assumptions import judge_notes, sampling, shared_calls
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.paired_quality import UNGRADED, judge_status
from evalgate.scoring.paired_share import rise_of, share_of
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import Units, units_of

NO_BASELINE = Unmeasured("there is no baseline to compare with")
ONE_TRIAL = Unmeasured(
    "every case was tried once, so nobody knows how often the baseline's answers flip from one trial to the "
    "next; set trials to 2 or more"
)


def flip_rate_change(pairs: Pairs, setting: Setting) -> Change:
    """Return the flip rate as ``candidate``, and what it is beyond the baseline's own as ``change``.

    A trial of one side is set against the same trial of the other; several are averaged inside the case.
    ``baseline`` is how often two trials of the baseline disagree, on the cases that the candidate answers
    anew: the rest is the same recorded answer, which cannot flip. ``losses`` are cases that turned wrong,
    ``gains`` those that turned right.
    """
    graded = pairs.take(pairs.baseline.graded & pairs.candidate.graded)
    units, affected = units_of(graded.baseline), graded.differs.served
    moved = _moved(graded)
    if graded.n == 0:
        sides: tuple[Measured, Measured] = UNGRADED, UNGRADED
        change: Measured = UNGRADED
        sd = None
    elif not affected.any():
        nothing = setting.estimate(0.0, (0.0, 0.0), "identical")
        sides, change, sd = (nothing, nothing), nothing, 0.0
    else:
        sides, change, sd = _measured(graded, units, setting)
    return Change(
        metric="flip_rate",
        slice=setting.slice,
        scale="absolute",
        unit="share",
        baseline=sides[0],
        candidate=sides[1],
        change=change,
        method=change.method if isinstance(change, Estimate) else "none",
        level=setting.level,
        n=graded.n,
        clusters=units.count,
        trials=graded.baseline.trials,
        affected=int(affected.sum()),
        losses=int((moved < 0).sum()),
        gains=int((moved > 0).sum()),
        failed_right=_rescued(graded, units, setting) if isinstance(change, Estimate) else None,
        sd=sd,
        assumptions=(
            *shared_calls(graded.n, int(affected.sum()), setting.recorded),
            *sampling(units),
            *(_by_chance(graded) if affected.any() else ()),
            *judge_notes(judge_status(graded, units), "flip_rate"),
        ),
    )


def _measured(
    graded: Pairs, units: Units, setting: Setting
) -> tuple[tuple[Measured, Measured], Measured, float | None]:
    between = _between(graded)
    candidate = share_of(between, units, setting)
    own = _own(graded)
    if own is None:
        return (ONE_TRIAL, candidate), ONE_TRIAL, None
    change, sd = rise_of(between - own, units, setting)
    return (share_of(own, units, setting), candidate), change, sd


def _moved(pairs: Pairs) -> Floats:
    return pairs.baseline.mean(pairs.candidate.correct - pairs.baseline.correct)


def _between(pairs: Pairs) -> Floats:
    """The share of each case's trials on which the two sides disagree."""
    return pairs.baseline.mean(np.abs(pairs.candidate.correct - pairs.baseline.correct))


def _own(pairs: Pairs) -> Floats | None:
    """How often two trials of the baseline disagree, by case; None where an affected case has one only.

    Of r right trials among k, ``r (k - r) / (k (k - 1) / 2)`` of the pairs: unbiased for two new trials.
    """
    columns, affected = pairs.baseline, pairs.differs.served
    tried = columns.present.sum(axis=1)
    if tried[affected].min() < 2:
        return None
    right = columns.correct.sum(axis=1)
    of = np.maximum(tried * (tried - 1) / 2, 1)
    return np.where(affected, right * (tried - right) / of, 0.0)


def _rescued(pairs: Pairs, units: Units, setting: Setting) -> Measured | None:
    """The change with failed trials counted as right, which a pass must survive as well."""
    if not (pairs.baseline.failed.any() or pairs.candidate.failed.any()) or not pairs.differs.served.any():
        return None
    return _measured(pairs.failures_right(), units, setting)[1]


def _by_chance(pairs: Pairs) -> tuple[str, ...]:
    if pairs.baseline.trials == 1:
        return ("flips that the model makes against itself are in the flip rate: every case was tried once",)
    said = "the flip rate's baseline is how often two of the baseline's own trials disagree"
    return (f"{said}, on the cases that the candidate answers anew",)
