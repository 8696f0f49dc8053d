"""Runs as columns: one pass over graded outcomes, then numpy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evalgate.core.errors import RunsNotComparable
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Failure, Graded
from evalgate.core.run import Run
from evalgate.core.trials import TrialsPass, trial_values
from evalgate.scoring.answers import Answers, answers_of
from evalgate.scoring.hits import Hits, hits_of
from evalgate.scoring.ledgers import by_timed_batch, cost_unknown_because, lag_s_of
from evalgate.scoring.methods.arrays import Bools, Floats, Ints, keeps_all
from evalgate.scoring.token_columns import TokenColumns, token_columns


@dataclass(frozen=True, slots=True)
class Columns:
    """One run, one row a case and one column a trial; ``rows`` indexes into ``case_ids``.

    ``present`` marks the trials that exist (repeats may differ between cases). Where it is False the
    numbers are 0 and mean nothing. ``cost_usd`` is NaN where unmeasured, with one reason in
    ``cost_unknown``. ``lag_s`` is the part of ``latency_s`` that may be evalgate's own. ``correct`` and
    ``score`` are 0 on cases that are not ``graded`` and on failed ones.
    ``rule`` says what the trials of a case must show for it to be right, where that is not their share.
    ``tokens`` is None for a policy that does not say whether it streams. ``batch_window_s`` is 0 where no
    batch API answered; where one did, and was recorded, ``batch_timed`` says that ``latency_s`` is its time.
    ``faulted`` marks the failed trials that met a fault of the suite's traffic: those fail by design.
    """

    case_ids: tuple[str, ...]
    rows: Ints
    present: Bools
    correct: Floats
    score: Floats
    cost_usd: Floats
    latency_s: Floats
    failed: Bools
    graded: Bools
    groups: Ints
    weights: Floats
    cost_unknown: str
    hits: Hits
    lag_s: Floats
    answers: Answers
    batch_window_s: Floats
    batch_timed: Bools
    rule: TrialsPass | None = None
    tokens: TokenColumns | None = None
    faulted: Bools | None = None

    @property
    def n(self) -> int:
        """How many cases there are."""
        return len(self.rows)

    @property
    def trials(self) -> int:
        """How many trials a case has at most."""
        return int(self.present.shape[1])

    @property
    def batched(self) -> Bools:
        """Which requests a batch API answered, so that nobody waited."""
        return np.asarray(self.batch_window_s > 0)

    @property
    def weighted(self) -> bool:
        """Whether cases weigh differently."""
        return bool(self.n) and not bool(np.all(self.weights == self.weights[0]))

    def name(self, row: int) -> str:
        """Return the id of the case in ``row``."""
        return self.case_ids[int(self.rows[row])]

    @property
    def tossed_once(self) -> bool:
        """Whether every case is plainly right or wrong: tried once, or judged as a whole."""
        return self.trials == 1 or (self.rule is not None and self.rule.of is not None)

    def right(self) -> Floats:
        """Return what each case counts for accuracy: its share of correct trials, or what the rule says."""
        rule = self.rule
        if rule is None:
            return self.mean(self.correct)
        return self.by_count(lambda trials: trial_values(trials, rule))

    def by_count(self, values: Callable[[int], Sequence[float]]) -> Floats:
        """Return, for each case of n trials, ``values(n)`` at its number of correct ones."""
        tried, correct = self.present.sum(axis=1), self.correct.sum(axis=1).astype(np.intp)
        out = np.zeros(self.n)
        for trials in set(tried.tolist()):
            here = tried == trials
            out[here] = np.array(values(trials))[correct[here]]
        return out

    def mean(self, values: Floats) -> Floats:
        """Average one column over the trials of each case."""
        if values.shape[1] == 1:
            return values[:, 0]
        total = np.where(self.present, values, 0.0).sum(axis=1)
        return np.asarray(total / self.present.sum(axis=1))

    def take(self, rows: Ints | Bools) -> "Columns":
        """Return the columns of some cases only."""
        if keeps_all(rows):
            return self
        return Columns(
            case_ids=self.case_ids,
            rows=self.rows[rows],
            present=self.present[rows],
            correct=self.correct[rows],
            score=self.score[rows],
            cost_usd=self.cost_usd[rows],
            latency_s=self.latency_s[rows],
            failed=self.failed[rows],
            graded=self.graded[rows],
            groups=self.groups[rows],
            weights=self.weights[rows],
            cost_unknown=self.cost_unknown,
            hits=self.hits.take(rows),
            lag_s=self.lag_s[rows],
            answers=self.answers.take(rows),
            batch_window_s=self.batch_window_s[rows],
            batch_timed=self.batch_timed[rows],
            rule=self.rule,
            tokens=None if self.tokens is None else self.tokens.take(rows),
            faulted=None if self.faulted is None else self.faulted[rows],
        )

    def graded_where(self, rows: Bools) -> "Columns":
        """Return the columns with the other cases ungraded: their grades are gone, their spend stays."""
        kept = rows[:, np.newaxis]
        return replace(
            self,
            graded=self.graded & rows,
            correct=np.where(kept, self.correct, 0.0),
            score=np.where(kept, self.score, 0.0),
        )

    def failures_right(self) -> "Columns":
        """Return the columns with failed trials counted right, but for those that fail by design."""
        rescued = self.failed & self.graded[:, np.newaxis]
        if self.faulted is not None:
            rescued &= ~self.faulted
        return replace(
            self, correct=np.where(rescued, 1.0, self.correct), score=np.where(rescued, 1.0, self.score)
        )


def columns_of(run: Run) -> Columns:
    """Return the columns of one run, cases in the order of their first appearance.

    Raises:
        RunsNotComparable: the run holds a case and trial twice.

    """
    return columns_at(run, places(run))


@dataclass(frozen=True, slots=True)
class Places:
    """Where each graded outcome of a run goes: its case's row and its trial's column.

    ``numbers`` are the trials that occur anywhere, one a column.
    """

    case_ids: tuple[str, ...]
    numbers: tuple[int, ...]
    rows: Ints
    trials: Ints

    @property
    def shape(self) -> tuple[int, int]:
        """Cases by trials."""
        return len(self.case_ids), max(len(self.numbers), 1)

    @property
    def at(self) -> Ints:
        """Positions in the run's results by row and column; -1 where there is no such trial."""
        table = np.full(self.shape, -1, dtype=np.intp)
        table[self.rows, self.trials] = np.arange(len(self.rows))
        return table


def places(run: Run) -> Places:
    """Return where each outcome of ``run`` belongs, in order of first appearance.

    Raises:
        RunsNotComparable: the run holds a case and trial twice.

    """
    index: dict[str, int] = {}
    ids = [graded.outcome.case_id for graded in run.results]
    rows = np.array([index.setdefault(case_id, len(index)) for case_id in ids], dtype=np.intp)
    raw = np.array([graded.outcome.trial for graded in run.results], dtype=np.intp)
    known, trials = np.unique(raw, return_inverse=True)
    width = max(len(known), 1)
    seen = np.bincount(rows * width + trials, minlength=1)
    if ids and seen.max() > 1:
        twice = np.flatnonzero(seen > 1)
        row, column = divmod(int(twice[0]), width)
        raise RunsNotComparable(
            f"{run.manifest.policy}: case {tuple(index)[row]!r}, trial {known[column]}, stands in the run "
            f"{seen[twice[0]]} times ({len(twice)} such); measure the policy again"
        )
    return Places(tuple(index), tuple(known.tolist()), rows, trials.astype(np.intp))


def columns_at(run: Run, place: Places) -> Columns:
    """Return the columns of ``run`` whose outcomes belong where ``place`` says."""
    results = run.results
    rule = run.manifest.rules.trials_pass
    _check_trials(run, place, rule)
    first = _first(place, len(results))
    graded = _graded(place, results)
    where = (place.rows, place.trials)

    def table(values: Sequence[float] | Floats) -> Floats:
        out = np.zeros(place.shape)
        out[where] = values
        return out

    correct, score, cost, latency, failed = (
        np.array(column, dtype=np.float64) for column in _numbers(results)
    )
    return Columns(
        case_ids=place.case_ids,
        rows=np.arange(len(place.case_ids)),
        present=table(np.ones(len(results))) > 0,
        correct=table(correct),
        score=table(score),
        cost_usd=table(cost),
        latency_s=table(latency),
        failed=table(failed) > 0,
        graded=graded,
        groups=_groups([results[i].group for i in first]),
        weights=np.array([results[i].weight for i in first], dtype=np.float64),
        cost_unknown=cost_unknown_because(results),
        lag_s=table([lag_s_of(each) for each in results]),
        batch_window_s=table([each.outcome.batch_window_s or 0.0 for each in results]),
        batch_timed=table([by_timed_batch(each) for each in results]) > 0,
        hits=hits_of(results, where, place.shape),
        answers=answers_of(results, where, place.shape),
        rule=rule,
        tokens=token_columns(results, where, place.shape),
        faulted=table([each.outcome.failed_by_design for each in results]) > 0,
    )


def _check_trials(run: Run, place: Places, rule: TrialsPass | None) -> None:
    least = int(np.bincount(place.rows).min()) if len(place.rows) else 0
    if rule is not None and least and least < rule.right:
        raise RunsNotComparable(
            f"{run.manifest.policy!r} has a case with {least} trials, and trials_pass needs {rule.right}; "
            "measure the policy again"
        )


def _graded(place: Places, results: Sequence[Graded]) -> Bools:
    # Where a judge failed on one trial, what the others say is not what the case would have counted.
    ungraded = [row for row, each in zip(place.rows, results, strict=True) if each.grade is None]
    graded = np.ones(len(place.case_ids), dtype=np.bool_)
    graded[ungraded] = False
    return graded


def _first(place: Places, count: int) -> list[int]:
    first = np.full(len(place.case_ids), -1, dtype=np.intp)
    first[place.rows[::-1]] = np.arange(count)[::-1]
    return [int(i) for i in first]


def _numbers(results: Sequence[Graded]) -> tuple[list[float], ...]:
    correct: list[float] = []
    score: list[float] = []
    cost: list[float] = []
    latency: list[float] = []
    failed: list[float] = []
    for each in results:
        grade, spent, outcome = each.grade, each.cost, each.outcome
        correct.append(0.0 if grade is None else float(grade.correct))
        score.append(0.0 if grade is None else grade.score)
        cost.append(np.nan if isinstance(spent, Unmeasured) else spent.total_usd)
        latency.append(outcome.latency_s)
        failed.append(float(isinstance(outcome.result, Failure)))
    return correct, score, cost, latency, failed


def _groups(names: Sequence[str | None]) -> Ints:
    codes: dict[str, int] = {}
    out = np.empty(len(names), dtype=np.intp)
    for row, name in enumerate(names):
        # A case without a group stands alone: negative codes never collide with those of named groups.
        out[row] = -1 - row if name is None else codes.setdefault(name, len(codes))
    return out
