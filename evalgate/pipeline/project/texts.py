"""What was asked and said in the runs of a project, for whoever wants to read it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.cases import Case
from evalgate.core.report_data import CallKey, CallText
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.project.places import committed_recordings, recordings_in, store_file
from evalgate.store.texts import read_texts, texts_in


@dataclass(frozen=True, slots=True)
class Texts:
    """``inputs`` by suite and case id, ``calls`` by digest and session; either lacks what was not found."""

    inputs: Mapping[str, Mapping[str, str]]
    calls: Mapping[CallKey, CallText]


NO_TEXTS = Texts({}, {})


def texts_of(project: Project, runs: Iterable[Run]) -> Texts:
    """Return the texts of ``runs`` that the project's cases and recordings hold.

    Cases are taken from suites that are the same as when they were run.
    """
    runs = list(runs)
    digests = {run.manifest.suite: run.manifest.suite_digest for run in runs}
    inputs = {
        suite.name: {case.id: question_of(case) for case in suite.cases}
        for suite in project.suites
        if digests.get(suite.name) == suite.digest and suite.texts == "all"
    }
    return Texts(inputs, _calls(project, runs))


def question_of(case: Case) -> str:
    """Return what a reader would call the question of a case: its input, or the last turn of the user."""
    if case.input is not None:
        return case.input
    turns = case.messages or ()
    asked = next((turn.content for turn in reversed(turns) if turn.role == "user" and turn.content), None)
    return asked or next((turn.content for turn in reversed(turns) if turn.content), "")


def _calls(project: Project, runs: Sequence[Run]) -> Mapping[CallKey, CallText]:
    wanted: dict[str, set[CallKey]] = {}
    for run in runs:
        keys = wanted.setdefault(run.manifest.suite, set())
        steps = (step for graded in run.results for step in graded.outcome.steps if step.recorded)
        keys.update((step.digest, step.session) for step in steps)
    found: dict[CallKey, CallText] = {}
    for suite in project.suites:
        if suite.name in wanted:
            found |= read_texts(_paths(suite), wanted[suite.name])
    return _local(project, set().union(*wanted.values()) - found.keys()) | found


def _local(project: Project, wanted: set[CallKey]) -> dict[CallKey, CallText]:
    path = store_file(project.root)
    if not wanted or not path.exists():
        return {}
    from evalgate.store.local.stored import StoredCalls  # noqa: PLC0415  sqlite only where there is a store

    stored = StoredCalls(path)
    lines = (line for digest in sorted({key[0] for key in wanted}) for _, line in stored.lines(digest))
    return texts_in(lines, wanted)


def _paths(suite: Suite) -> list[Path]:
    base = [] if suite.base is None else recordings_in(suite.base.recordings.parent)
    return [*base, *committed_recordings(suite)]
