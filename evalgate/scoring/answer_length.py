"""Length drift: how much longer the answers of one side are, over the cases that both sides answered."""

from dataclasses import dataclass

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.assumptions import sampling, shared_calls
from evalgate.scoring.columns import Columns
from evalgate.scoring.cost import LEAST_CHANGED
from evalgate.scoring.methods.arrays import Bools, Floats
from evalgate.scoring.methods.fieller import (
    CostColumns,
    RatioInterval,
    change_interval,
    log_sd,
    ratio_interval,
)
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import Units, units_of

NO_ANSWER = Unmeasured("no case was answered in every trial")
EMPTY = Unmeasured("the baseline's answers are empty, so no share of their length means anything")


@dataclass(frozen=True, slots=True)
class Lengths:
    """One number a case and side, trials averaged."""

    before: Floats
    after: Floats
    in_tokens: bool

    @property
    def changed(self) -> Bools:
        """The cases whose answers differ in length."""
        return np.asarray(self.before != self.after)


def answer_length_change(pairs: Pairs, setting: Setting) -> Change:
    """Return the ratio of the sides' mean lengths, minus one.

    Lengths are output tokens where the provider counted them for every answer of both sides, and characters
    elsewhere. A case that failed in any trial has no length and is left out on both sides. The interval is
    Fieller's, widened by one more copy of the case that speaks most against it, as for cost.
    """
    answered = pairs.take(answered_on(pairs.baseline) & answered_on(pairs.candidate))
    units, lengths = units_of(answered.baseline), lengths_of(answered.baseline, answered.candidate)
    found = _ratio(lengths, units, setting)
    change = _estimate(found, setting) if isinstance(found, RatioInterval) else found
    anew = int(answered.differs.served.sum())
    return Change(
        metric="answer_length",
        slice=setting.slice,
        scale="relative",
        unit="length",
        baseline=_mean(lengths.before, units, setting),
        candidate=_mean(lengths.after, units, setting),
        change=change,
        method=change.method if isinstance(change, Estimate) else "none",
        level=setting.level,
        n=answered.n,
        clusters=units.count,
        trials=answered.baseline.trials,
        affected=int(lengths.changed.sum()),
        undecided_because=_too_few(units, lengths) if isinstance(found, RatioInterval) else "",
        sd=log_sd(found, units.count, setting.alpha) if isinstance(found, RatioInterval) else None,
        assumptions=(
            *shared_calls(answered.n, anew, setting.recorded),
            *sampling(units),
            *_notes(lengths, pairs.n - answered.n),
        ),
    )


def answer_length_of(columns: Columns, setting: Setting) -> Measured:
    """Return the mean length of one side's answers."""
    answered = columns.take(answered_on(columns))
    return _mean(lengths_of(answered, answered).after, units_of(answered), setting)


def answered_on(columns: Columns) -> Bools:
    """Return the cases that were answered in every trial."""
    return np.asarray(~columns.failed.any(axis=1))


def lengths_of(before: Columns, after: Columns) -> Lengths:
    """Return both sides' lengths in the same unit; tokens only where all of them are known."""
    known = all(np.isfinite(side.answers.tokens[side.present]).all() for side in (before, after))
    left, right = (
        side.mean(side.answers.tokens if known else side.answers.characters) for side in (before, after)
    )
    return Lengths(left, right, in_tokens=known)


def _mean(values: Floats, units: Units, setting: Setting) -> Measured:
    if not len(values):
        return NO_ANSWER
    sums, sizes = units.sums(values), units.sizes
    limits = ratio_interval(sums, sizes, setting.alpha)
    return setting.estimate(float(sums.sum() / sizes.sum()), limits, "fieller")


def _ratio(lengths: Lengths, units: Units, setting: Setting) -> RatioInterval | Measured:
    if not len(lengths.before):
        return NO_ANSWER
    if not lengths.changed.any():
        return setting.estimate(0.0, (0.0, 0.0), "identical")
    if not lengths.before.any():
        return EMPTY
    before, after, sizes = units.sums(lengths.before), units.sums(lengths.after), units.sizes
    return change_interval(CostColumns(before, after, sizes, sizes), setting.alpha)


def _estimate(found: RatioInterval, setting: Setting) -> Estimate:
    return setting.estimate(found.value - 1, (found.low - 1, found.high - 1), "fieller")


def _too_few(units: Units, lengths: Lengths) -> str:
    moved = units.among(lengths.changed)
    if moved >= LEAST_CHANGED:
        return ""
    what = "case" if units.single else "group"
    return (
        f"answers changed in length on {moved} {what}{'s' * (moved != 1)} only; "
        f"{LEAST_CHANGED} are needed before an interval of the ratio can be trusted"
    )


def _notes(lengths: Lengths, left_out: int) -> tuple[str, ...]:
    counted = "tokens" if lengths.in_tokens else "characters, as the tokens of some answers are not known"
    notes = [f"answer length is counted in {counted}"]
    if left_out:
        notes.append(f"answer length leaves out {left_out} cases that failed on a side")
    return tuple(notes)
