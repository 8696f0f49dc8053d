"""Two policies' answers, set against each other, for a reader to see what no budget asks for."""

from collections.abc import Sequence
from math import inf

import numpy as np

from evalgate.core.answers import AnswerChanges, Move, Recovery
from evalgate.core.comparison import Change, Comparison
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.outcome import Answer, Graded
from evalgate.core.run import Run
from evalgate.scoring.accuracy import quality_of
from evalgate.scoring.answer_length import answered_on, lengths_of
from evalgate.scoring.methods.arrays import Ints
from evalgate.scoring.paired_share import share_of
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.recovery import recovery_of
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import units_of

# A key with more values than this (a customer's number) is no slice anybody reads.
MOST_VALUES = 40


def answer_changes(baseline: Run, candidate: Run, comparison: Comparison, pairs: Pairs) -> AnswerChanges:
    """Return what became of the answers; ``comparison`` and ``pairs`` are those of the same two runs."""
    setting = Setting(comparison.alpha, inference=comparison.inference)
    found: list[Recovery] = []
    left_out: list[str] = []
    for key, values in _values(baseline.results, pairs.before_at).items():
        if len(values) > MOST_VALUES:
            left_out.append(key)
            continue
        found += (_recovery(pairs.take(rows), setting, (key, value)) for value, rows in values.items())
    return AnswerChanges(
        changed=_changed(pairs, baseline.results, candidate.results, setting),
        flips=_move(comparison, "flip_rate"),
        format_failures=_move(comparison, "format_failure_rate"),
        length=_move(comparison, "answer_length"),
        length_unit="tokens" if _in_tokens(pairs) else "characters",
        overall=_recovery(pairs, setting, (None, None)),
        slices=tuple(sorted(found, key=_worst_first)),
        left_out=tuple(left_out),
        requantized=baseline.manifest.quantizations != candidate.manifest.quantizations,
    )


def _move(comparison: Comparison, metric: Metric) -> Move:
    change = comparison.find(metric)
    assert isinstance(change, Change)
    return Move(change.baseline, change.candidate, change.change)


def _in_tokens(pairs: Pairs) -> bool:
    answered = pairs.take(answered_on(pairs.baseline) & answered_on(pairs.candidate))
    return lengths_of(answered.baseline, answered.candidate).in_tokens


def _changed(
    pairs: Pairs, baseline: Sequence[Graded], candidate: Sequence[Graded], setting: Setting
) -> Measured:
    if pairs.n == 0:
        return Unmeasured("there are no cases")
    affected = pairs.differs.served
    if not affected.any():
        return setting.estimate(0.0, (0.0, 0.0), "identical")
    other = np.zeros(pairs.baseline.present.shape)
    for row in np.flatnonzero(affected).tolist():
        for trial, (left, right) in enumerate(
            zip(pairs.before_at[row].tolist(), pairs.after_at[row].tolist(), strict=True)
        ):
            other[row, trial] = left >= 0 and _read(baseline[left], candidate[right])
    return share_of(pairs.baseline.mean(other), units_of(pairs.baseline), setting)


def _read(left: Graded, right: Graded) -> bool:
    """Whether two answers read otherwise: by their labels where both have one, else by their words."""
    before, after = left.outcome.result, right.outcome.result
    if not isinstance(before, Answer) or not isinstance(after, Answer):
        return isinstance(before, Answer) or isinstance(after, Answer)
    labels = [None if each.grade is None else each.grade.label for each in (left, right)]
    if None not in labels:
        return labels[0] != labels[1]
    calls = [[(call.name, call.arguments) for call in each.tool_calls] for each in (before, after)]
    return before.text.split() != after.text.split() or calls[0] != calls[1]


def _values(results: Sequence[Graded], at: Ints) -> dict[str, dict[str, Ints]]:
    """The rows of every value of every key of the cases' slices."""
    rows: dict[str, dict[str, list[int]]] = {}
    for row, position in enumerate(at.max(axis=1, initial=-1).tolist()):
        for key, value in results[position].slices.items():
            rows.setdefault(key, {}).setdefault(value, []).append(row)
    return {
        key: {value: np.array(found, dtype=np.intp) for value, found in values.items()}
        for key, values in rows.items()
    }


def _recovery(pairs: Pairs, setting: Setting, where: tuple[str | None, str | None]) -> Recovery:
    graded = pairs.take(pairs.baseline.graded & pairs.candidate.graded)
    before, after = (quality_of(side, "accuracy", setting) for side in (graded.baseline, graded.candidate))
    return Recovery(*where, graded.n, before, after, recovery_of(graded, setting))


def _worst_first(found: Recovery) -> float:
    return found.recovery.value if isinstance(found.recovery, Estimate) else inf
