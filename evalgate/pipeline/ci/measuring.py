"""Measure and judge the projects that a change reaches, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import fsum

from evalgate.core.errors import EvalgateError
from evalgate.core.numbers import Unmeasured
from evalgate.core.progress import Progress
from evalgate.core.project_file import NewRecordings
from evalgate.core.report_data import ReportData
from evalgate.core.run import Run
from evalgate.core.suite import Project
from evalgate.core.verdict import Decision, Judgement
from evalgate.gate.new_recordings import calls_used, held_back
from evalgate.gate.tighten import tightened
from evalgate.pipeline.ci.projects import Change, FoundProject, loaded_project
from evalgate.pipeline.ci.settings import CiSettings
from evalgate.pipeline.project.settings import RunSettings, Spending
from evalgate.pipeline.project.texts import Texts
from evalgate.pipeline.reporting import gathered
from evalgate.pipeline.run import JudgedProject, Ran, judge_project


@dataclass(slots=True)
class Found:
    """What was found out so far, over all projects."""

    judgements: list[Judgement] = field(default_factory=list)
    runs: list[tuple[Run, ...]] = field(default_factory=list)
    texts: Texts = field(default_factory=lambda: Texts({}, {}))
    previews: list[Judgement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)

    def report(self, decision: Decision) -> ReportData | None:
        """Return the report of the decision on all of it; None where nothing was compared."""
        return gathered(Ran(decision, tuple(self.runs), self.texts), None) if self.runs else None


def measured(
    change: Change, projects: Sequence[FoundProject], settings: CiSettings, progress: Progress
) -> Found:
    """Judge every policy that the change touches in these projects.

    Raises:
        BadInput: something a person wrote is wrong.
        CannotJudge: recordings are missing, a grader crashed, or code of a fork would have to run.

    """
    found = Found()
    for project in projects:
        _judge(change, project, settings, progress, found)
    return found


def _judge(
    change: Change, project: FoundProject, settings: CiSettings, progress: Progress, found: Found
) -> None:
    spending = _what_is_left(settings.spending, found)
    how = RunSettings(start=project.folder, mode=settings.mode, spending=spending)
    with loaded_project(change, project, settings) as against:
        judged = judge_project(_tightened(against.project, settings), how, progress, texts=True)
        if against.preview is not None:
            _preview(against.preview, project, progress, found)
    if judged.interrupted:
        raise KeyboardInterrupt
    found.notes += map(project.told, against.notes)
    found.announced += map(project.told, against.announced)
    cap = against.new_recordings or NewRecordings()
    allowed = (cap.same_repository if change.trusted else cap.forks).value
    for judgement in _placed(judged.judgements, project):
        found.announced += _new_evidence(judgement)
        found.judgements.append(held_back(judgement, allowed))
    found.runs += judged.runs
    found.texts = _merged(found.texts, judged, project)


def _what_is_left(spending: Spending, found: Found) -> Spending:
    """Return the rules for the next project: the cap is one over all of them."""
    if spending.cap_usd is None:
        return spending
    spent = {each.suite: each.spend_usd for each in found.judgements}.values()
    # What is not known may have been all of it.
    known = [spending.cap_usd if isinstance(amount, Unmeasured) else amount for amount in spent]
    return replace(spending, cap_usd=max(0.0, spending.cap_usd - fsum(known)))


def _tightened(project: Project, settings: CiSettings) -> Project:
    least = settings.on_inconclusive
    if least is None:
        return project
    suites = tuple(replace(each, rules=tightened(each.rules, least)) for each in project.suites)
    return replace(project, suites=suites)


def _new_evidence(judgement: Judgement) -> list[str]:
    added, used = judgement.calls.added, calls_used(judgement)
    if not added:
        return []
    told = f"{added:,} of {used:,} calls are replayed from recordings that this change brings"
    return [f"{judgement.suite}, {judgement.candidate}: {told} ({added / used:.0%})."]


def _preview(suites: Project, project: FoundProject, progress: Progress, found: Found) -> None:
    """Judge by rules that do not count yet, without a call; that this fails is told, and no more."""
    try:
        judged = judge_project(suites, RunSettings(start=project.folder), progress, texts=False)
    except EvalgateError as error:
        why = str(error).split("\n")[0]
        found.announced.append(project.told(f"the rules of this change cannot be previewed: {why}"))
        return
    found.previews += _placed(judged.judgements, project)


def _placed(judgements: Sequence[Judgement], project: FoundProject) -> list[Judgement]:
    """Return judgements by the names that are unique in the repository, and by files from its top."""
    return [
        replace(
            each,
            suite=project.name_of(each.suite),
            file="/".join(part for part in (project.path, each.file) if part) if each.file else "",
        )
        for each in judgements
    ]


def _merged(texts: Texts, judged: JudgedProject, project: FoundProject) -> Texts:
    inputs = {project.name_of(suite): asked for suite, asked in judged.texts.inputs.items()}
    return Texts({**texts.inputs, **inputs}, {**texts.calls, **judged.texts.calls})
