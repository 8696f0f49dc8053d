"""From finished runs to a judgement: compare, judge by the baseline's rules, say where the money went."""

from collections.abc import Sequence
from dataclasses import replace

from evalgate.core.comparison import Comparison
from evalgate.core.confusions import Confusions
from evalgate.core.run import Run
from evalgate.core.verdict import CallCounts, Judgement
from evalgate.gate.judge import Ruling, judge
from evalgate.gate.looks import judge_look
from evalgate.grading.confusion import confusion
from evalgate.pipeline.comparing.prompt_caches import cost_in_states
from evalgate.pipeline.comparing.sides import CostPerCorrect, policy_diff, summarize
from evalgate.pipeline.comparing.utilisation import utilisation_notes, with_sensitivity
from evalgate.pipeline.spending.case_cap import cap_note
from evalgate.scoring.answer_changes import answer_changes
from evalgate.scoring.compare import compare, compare_absolute, compare_look
from evalgate.scoring.pairs import Pairs, pair
from evalgate.scoring.prompt_cache import priced_in

NO_CALLS = CallCounts(needed=0, reused=0, made=0)


def judge_pair(baseline: Run, candidate: Run) -> Judgement:
    """Judge a candidate against a baseline, by the rules that the baseline's run carries.

    Raises:
        RunsNotComparable: the runs do not cover the same cases of the same suite.

    """
    # Each run is priced by its own suite.yaml, and both are judged by the baseline's.
    candidate = priced_in(candidate, baseline.manifest.rules.prompt_cache or "cold")
    baseline = measured_alike(baseline, candidate)
    # Putting runs side by side takes as long as all that is computed from them, so it is done once.
    pairs = pair(baseline, candidate)
    comparison, ruling = _judged((baseline, candidate), pairs)
    judgement = _judgement(comparison, ruling, baseline, candidate)
    return replace(judgement, answers=answer_changes(baseline, candidate, comparison, pairs))


def measured_alike(baseline: Run, candidate: Run) -> Run:
    """Return the baseline on the candidate's cases only, if that ended early because they decided."""
    if candidate.manifest.look is None or candidate.manifest.look.last:
        return baseline
    wanted = {graded.outcome.case_id for graded in candidate.results}
    return replace(
        baseline, results=tuple(each for each in baseline.results if each.outcome.case_id in wanted)
    )


def judge_alone(run: Run) -> Judgement:
    """Judge a run with nothing to compare it with: absolute limits only."""
    return _judgement(*_judged((run,)), run, run)


def _judged(runs: Sequence[Run], pairs: Pairs | None = None) -> tuple[Comparison, Ruling]:
    """Compare the candidate, which comes last, with the baseline, or alone, and judge what came out."""
    rules, look = runs[0].manifest.rules, runs[-1].manifest.look
    if len(runs) == 1:
        comparison = compare_absolute(runs[0])
    elif look is None:
        comparison = compare(runs[0], runs[1], pairs=pairs)
    else:
        looked = compare_look(runs[0], runs[1], look, pairs)
        return looked.plain, judge_look(looked, rules).ruling
    return comparison, judge(comparison, rules)


def _judgement(comparison: Comparison, ruling: Ruling, baseline: Run, candidate: Run) -> Judgement:
    manifest = candidate.manifest
    costs = _costs_per_correct(comparison)
    runs = (candidate,) if comparison.baseline is None else (baseline, candidate)
    checks = with_sensitivity(ruling.checks, runs, lambda filled: _judged(filled)[1].checks)
    return Judgement(
        suite=manifest.suite,
        baseline=comparison.baseline,
        candidate=manifest.policy,
        verdict=ruling.verdict,
        blocked=ruling.blocked,
        headline=ruling.headline,
        checks=checks,
        cases=comparison.cases,
        flips=comparison.flips,
        baseline_side=summarize(baseline, costs[0]),
        candidate_side=summarize(candidate, costs[1]),
        calls=NO_CALLS,
        spend_usd=0.0,
        mode=manifest.mode,
        policy_diff=policy_diff(baseline.manifest.policy_summary, manifest.policy_summary),
        notes=(
            *_weights_note(candidate),
            *_faults_note(runs),
            *_caps(comparison, ruling, baseline, candidate),
            *(note for run in runs for note in utilisation_notes(run)),
        ),
        requests_per_month=manifest.requests_per_month,
        confusions=_confusions(baseline, candidate) if manifest.labels else None,
        judge=comparison.judge,
        prompt_caches=cost_in_states(comparison),
    )


def _costs_per_correct(comparison: Comparison) -> tuple[CostPerCorrect, CostPerCorrect]:
    whole, without = comparison.find("cost_per_correct"), comparison.without_cleanup
    assert whole is not None
    return (
        CostPerCorrect(whole.baseline, None if without is None else without.baseline),
        CostPerCorrect(whole.candidate, None if without is None else without.candidate),
    )


def _weights_note(run: Run) -> tuple[str, ...]:
    weights = {graded.weight for graded in run.results}
    if len(weights) < 2:
        return ()
    said = f"cases weigh {min(weights):g} to {max(weights):g} in every metric, share and cost"
    return (f"{said}; numbers of cases, calls and flips count them as they are",)


def _faults_note(runs: Sequence[Run]) -> tuple[str, ...]:
    """A schedule that nobody lives through proves nothing, and looks as if it did."""
    if not runs[-1].manifest.faults or any(_meets_faults(run) for run in runs):
        return ()
    return ("no attempt met a fault of the suite's traffic; see when the cases come, and what is asked then",)


def _meets_faults(run: Run) -> bool:
    steps = (step for graded in run.results for step in graded.outcome.steps)
    return any(attempt.fault_at_s is not None for step in steps for attempt in step.attempts)


def _caps(comparison: Comparison, ruling: Ruling, baseline: Run, candidate: Run) -> tuple[str, ...]:
    if comparison.identical or all(check.metric != "cost_per_correct" for check in ruling.checks):
        return ()
    sides = (baseline, candidate) if comparison.baseline is not None else (candidate,)
    return cap_note(*(run.manifest for run in sides))


def _confusions(baseline: Run, candidate: Run) -> Confusions:
    labels = candidate.manifest.labels
    before, after = (confusion(run.results, labels) for run in (baseline, candidate))
    return Confusions(
        expected=labels,
        read=after.columns,
        baseline=tuple(tuple(before.counts[label].values()) for label in labels),
        candidate=tuple(tuple(after.counts[label].values()) for label in labels),
    )
