"""A policy against itself: what its own noise alone makes of every metric."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from evalgate.core.comparison import Comparison
from evalgate.core.errors import RunsNotComparable
from evalgate.core.numbers import Measured
from evalgate.core.outcome import Graded
from evalgate.core.run import Run
from evalgate.scoring.columns import Columns, columns_of
from evalgate.scoring.compare import compare
from evalgate.scoring.methods.pseudo_case import share_interval
from evalgate.scoring.paired_quality import UNGRADED
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import units_of


@dataclass(frozen=True, slots=True)
class Aa:
    """Repeated runs of one policy.

    ``flip_rate`` is the share of cases on which two trials disagree about being correct. ``comparisons`` hold
    each trial against the one before it, as if it were a candidate: what the gate says of them is what it
    would say of a change that does nothing.
    """

    policy: str
    trials: int
    flip_rate: Measured
    comparisons: tuple[Comparison, ...]


def aa(run: Run) -> Aa:
    """Return what repeating one policy shows of its noise.

    Raises:
        RunsNotComparable: the run has a single trial, or not every case has every trial.

    """
    trials = split_trials(run)
    return Aa(
        policy=run.manifest.policy,
        trials=len(trials),
        flip_rate=flip_rate(columns_of(run), run.manifest.rules.alpha),
        comparisons=tuple(compare(before, after) for before, after in pairwise(trials)),
    )


def split_trials(run: Run) -> tuple[Run, ...]:
    """Return one run a trial, each numbered 0, so that any two can be compared.

    Raises:
        RunsNotComparable: the run has a single trial.

    """
    numbers = sorted({graded.outcome.trial for graded in run.results})
    if len(numbers) < 2:
        raise RunsNotComparable(
            f"{run.manifest.policy!r} was run once on suite {run.manifest.suite!r}; noise shows only in "
            "repeats: record at least two trials"
        )
    parts: dict[int, list[Graded]] = {number: [] for number in numbers}
    for graded in run.results:
        parts[graded.outcome.trial].append(replace(graded, outcome=replace(graded.outcome, trial=0)))
    # One trial alone is right or wrong: a rule over several says nothing of it.
    rules = replace(run.manifest.rules, trials_pass=None)
    return tuple(
        Run(
            replace(run.manifest, policy=f"{run.manifest.policy} (trial {number})", rules=rules),
            tuple(parts[number]),
        )
        for number in numbers
    )


def flip_rate(columns: Columns, alpha: float) -> Measured:
    """Return the share of cases on which two runs of the policy disagree, averaged over all pairs of trials.

    A case that was right in r of k trials adds ``r (k - r) / (k (k - 1) / 2)``: unbiased for twice the
    chance of being right times that of being wrong.
    """
    repeated = columns.take(columns.graded & (columns.present.sum(axis=1) > 1))
    if repeated.n == 0:
        return UNGRADED
    k = repeated.present.sum(axis=1)
    right = np.where(repeated.present, repeated.correct, 0.0).sum(axis=1)
    disagreeing = right * (k - right) / (k * (k - 1) / 2)
    units, setting = units_of(repeated), Setting(alpha)
    found = share_interval(units.sums(disagreeing), units.sizes, alpha)
    return setting.estimate(found.value, (found.low, found.high), "pseudo_case_t")
