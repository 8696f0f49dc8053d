"""Gathers what the HTML report shows: from a run just made, or from finished run files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from evalgate.core.cases import Case
from evalgate.core.errors import EvalgateError
from evalgate.core.progress import Progress
from evalgate.core.report_data import CallKey, CallText, ReportData, ReportTexts
from evalgate.core.suite import Project
from evalgate.core.verdict import Decision
from evalgate.gate.decide import decide
from evalgate.load.project import load_project
from evalgate.pipeline.evidence import evidence, points
from evalgate.pipeline.pairing import Runs, judge_runs, paired
from evalgate.pipeline.places import committed_recordings, local_recordings
from evalgate.pipeline.run import Ran, run_for_report
from evalgate.pipeline.settings import RunSettings
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.store.runs import read_run
from evalgate.store.texts import read_texts

# Above this many characters a page of all texts is no longer one that people like to open or send.
MOST_TEXT = 40_000_000


def run_with_report(settings: RunSettings, progress: Progress, texts: ReportTexts | None) -> ReportData:
    """Do what ``run`` does and return its report; without ``texts`` as many as fit.

    Raises:
        BadInput: something a person wrote is wrong.
        CannotJudge: recordings are missing, a provider refuses, a grader crashed.

    """
    return gathered(run_for_report(settings, progress), texts)


def gathered(ran: Ran, texts: ReportTexts | None) -> ReportData:
    """Return the report of a run just made."""
    return _report(ran.decision, ran.runs, ran.project, texts)


def report_of_files(paths: Sequence[Path], start: Path, texts: ReportTexts | None) -> ReportData:
    """Return the report of finished runs: the first of each suite is the baseline of the others.

    Texts come from the recordings of the project around ``start``, as far as there is one.

    Raises:
        BadInput: a file is not a run.
        RunsNotComparable: two runs of one suite do not cover the same cases.

    """
    pairs = paired([read_run(path) for path in paths])
    decision = decide([judge_runs(runs) for runs in pairs])
    try:
        project = load_project(start)
    except EvalgateError:
        # The report is of the runs; a project that has moved on costs it the texts and nothing else.
        project = None
    return _report(decision, pairs, project, texts)


def _report(
    decision: Decision, pairs: Sequence[Runs], project: Project | None, texts: ReportTexts | None
) -> ReportData:
    comparisons = [compare(*runs) if len(runs) == 2 else compare_absolute(runs[0]) for runs in pairs]
    calls = {} if texts == "none" or project is None else _calls(project, pairs)
    inputs = {} if texts == "none" or project is None else _inputs(project, pairs)
    kept, note = _texts(texts, calls, inputs, found=project is not None)
    return ReportData(
        decision=decision,
        comparisons=tuple(
            evidence(judgement, runs, comparison, points(comparison.suite, comparisons))
            for judgement, runs, comparison in zip(decision.judgements, pairs, comparisons, strict=True)
        ),
        inputs=inputs,
        calls=calls,
        texts=kept,
        texts_note=note,
    )


def _inputs(project: Project, pairs: Sequence[Runs]) -> Mapping[str, Mapping[str, str]]:
    digests = {runs[0].manifest.suite: runs[0].manifest.suite_digest for runs in pairs}
    return {
        suite.name: {case.id: _asked(case) for case in suite.cases}
        for suite in project.suites
        if digests.get(suite.name) == suite.digest
    }


def _asked(case: Case) -> str:
    if case.input is not None:
        return case.input
    turns = case.messages or ()
    asked = next((turn.content for turn in reversed(turns) if turn.role == "user" and turn.content), None)
    return asked or next((turn.content for turn in reversed(turns) if turn.content), "")


def _calls(project: Project, pairs: Sequence[Runs]) -> Mapping[CallKey, CallText]:
    wanted: dict[str, set[CallKey]] = {}
    for run in (run for runs in pairs for run in runs):
        keys = wanted.setdefault(run.manifest.suite, set())
        keys.update((step.digest, step.session) for graded in run.results for step in graded.outcome.steps)
    found: dict[CallKey, CallText] = {}
    for suite in project.suites:
        if suite.name in wanted:
            paths = [*committed_recordings(suite), *local_recordings(project.root, suite)]
            found |= read_texts(paths, wanted[suite.name])
    return found


def _texts(
    asked: ReportTexts | None,
    calls: Mapping[CallKey, CallText],
    inputs: Mapping[str, Mapping[str, str]],
    *,
    found: bool,
) -> tuple[ReportTexts, str]:
    """How much text the report holds, and what its reader must know about what it lacks."""
    if asked == "none":
        return "none", "This report was made without texts (--report-texts none)."
    if asked == "changed":
        return "changed", "Texts stand here for the cases that changed (--report-texts changed)."
    size = sum(map(_size, calls.values()))
    if asked is None and size > MOST_TEXT:
        said = f"The texts of all cases are {size / 1e6:,.0f} MB, so only those of changed cases stand here"
        return "changed", f"{said}; --report-texts all takes all."
    if found and (calls or inputs):
        return "all", ""
    return "all", "No recordings of these runs were found, so prompts are missing; answers are the runs' own."


def _size(text: CallText) -> int:
    return len(text.answer or "") + sum(len(message.content or "") for message in text.messages)
