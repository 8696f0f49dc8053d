"""Gathers what the HTML report shows: from a run just made, or from finished run files."""

import os
from collections.abc import Sequence
from pathlib import Path

from evalgate.core.errors import EvalgateError
from evalgate.core.progress import Progress
from evalgate.core.report_data import CallText, ReportData, ReportTexts
from evalgate.core.run import Run
from evalgate.core.verdict import Decision
from evalgate.gate.decide import decide
from evalgate.load.project import load_project
from evalgate.pipeline.comparing.evidence import evidence, points
from evalgate.pipeline.comparing.pairing import Runs, judge_runs, paired
from evalgate.pipeline.project.privacy import refuse_secrets
from evalgate.pipeline.project.settings import RunSettings
from evalgate.pipeline.project.texts import NO_TEXTS, Texts, texts_of
from evalgate.pipeline.run import Ran, run_for_report
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.store.runs import read_run

# Above this many characters a page of all texts is no longer one that people like to open or send.
MOST_TEXT = 40_000_000


def run_with_report(settings: RunSettings, progress: Progress, texts: ReportTexts | None) -> ReportData:
    """Do what ``run`` does and return its report; without ``texts`` as many as fit.

    Raises:
        BadInput: something a person wrote is wrong.
        CannotJudge: recordings are missing, a provider refuses, a grader crashed.

    """
    return gathered(run_for_report(settings, progress, texts=texts != "none"), texts)


def gathered(ran: Ran, texts: ReportTexts | None) -> ReportData:
    """Return the report of a run just made."""
    return _report(ran.decision, ran.runs, ran.texts, texts)


def report_of_files(paths: Sequence[Path], start: Path, texts: ReportTexts | None) -> ReportData:
    """Return the report of finished runs: the first of each suite is the baseline of the others.

    Texts come from the recordings of the project around ``start``, as far as there is one.

    Raises:
        BadInput: a file is not a run.
        RunsNotComparable: two runs of one suite do not cover the same cases.

    """
    pairs = paired([read_run(path) for path in paths])
    decision = decide([judge_runs(runs) for runs in pairs])
    found = NO_TEXTS if texts == "none" else _found(start, [run for runs in pairs for run in runs])
    return _report(decision, pairs, found, texts)


def _found(start: Path, runs: Sequence[Run]) -> Texts:
    try:
        project = load_project(start)
        found = texts_of(project, runs)
    except EvalgateError:
        # The report is of the runs; a project that has moved on costs it the texts and nothing else.
        return NO_TEXTS
    refuse_secrets(project, found, os.environ)
    return found


def _report(decision: Decision, pairs: Sequence[Runs], found: Texts, texts: ReportTexts | None) -> ReportData:
    comparisons = [compare(*runs) if len(runs) == 2 else compare_absolute(runs[0]) for runs in pairs]
    kept, note = _kept(texts, found)
    return ReportData(
        decision=decision,
        comparisons=tuple(
            evidence(judgement, runs, comparison, points(comparison.suite, comparisons))
            for judgement, runs, comparison in zip(decision.judgements, pairs, comparisons, strict=True)
        ),
        inputs=found.inputs,
        calls=found.calls,
        texts=kept,
        texts_note=note,
    )


def _kept(asked: ReportTexts | None, found: Texts) -> tuple[ReportTexts, str]:
    """How much text the report holds, and what its reader must know about what it lacks."""
    if asked == "none":
        return "none", "This report was made without texts (--report-texts none)."
    if asked == "changed":
        return "changed", "Texts stand here for the cases that changed (--report-texts changed)."
    size = sum(map(_size, found.calls.values()))
    if asked is None and size > MOST_TEXT:
        said = f"The texts of all cases are {size / 1e6:,.0f} MB, so only those of changed cases stand here"
        return "changed", f"{said}; --report-texts all takes all."
    if found.calls or found.inputs:
        return "all", ""
    return "all", "No recordings of these runs were found, so prompts are missing; answers are the runs' own."


def _size(text: CallText) -> int:
    return len(text.answer or "") + sum(len(message.content or "") for message in text.messages)
