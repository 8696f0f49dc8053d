"""What an interrupted run can still show: the cases that were measured, and that nothing is decided."""

from collections.abc import Sequence
from dataclasses import replace

from evalgate.core.errors import ExitCode, MissingRecordings
from evalgate.core.progress import Progress
from evalgate.core.suite import Suite
from evalgate.core.verdict import Decision, Judgement
from evalgate.gate.decide import decide
from evalgate.pipeline.comparing.bench import Bench, Judged
from evalgate.pipeline.measuring.walk import walk
from evalgate.store.recordings import Recordings


def partial_judgements(bench: Bench, progress: Progress) -> list[Judged]:
    """Judge the cases of which every call is there, as inconclusive."""
    suite = bench.suite
    measured = _measured(suite, bench.recordings)
    if not measured.cases:
        return []
    try:
        judged = replace(bench, suite=measured).judgements(progress)
    except MissingRecordings:
        return []  # a judge's call is missing
    said = f"interrupted after {len(measured.cases):,} of {len(suite.cases):,} cases: nothing is decided"
    return [(_undecided(judgement, said), runs) for judgement, runs in judged]


def interrupted(judgements: Sequence[Judgement], notes: Sequence[str]) -> Decision:
    """Return the decision of a run that was interrupted: none, whatever it would have become."""
    note = "interrupted: finished work is kept, and the same command continues"
    decision = decide(judgements, (note, *notes))
    return replace(decision, verdict="inconclusive", blocked=False, exit_code=ExitCode.INTERRUPTED)


def _measured(suite: Suite, recordings: Recordings) -> Suite:
    missing: set[str] = set()
    for policy in (suite.baseline, *suite.proposals):
        if policy is not None:
            missing |= walk(suite, policy, recordings, succeeding=True).missing_cases.keys()
    if not suite.ordered:
        return replace(suite, cases=tuple(case for case in suite.cases if case.id not in missing))
    # What a cache serves depends on every case before.
    first = next((place for place, case in enumerate(suite.cases) if case.id in missing), len(suite.cases))
    return replace(suite, cases=suite.cases[:first])


def _undecided(judgement: Judgement, said: str) -> Judgement:
    checks = tuple(
        replace(check, verdict="inconclusive", blocked=False, reason=said) for check in judgement.checks
    )
    return replace(judgement, verdict="inconclusive", blocked=False, headline=said, checks=checks)
