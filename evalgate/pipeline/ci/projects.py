"""Which projects of a repository a change reaches, and how each of them is judged."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from evalgate.core.errors import BadInput, Problem
from evalgate.load.against import Asked, load_against, load_first
from evalgate.load.changed import Changed
from evalgate.load.from_git.git import Commit, Repository, names_a_commit
from evalgate.load.from_git.git_changes import files_called
from evalgate.load.joining import Against
from evalgate.load.places import PROJECT_FILE
from evalgate.pipeline.ci.base_commit import Base
from evalgate.pipeline.ci.settings import CiSettings


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be judged: a repository's working tree against a commit.

    ``paths`` are those of the files that differ, from the repository's top; ``trusted`` is False for what a
    stranger wrote.
    """

    repository: Repository
    base: Base
    paths: frozenset[str]
    trusted: bool


@dataclass(frozen=True, slots=True)
class FoundProject:
    """A project: its folder, that folder's path from the repository's top (empty at the top), its changes.

    With ``several`` projects in the repository the names of suites carry that path.
    """

    folder: Path
    path: str
    changed: Changed
    several: bool

    def name_of(self, suite: str) -> str:
        """Return the name of a suite that no other of the repository has."""
        return f"{self.path}/{suite}" if self.several and self.path else suite

    def told(self, text: str) -> str:
        """Return what is told of this project, with its name where there are several."""
        return f"{self.path or 'top folder'}: {text}" if self.several else text


def projects_reached(change: Change, settings: CiSettings) -> list[FoundProject]:
    """Return the projects that the change may matter to, in the order of their paths.

    Raises:
        BadInput: there is no project, or the change removes one.

    """
    files = _project_files(change, settings)
    found = [_project(change, file, several=len(files) > 1) for file in sorted(files)]
    return [each for each in found if change.base.all or each.changed.reaches(each.folder / PROJECT_FILE)]


@contextmanager
def loaded_project(change: Change, project: FoundProject, settings: CiSettings) -> Iterator[Against]:
    """Yield a project as the base commit judges it.

    Raises:
        BadInput: with every problem of the commit, or else of the working tree.

    """
    commit = change.base.commit
    start = settings.start if settings.start.is_relative_to(project.folder) else project.folder
    named = settings.baseline
    asked = Asked(
        start=start,
        suites=settings.suites,
        policies=settings.policies,
        baseline=commit.asked if commit is not None else "",
        calling=settings.mode != "replay",
        changed=None if change.base.all else project.changed,
        trusted=change.trusted,
        baseline_policy=None if names_a_commit(named) else named,
    )
    if commit is None:
        with load_first(asked, "this is the first commit") as against:
            yield against
    else:
        with load_against(asked) as against:
            yield against


def _project_files(change: Change, settings: CiSettings) -> frozenset[str]:
    """Return every ``evalgate.yaml`` at or below where the command was started, else the nearest above."""
    top, commit = change.repository.project, change.base.commit
    here = files_called(change.repository, None, PROJECT_FILE)
    before = files_called(change.repository, commit, PROJECT_FILE) if commit is not None else frozenset()
    _refuse_removal(before - here, commit)
    if settings.config is not None:
        wanted = _from_top(settings.start / settings.config, top)
        if wanted not in here or PurePosixPath(wanted).name != PROJECT_FILE:
            message = f"{settings.config} is no {PROJECT_FILE} of this repository"
            raise BadInput([Problem(message, "name the file by its path from here", key="--config")])
        return frozenset({wanted})
    start = _from_top(settings.start, top)
    below = frozenset(each for each in here if start == "." or each.startswith(f"{start}/"))
    above = [
        str(parent / PROJECT_FILE)
        for parent in PurePosixPath(start).parents
        if str(parent / PROJECT_FILE) in here
    ]
    found = below or frozenset(above[:1])
    if not found:
        message = f"there is no {PROJECT_FILE} in this repository"
        raise BadInput([Problem(message, "run `evalgate init` where the project is to be, and commit it")])
    return found


def _refuse_removal(gone: frozenset[str], commit: Commit | None) -> None:
    if gone:
        assert commit is not None
        message = f"it is in commit {commit.short} and not here: a change must not take its own gate away"
        cure = "put it back; whoever may merge past a required check can remove a gate"
        raise BadInput([Problem(message, cure, file) for file in sorted(gone)])


def _project(change: Change, file: str, *, several: bool) -> FoundProject:
    parent = str(PurePosixPath(file).parent)
    path = "" if parent == "." else parent
    folder = change.repository.project / path
    inside = f"{path}/" if path else ""
    paths = (each.removeprefix(inside) for each in change.paths if each.startswith(inside))
    return FoundProject(folder, path, Changed(folder, paths), several)


def _from_top(path: Path, top: Path) -> str:
    resolved = path.resolve()
    if not resolved.is_relative_to(top):
        message = f"{path} is outside the repository"
        raise BadInput([Problem(message, "name a file of this repository", key="--config")])
    return resolved.relative_to(top).as_posix()
