"""A working tree's proposals under the rules of a commit: its suites, limits, graders, prices and baseline.

A pull request can loosen its own budget, delete its hard cases or mend its grader until it passes. So the old
rules decide, and what the new ones would be is told.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.core.project_file import ProjectFile
from evalgate.core.suite import alone_of
from evalgate.load.changed import Changed
from evalgate.load.code.isolated import IsolatedFunctions
from evalgate.load.code.untrusted import UntrustedImporter
from evalgate.load.findings import Importer
from evalgate.load.from_git.git import Commit, Repository, find_commit, open_repository
from evalgate.load.from_git.git_tree import CheckedOut, checked_out
from evalgate.load.joining import Against, Joining
from evalgate.load.places import PROJECT_FILE, find_project, find_suites
from evalgate.load.project import Gathered, gather
from evalgate.load.suites import Selection
from evalgate.load.syntax.documents import Document, read_yaml


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command was pointed at; ``baseline`` is ``git:REF``.

    With ``changed`` only what a change touches is judged, and what only the working tree brings (a suite, the
    whole project) has no relative limits yet. Without ``trusted`` no code of the working tree is run.
    ``baseline_policy`` is judged against instead of the baseline that the commit's project names.
    """

    start: Path
    suites: Sequence[str]
    policies: Sequence[str]
    baseline: str
    calling: bool
    changed: Changed | None = None
    trusted: bool = True
    baseline_policy: str | None = None


@contextmanager
def load_against(asked: Asked) -> Iterator[Against]:
    """Yield the project around ``asked.start`` as it is judged by the commit that the baseline names.

    The commit's files and the processes of user functions live as long as the ``with`` block.

    Raises:
        BadInput: with every problem of the commit, or else of the working tree.

    """
    file = find_project(asked.start)
    repository = open_repository(file.parent)
    commit = find_commit(repository, asked.baseline)
    with (
        checked_out(repository, commit) as out,
        IsolatedFunctions(file.parent) as ours,
        IsolatedFunctions(out.folder if out is not None else file.parent) as theirs,
    ):
        strangers = UntrustedImporter()
        importer = ours.import_function if asked.trusted else strangers.import_function
        if out is None or not (out.folder / PROJECT_FILE).is_file():
            yield _first_time(asked, repository, commit, importer)
            return
        chosen = _Chosen.of(asked, file, out)
        base = _base(asked, file, out, chosen.base, strangers.remembering(theirs.import_function))
        selection = Selection(asked.start, asked.policies)
        tree = gather(file, chosen.tree, selection, calling=asked.calling, importer=importer)
        tree.findings.raise_if_any()
        if asked.suites and not chosen.tree:
            # All that was asked for was deleted; what else there is was not asked for.
            tree = replace(tree, suites=(), project=replace(tree.project, suites=()))
        yield Joining(base, tree, out, selection, asked.changed, strangers.refused).joined()


@contextmanager
def load_first(asked: Asked, why: str) -> Iterator[Against]:
    """Yield the project around ``asked.start`` by its own rules, as there is nothing to compare with.

    Raises:
        BadInput: with every problem of the working tree.

    """
    root = find_project(asked.start).parent
    with IsolatedFunctions(root) as ours:
        importer = ours.import_function if asked.trusted else UntrustedImporter().import_function
        yield _by_own_rules(asked, importer, why)


def _first_time(asked: Asked, repository: Repository, commit: Commit, importer: Importer) -> Against:
    """Return the working tree as it is: the commit knows of no gate yet."""
    why = f"{commit.asked} ({commit.short}) has no {repository.prefix}{PROJECT_FILE}"
    return _by_own_rules(asked, importer, why)


def _by_own_rules(asked: Asked, importer: Importer, why: str) -> Against:
    gathered = gather(
        find_project(asked.start),
        asked.suites,
        Selection(asked.start, asked.policies),
        calling=asked.calling,
        importer=importer,
    )
    gathered.findings.raise_if_any()
    project = gathered.project
    note = f"{why}: there is nothing to compare with yet, and the working tree was judged by its own rules."
    if asked.changed is None:
        return Against(project, (note,), moved=False)
    alone = replace(project, suites=tuple(map(alone_of, project.suites)))
    previews = tuple(each for each in project.suites if each.baseline is not None and each.proposals)
    preview = replace(project, suites=previews) if previews else None
    return Against(alone, (), moved=False, announced=(note,), preview=preview)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The ``suite.yaml`` files that were asked for, in the commit and in the working tree.

    A suite that a proposal deletes is still asked for; one that it adds has no old rules.
    """

    base: Sequence[str]
    tree: Sequence[str]

    @classmethod
    def of(cls, asked: Asked, file: Path, out: CheckedOut) -> "_Chosen":
        root = file.parent
        there = out.folder / asked.start.resolve().relative_to(root)
        names = [_relative(each, root, out.folder) for each in asked.suites]
        base = _suites_found(names, there, out.folder)
        tree = _suites_found(asked.suites, asked.start, root)
        for name, in_base, in_tree in zip(asked.suites, base, tree, strict=True):
            if not in_base and not in_tree:
                find_suites([name], _globs(root), asked.start, root)  # says why there is none
        return cls([one for each in base for one in each], [one for each in tree for one in each])


def _relative(written: str, root: Path, folder: Path) -> str:
    absolute = Path(written).is_absolute() and Path(written).resolve().is_relative_to(root)
    return str(folder / Path(written).resolve().relative_to(root)) if absolute else written


def _suites_found(names: Sequence[str], start: Path, root: Path) -> list[list[str]]:
    globs = _globs(root) if names else []
    found: list[list[str]] = []
    for name in names:
        try:
            found.append([str(path) for path in find_suites([name], globs, start, root)])
        except BadInput:
            found.append([])
    return found


def _globs(root: Path) -> Sequence[str]:
    try:
        document: Document[ProjectFile] = read_yaml(root / PROJECT_FILE, ProjectFile, PROJECT_FILE)
    except BadInput:
        return ProjectFile().suites  # its problems are told when it is read in earnest
    return document.value.suites


def _base(
    asked: Asked, file: Path, out: CheckedOut, suites: Sequence[str], importer: Importer
) -> Gathered | None:
    """Return the commit's project with its baselines, or None if it has none of the suites asked for."""
    if asked.suites and not suites:
        return None
    start = out.folder / asked.start.resolve().relative_to(file.parent)
    try:
        gathered = gather(
            out.folder / PROJECT_FILE,
            suites,
            Selection(start, baseline=asked.baseline_policy, proposals=False, past=True),
            calling=False,
            importer=importer,
        )
        gathered.findings.raise_if_any()
    except BadInput as bad:
        told = out.told(bad)
        cure = "choose another commit, or name a policy: --baseline production judges by the working tree"
        problem = Problem(f"{out.commit.asked} cannot be a baseline as it is", cure, key="--baseline")
        raise BadInput([*told.problems, problem]) from None
    return gathered
