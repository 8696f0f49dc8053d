"""From finished runs to a judgement: compare, judge by the baseline's rules, say where the money went."""

from evalgate.core.comparison import Comparison
from evalgate.core.run import Run
from evalgate.core.verdict import CallCounts, Confusions, Judgement
from evalgate.gate.judge import judge
from evalgate.grading.confusion import confusion
from evalgate.pipeline.sides import policy_diff, summarize
from evalgate.scoring.compare import compare, compare_absolute

NO_CALLS = CallCounts(needed=0, reused=0, made=0)


def judge_pair(baseline: Run, candidate: Run) -> Judgement:
    """Judge a candidate against a baseline, by the rules that the baseline's run carries.

    Raises:
        RunsNotComparable: the runs do not cover the same cases of the same suite.

    """
    return _judgement(compare(baseline, candidate), baseline, candidate)


def judge_alone(run: Run) -> Judgement:
    """Judge a run with nothing to compare it with: absolute limits only."""
    return _judgement(compare_absolute(run), run, run)


def _judgement(comparison: Comparison, baseline: Run, candidate: Run) -> Judgement:
    ruling = judge(comparison, baseline.manifest.rules)
    manifest = candidate.manifest
    return Judgement(
        suite=manifest.suite,
        baseline=comparison.baseline,
        candidate=manifest.policy,
        verdict=ruling.verdict,
        blocked=ruling.blocked,
        headline=ruling.headline,
        checks=ruling.checks,
        cases=comparison.cases,
        flips=comparison.flips,
        baseline_side=summarize(baseline),
        candidate_side=summarize(candidate),
        calls=NO_CALLS,
        spend_usd=0.0,
        mode=manifest.mode,
        policy_diff=policy_diff(baseline.manifest.policy_summary, manifest.policy_summary),
        confusions=_confusions(baseline, candidate) if manifest.labels else None,
    )


def _confusions(baseline: Run, candidate: Run) -> Confusions:
    labels = candidate.manifest.labels
    before, after = (confusion(run.results, labels) for run in (baseline, candidate))
    return Confusions(
        expected=labels,
        read=after.columns,
        baseline=tuple(tuple(before.counts[label].values()) for label in labels),
        candidate=tuple(tuple(after.counts[label].values()) for label in labels),
    )
