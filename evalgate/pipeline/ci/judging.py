"""The verb ``ci``: judge what a change touches by what was there before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import fsum

from evalgate.core.errors import BadInput, CannotJudge, EvalgateError, Problem
from evalgate.core.numbers import Unmeasured
from evalgate.core.progress import Progress
from evalgate.core.project_file import NewRecordings
from evalgate.core.report_data import ReportData
from evalgate.core.run import Run
from evalgate.core.suite import Project
from evalgate.core.verdict import Decision, Judgement
from evalgate.gate.decide import decide, nothing_changed
from evalgate.gate.new_recordings import calls_used, held_back
from evalgate.gate.tighten import tightened
from evalgate.github.event import Event
from evalgate.load.git import Commit
from evalgate.load.git_changes import changed_paths, check_links, first_changed_line, top_of
from evalgate.pipeline.ci.base_commit import find_base
from evalgate.pipeline.ci.projects import Change, FoundProject, loaded_project, projects_reached
from evalgate.pipeline.ci.settings import CiSettings
from evalgate.pipeline.reporting import gathered
from evalgate.pipeline.run import JudgedProject, Ran, judge_project
from evalgate.pipeline.settings import RunSettings, Spending
from evalgate.pipeline.texts import Texts

# Git's name for a commit's worth of nothing.
_NOTHING = Commit("4b825dc642cb6eb9a060e54bf8d69288fbee4904", "")


@dataclass(frozen=True, slots=True)
class Ruled:
    """A decision on a change, its report, and the line of each blocked file that the change begins at."""

    decision: Decision
    data: ReportData
    lines: Mapping[str, int]


@dataclass(slots=True)
class _Found:
    """What was found out so far, over all projects."""

    judgements: list[Judgement] = field(default_factory=list)
    runs: list[tuple[Run, ...]] = field(default_factory=list)
    texts: Texts = field(default_factory=lambda: Texts({}, {}))
    previews: list[Judgement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)


def judge_change(settings: CiSettings, event: Event | None, progress: Progress) -> Ruled:
    """Judge every policy that the change touches, in every project of the repository.

    Raises:
        BadInput: something a person wrote is wrong, or the base commit is not here.
        CannotJudge: recordings are missing, a grader crashed, or code of a fork would have to run.

    """
    change = _change(settings, event)
    projects = projects_reached(change, settings)
    found = _Found()
    for project in projects:
        _judge(change, project, settings, progress, found)
    if not found.judgements:
        found.notes.append(_why_nothing(change, projects))
    ruling = decide(found.judgements, found.notes) if found.judgements else nothing_changed(found.notes)
    decision = replace(
        ruling, announcements=tuple(dict.fromkeys(found.announced)), previews=tuple(found.previews)
    )
    data = gathered(Ran(decision, tuple(found.runs), found.texts), None)
    return Ruled(decision, data, _lines(change, decision))


def _change(settings: CiSettings, event: Event | None) -> Change:
    repository = top_of(settings.start)
    base = find_base(repository, event, settings.baseline)
    trusted = not (settings.untrusted or (event is not None and event.fork))
    _refuse_calls(settings, trusted=trusted)
    paths = changed_paths(repository, base.commit or _NOTHING)
    check_links(repository, paths)
    return Change(repository, base, paths, trusted)


def _refuse_calls(settings: CiSettings, *, trusted: bool) -> None:
    if settings.mode == "replay":
        return
    if not trusted:
        raise CannotJudge(
            f"--mode {settings.mode} is refused for a fork: it would spend money and use keys on what a "
            "stranger wrote.\n    Replay it, or push the branch to this repository."
        )
    if settings.spending.cap_usd is None:
        message = f"--mode {settings.mode} may spend money, and nothing says how much"
        raise BadInput([Problem(message, "write the most it may spend, as in --max-spend 2.50")])


def _judge(
    change: Change, project: FoundProject, settings: CiSettings, progress: Progress, found: _Found
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


def _what_is_left(spending: Spending, found: _Found) -> Spending:
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


def _preview(suites: Project, project: FoundProject, progress: Progress, found: _Found) -> None:
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


def _why_nothing(change: Change, projects: Sequence[FoundProject]) -> str:
    if change.base.commit is None:
        return "this is the first commit, and its suites have nothing to judge."
    since = f"since {change.base.commit.short}"
    if not projects:
        return f"no file that a policy or a suite uses has changed {since}."
    return f"no policy has changed in what it does {since}."


def _lines(change: Change, decision: Decision) -> dict[str, int]:
    commit = change.base.commit
    files = {each.file for each in decision.judgements if each.blocked and each.file in change.paths}
    if commit is None:
        return dict.fromkeys(files, 1)
    return {file: first_changed_line(change.repository, commit, file) for file in files}
