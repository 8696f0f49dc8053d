"""The cases of a comparison as the page needs them: one row a case, whatever its number of trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalgate.core.outcome import Answer, Cost, Failure, Graded
from evalgate.core.report_data import ComparisonData
from evalgate.core.run import Run
from evalgate.core.trials import TrialsPass, trial_values

BROKE, FIXED, WRONG, RIGHT, UNGRADED = range(5)
_CHANGED_KINDS = frozenset({BROKE, FIXED})


@dataclass(frozen=True, slots=True)
class Side:
    """One policy on one case: its trials, their means, and the suite's rule for them."""

    trials: tuple[Graded, ...]
    rule: TrialsPass | None = None

    @property
    def first(self) -> Graded:
        """The first trial, which stands for the case where there is room for one."""
        return self.trials[0]

    @property
    def failed(self) -> bool:
        """Whether any trial got no answer."""
        return any(isinstance(each.outcome.result, Failure) for each in self.trials)

    @property
    def graded(self) -> bool:
        """Whether every trial has a grade."""
        return all(each.grade is not None for each in self.trials)

    @property
    def right(self) -> bool:
        """Whether the case counts at least half: of its trials, or as the suite's rule counts them."""
        right = sum(each.grade is not None and each.grade.correct for each in self.trials)
        return trial_values(len(self.trials), self.rule)[right] >= 0.5

    @property
    def latency_s(self) -> float:
        """The mean latency."""
        return sum(each.outcome.latency_s for each in self.trials) / len(self.trials)

    @property
    def cost_usd(self) -> float | None:
        """The mean cost, None where a trial's is not known."""
        costs = [each.cost.total_usd for each in self.trials if isinstance(each.cost, Cost)]
        return sum(costs) / len(costs) if len(costs) == len(self.trials) else None

    @property
    def score(self) -> float | None:
        """The mean score, None where a trial is not graded."""
        scores = [each.grade.score for each in self.trials if each.grade is not None]
        return sum(scores) / len(scores) if len(scores) == len(self.trials) else None


@dataclass(frozen=True, slots=True)
class PairedCase:
    """One case on both sides; ``before`` is None where there is no baseline."""

    case_id: str
    kind: int
    before: Side | None
    after: Side

    @property
    def same_answers(self) -> bool:
        """Whether both sides served the same, trial by trial."""
        if self.before is None:
            return True
        return [each.outcome.result for each in self.before.trials] == [
            each.outcome.result for each in self.after.trials
        ]

    @property
    def changed(self) -> bool:
        """Whether a reader would want to see what was said: it flipped, failed, or the answers differ."""
        failed = self.after.failed or (self.before is not None and self.before.failed)
        return self.kind in _CHANGED_KINDS or failed or not self.same_answers


def paired_cases(data: ComparisonData) -> tuple[PairedCase, ...]:
    """Return every case of a comparison, in the suite's order."""
    after = sides(data.candidate)
    before = sides(data.baseline) if data.baseline is not None else {}
    flips = {flip.case_id: BROKE if flip.kind == "broke" else FIXED for flip in data.judgement.flips}
    return tuple(
        PairedCase(case_id, _kind(case_id, before.get(case_id), side, flips), before.get(case_id), side)
        for case_id, side in ((case_id, after[case_id]) for case_id in (before or after))
    )


def sides(run: Run) -> Mapping[str, Side]:
    """Return the trials of every case of a run, in the order of their first appearance."""
    trials: dict[str, list[Graded]] = {}
    for graded in run.results:
        trials.setdefault(graded.outcome.case_id, []).append(graded)
    rule = run.manifest.rules.trials_pass
    return {case_id: Side(tuple(each), rule) for case_id, each in trials.items()}


def default_order(cases: Sequence[PairedCase]) -> list[int]:
    """Return the places of the cases as a reader wants them: broke, fixed, then the largest change first."""
    cost = _mean([size for each in cases if (size := _cost_change(each)) > 0])
    latency = _mean([size for each in cases if (size := _latency_change(each)) > 0])

    def rank(place: int) -> tuple[int, float, int]:
        case = cases[place]
        flip = case.kind if case.kind in _CHANGED_KINDS else 2
        size = 4.0 * (not case.same_answers) + 4.0 * _score_change(case)
        size += min(_cost_change(case) / cost, 1.9) if cost else 0.0
        size += min(_latency_change(case) / latency, 1.9) if latency else 0.0
        return flip, -size, place

    return sorted(range(len(cases)), key=rank)


def answer_text(graded: Graded) -> str:
    """Return what the user got, or which tools were called."""
    match graded.outcome.result:
        case Answer(text=text, tool_calls=calls):
            return text or ", ".join(call.name for call in calls)
        case Failure():
            return ""


def _kind(case_id: str, before: Side | None, after: Side, flips: Mapping[str, int]) -> int:
    if case_id in flips:
        return flips[case_id]
    if not after.graded or (before is not None and not before.graded):
        return UNGRADED
    return RIGHT if after.right else WRONG


def _cost_change(case: PairedCase) -> float:
    first = case.before.cost_usd if case.before is not None else None
    second = case.after.cost_usd
    return 0.0 if first is None or second is None else abs(second - first)


def _latency_change(case: PairedCase) -> float:
    return 0.0 if case.before is None else abs(case.after.latency_s - case.before.latency_s)


def _score_change(case: PairedCase) -> float:
    first = case.before.score if case.before is not None else None
    second = case.after.score
    return 0.0 if first is None or second is None else abs(second - first)


def _mean(sizes: Sequence[float]) -> float:
    return sum(sizes) / len(sizes) if sizes else 0.0
