"""The verb ``compare``: the same gate on two finished runs, without suites, policies or network."""

from pathlib import Path

from evalgate.core.verdict import Decision
from evalgate.gate.decide import decide
from evalgate.pipeline.comparing.judgement import judge_pair
from evalgate.store.runs import read_run


def compare_files(baseline: Path, candidate: Path) -> Decision:
    """Judge two run files by the rules that the baseline's carries.

    Raises:
        BadInput: a file is not a run, or of a newer schema.
        RunsNotComparable: the runs do not cover the same cases of the same suite.

    """
    return decide([judge_pair(read_run(baseline), read_run(candidate))])
