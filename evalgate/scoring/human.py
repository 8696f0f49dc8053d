"""What people said about the answers of two runs, beside what the judge said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evalgate.core.labels import HumanLabel, answer_digest
from evalgate.core.outcome import Answer, Graded
from evalgate.scoring.methods.arrays import Bools, Floats, Ints

LabelKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class HumanGrades:
    """One number a case from 0 to 1 for each side, NaN where nobody said; failures are wrong unasked.

    ``differ`` marks the cases whose two answers are not the same. Only the first trial is looked at.
    """

    before: Floats
    after: Floats
    differ: Bools

    @property
    def labelled(self) -> Bools:
        """The cases with differing answers of which both are known."""
        return np.asarray(self.differ & ~np.isnan(self.before) & ~np.isnan(self.after))

    def failures_right(self, failed_before: Bools, failed_after: Bools) -> "HumanGrades":
        """Return the grades with failures counted as right answers."""
        return replace(
            self,
            before=np.where(failed_before, 1.0, self.before),
            after=np.where(failed_after, 1.0, self.after),
        )

    def take(self, rows: Ints | Bools) -> "HumanGrades":
        """Return the grades of some cases only."""
        return HumanGrades(self.before[rows], self.after[rows], self.differ[rows])


def label_means(labels: Iterable[HumanLabel]) -> Mapping[LabelKey, float]:
    """Return what people said about each answer: the share of them who found it correct."""
    said: dict[LabelKey, list[bool]] = {}
    for label in labels:
        said.setdefault((label.case, label.answer), []).append(label.correct)
    return {key: sum(votes) / len(votes) for key, votes in said.items()}


def label_key(graded: Graded) -> LabelKey | None:
    """Return under which key an answer is labelled; None for a failure, which nobody needs to read."""
    result = graded.outcome.result
    return (graded.outcome.case_id, answer_digest(result)) if isinstance(result, Answer) else None


def human_grades(
    labels: Iterable[HumanLabel],
    baseline: tuple[Sequence[Graded], Ints],
    candidate: tuple[Sequence[Graded], Ints],
) -> HumanGrades:
    """Return the human grades of two runs, each given as its results and where in them its cases stand."""
    means = label_means(labels)
    before, after = (_keys(results, at) for results, at in (baseline, candidate))
    return HumanGrades(
        before=np.array([_grade(key, means) for key in before]),
        after=np.array([_grade(key, means) for key in after]),
        differ=np.array([left != right for left, right in zip(before, after, strict=True)], dtype=np.bool_),
    )


def _keys(results: Sequence[Graded], at: Ints) -> list[LabelKey | None]:
    return [label_key(results[position]) for position in at.max(axis=1, initial=-1).tolist()]


def _grade(key: LabelKey | None, means: Mapping[LabelKey, float]) -> float:
    return 0.0 if key is None else means.get(key, float("nan"))
