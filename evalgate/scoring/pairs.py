"""Two runs side by side: the same cases and trials of the same suite, row by row."""

from dataclasses import dataclass, replace

import numpy as np

from evalgate.core.errors import RunsNotComparable
from evalgate.core.labels import HumanLabel
from evalgate.core.run import Run
from evalgate.scoring.affected import Differences, differences
from evalgate.scoring.columns import Columns, Places, columns_at, places
from evalgate.scoring.human import HumanGrades, human_grades
from evalgate.scoring.methods.arrays import Bools, Ints, keeps_all


@dataclass(frozen=True, slots=True)
class Pairs:
    """Both sides with equal rows, and what differs between them on each case.

    ``before_at`` and ``after_at`` hold, by case and trial, the positions in the two runs' results.
    ``human`` is set exactly when a judge graded the suite; with ``pairwise`` it saw the candidate's answers
    beside the baseline's.
    """

    baseline: Columns
    candidate: Columns
    differs: Differences
    before_at: Ints
    after_at: Ints
    human: HumanGrades | None = None
    pairwise: bool = False

    @property
    def n(self) -> int:
        """How many cases there are."""
        return self.baseline.n

    def take(self, rows: Ints | Bools) -> "Pairs":
        """Return some of the cases only."""
        if keeps_all(rows):
            return self
        return replace(
            self,
            baseline=self.baseline.take(rows),
            candidate=self.candidate.take(rows),
            differs=self.differs.take(rows),
            before_at=self.before_at[rows],
            after_at=self.after_at[rows],
            human=None if self.human is None else self.human.take(rows),
        )

    def failures_right(self) -> "Pairs":
        """Return both sides with every failed trial counted as a right answer."""
        human = self.human
        if human is not None:
            human = human.failures_right(self.baseline.failed[:, 0], self.candidate.failed[:, 0])
        return replace(
            self,
            baseline=self.baseline.failures_right(),
            candidate=self.candidate.failures_right(),
            human=human,
        )


def pair(baseline: Run, candidate: Run) -> Pairs:
    """Put two runs side by side, cases in the baseline's order.

    Raises:
        RunsNotComparable: the runs are of different suites, cases or trials.

    """
    if baseline.manifest.suite_digest != candidate.manifest.suite_digest:
        raise RunsNotComparable(
            f"{baseline.manifest.policy!r} and {candidate.manifest.policy!r} were measured on different "
            f"versions of suite {candidate.manifest.suite!r}; run the baseline again on this version"
        )
    against = candidate.manifest.judged_against
    if against is not None and against != baseline.manifest.policy_digest:
        raise RunsNotComparable(
            f"the judge compared the answers of {candidate.manifest.policy!r} with those of another policy "
            f"(or version) than {baseline.manifest.policy!r}; run both together"
        )
    before, after = places(baseline), places(candidate)
    order = _order(before, after)
    left, right = columns_at(baseline, before), columns_at(candidate, after).take(order)
    right = replace(right, case_ids=left.case_ids, rows=left.rows)
    _check_trials(left, right, same_numbers=before.numbers == after.numbers)
    # A judge that failed on one side has said nothing of the other side's answer either.
    both = left.graded & right.graded
    if (left.graded != right.graded).any():
        left, right = left.graded_where(both), right.graded_where(both)
    before_at, after_at = before.at, after.at[order]
    differs = differences(baseline.results, candidate.results, before_at, after_at)
    labels, human = labels_of(baseline, candidate), None
    if labels is not None:
        human = human_grades(labels, (baseline.results, before_at), (candidate.results, after_at))
    pairwise = candidate.manifest.judged_against is not None
    return Pairs(left, right, differs, before_at, after_at, human, pairwise)


def labels_of(baseline: Run, candidate: Run) -> tuple[HumanLabel, ...] | None:
    """Return what people said about the answers of two runs, each label once; None where no judge graded."""
    said = [run.manifest.human for run in (baseline, candidate) if run.manifest.human is not None]
    once = {(each.case, each.answer, each.by): each for labels in said for each in labels}
    return tuple(once.values()) if said else None


def _order(before: Places, after: Places) -> Ints:
    if before.case_ids == after.case_ids:
        return np.arange(len(before.case_ids))
    if odd := sorted(set(before.case_ids) ^ set(after.case_ids)):
        raise RunsNotComparable(
            f"case {odd[0]!r} is in only one of the two runs ({len(odd)} such); "
            "run the baseline again on this version of the suite"
        )
    index = {case_id: row for row, case_id in enumerate(after.case_ids)}
    return np.array([index[case_id] for case_id in before.case_ids], dtype=np.intp)


def _check_trials(left: Columns, right: Columns, *, same_numbers: bool) -> None:
    odd = np.flatnonzero((left.present != right.present).any(axis=1)) if same_numbers else np.arange(left.n)
    if len(odd):
        row = int(odd[0])
        raise RunsNotComparable(
            f"case {left.name(row)!r} has {int(left.present[row].sum())} trials in the baseline and "
            f"{int(right.present[row].sum())} in the candidate, or differently numbered ones "
            f"({len(odd)} such cases); run both policies with the same trials"
        )
