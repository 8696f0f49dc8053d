"""Which finished runs are compared with which."""

from collections.abc import Sequence

from evalgate.core.run import Run
from evalgate.core.verdict import Judgement
from evalgate.pipeline.comparing.judgement import judge_alone, judge_pair, measured_alike

Runs = tuple[Run, ...]
"""Baseline and candidate, or one run alone."""


def paired(runs: Sequence[Run]) -> tuple[Runs, ...]:
    """Return every run with its baseline, the first run of its suite; one of its kind stays alone."""
    suites: dict[str, list[Run]] = {}
    for run in runs:
        suites.setdefault(run.manifest.suite, []).append(run)
    pairs: list[Runs] = []
    for baseline, *candidates in suites.values():
        pairs += [(measured_alike(baseline, each), each) for each in candidates] or [(baseline,)]
    return tuple(pairs)


def judge_runs(runs: Runs) -> Judgement:
    """Judge a pair, or a run alone.

    Raises:
        RunsNotComparable: the runs do not cover the same cases of the same suite.

    """
    return judge_pair(runs[0], runs[1]) if len(runs) == 2 else judge_alone(runs[0])
