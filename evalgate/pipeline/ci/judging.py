"""The verb ``ci``: judge what a change touches by what was there before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.progress import Progress
from evalgate.core.report_data import ReportData
from evalgate.core.verdict import Decision
from evalgate.gate.decide import decide, nothing_changed
from evalgate.github.event import Event
from evalgate.load.from_git.git import Commit
from evalgate.load.from_git.git_changes import changed_paths, check_paths, first_changed_line, top_of
from evalgate.pipeline.ci.base_commit import find_base
from evalgate.pipeline.ci.projects import Change, FoundProject, projects_reached
from evalgate.pipeline.ci.settings import CiSettings

# Git's name for a commit's worth of nothing.
_NOTHING = Commit("4b825dc642cb6eb9a060e54bf8d69288fbee4904", "")


@dataclass(frozen=True, slots=True)
class Ruled:
    """A decision on a change, its report where anything was compared, and in which line of each blocked file
    the change begins.
    """

    decision: Decision
    data: ReportData | None
    lines: Mapping[str, int]


def judge_change(settings: CiSettings, event: Event | None, progress: Progress) -> Ruled:
    """Judge every policy that the change touches, in every project of the repository.

    Raises:
        BadInput: something a person wrote is wrong, or the base commit is not here.
        CannotJudge: recordings are missing, a grader crashed, or code of a fork would have to run.

    """
    change = _change(settings, event)
    projects = projects_reached(change, settings)
    if not projects:
        return Ruled(nothing_changed([_why_nothing(change, projects)]), None, {})
    # numpy and the statistics cost half a second, which a change to a README need not wait for
    from evalgate.pipeline.ci.measuring import measured  # noqa: PLC0415

    found = measured(change, projects, settings, progress)
    if not found.judgements:
        found.notes.append(_why_nothing(change, projects))
    ruling = decide(found.judgements, found.notes) if found.judgements else nothing_changed(found.notes)
    decision = replace(
        ruling, announcements=tuple(dict.fromkeys(found.announced)), previews=tuple(found.previews)
    )
    return Ruled(decision, found.report(decision), _lines(change, decision))


def _change(settings: CiSettings, event: Event | None) -> Change:
    repository = top_of(settings.start)
    base = find_base(repository, event, settings.baseline)
    trusted = not (settings.untrusted or (event is not None and event.fork))
    _refuse_calls(settings, trusted=trusted)
    paths = changed_paths(repository, base.commit or _NOTHING)
    check_paths(repository, paths)
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
