"""What git knows of a change: parents, the files that differ from a commit, and where in them."""

import os
import re
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.from_git.git import Commit, Repository, ask, open_repository

_LINK_CURE = "commit the file itself; nothing outside the repository is read"
_LOCAL = ".evalgate"
_LOCAL_CURE = "remove it and name .evalgate/ in .gitignore; recordings to be judged stand beside their suite"
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


def top_of(folder: Path) -> Repository:
    """Return the repository around ``folder`` with its topmost folder as the project.

    Raises:
        BadInput: there is none, or git refuses to look into it.

    """
    repository = open_repository(folder)
    depth = repository.prefix.count("/")
    resolved = folder.resolve()
    top = resolved.parents[depth - 1] if depth else resolved
    return Repository(top, "", repository.common, repository.shallow)


def head(repository: Repository) -> str | None:
    """Return the commit that is checked out; None where nothing was committed yet."""
    said = ask(repository.project, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return said.out.strip() if said.code == 0 else None


def parents(repository: Repository, sha: str) -> tuple[str, ...]:
    """Return a commit's parents, also those that a shallow clone does not hold."""
    said = ask(repository.project, "cat-file", "commit", sha)
    header = said.out.partition("\n\n")[0].split("\n") if said.code == 0 else []
    return tuple(line.removeprefix("parent ") for line in header if line.startswith("parent "))


def holds(repository: Repository, sha: str) -> bool:
    """Tell whether this clone holds a commit, with its files' names."""
    return ask(repository.project, "cat-file", "-e", f"{sha}^{{tree}}").code == 0


def merge_base(repository: Repository, one: str, other: str) -> str | None:
    """Return the newest commit that both come from; None where this clone knows of none."""
    said = ask(repository.project, "merge-base", one, other)
    return said.out.strip() if said.code == 0 else None


def changed_paths(repository: Repository, commit: Commit) -> frozenset[str]:
    """Return the paths of all files that differ between ``commit`` and the working tree, new ones too.

    Raises:
        BadInput: git cannot tell.

    """
    options = ("--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-z")
    said = ask(repository.project, "diff", *options, commit.sha, "--")
    if said.code:
        cure = "check the repository out anew; a partial clone needs `git fetch --refetch --no-filter origin`"
        raise BadInput([Problem(f"git cannot compare with {commit.asked}: {said.err.strip()}", cure)])
    new = ask(repository.project, "ls-files", "--others", "--exclude-standard", "-z")
    return frozenset(name for name in (*said.out.split("\0"), *new.out.split("\0")) if name)


def check_paths(repository: Repository, paths: frozenset[str]) -> None:
    """Refuse files that no change may bring: links to what may be anybody's, and one machine's own store.

    Raises:
        BadInput: with every one of them.

    """
    top = repository.project.resolve()
    odd = []
    for name in sorted(paths):
        path = top / name
        if path.is_symlink():
            target = Path(os.path.realpath(path))
            if not target.is_relative_to(top) or target.is_relative_to(top / ".git"):
                odd.append(Problem("this symlink leads out of the repository", _LINK_CURE, name))
    if any(_LOCAL in name.split("/") for name in paths):
        tracked = ask(repository.project, "ls-files", "--cached", "-z").out.split("\0")
        local = [name for name in tracked if name in paths and _LOCAL in name.split("/")]
        odd += [
            Problem("what one machine keeps for itself is committed", _LOCAL_CURE, name) for name in local
        ]
    if odd:
        raise BadInput(odd)


def files_called(repository: Repository, commit: Commit | None, name: str) -> frozenset[str]:
    """Return the paths of all files of that name: in ``commit``, or without one in the working tree."""
    if commit is not None:
        said = ask(repository.project, "ls-tree", "-r", "--name-only", "-z", "--full-tree", commit.sha)
    else:
        said = ask(repository.project, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    found = (path for path in said.out.split("\0") if path == name or path.endswith(f"/{name}"))
    present = found if commit is not None else (p for p in found if (repository.project / p).is_file())
    return frozenset(present)


def first_changed_line(repository: Repository, commit: Commit, path: str) -> int:
    """Return the first line of a file of the working tree that differs from ``commit``; 1 for a new one."""
    options = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "-U0")
    said = ask(repository.project, "diff", *options, commit.sha, "--", path)
    found = _HUNK.search(said.out) if said.code == 0 else None
    return max(1, int(found[1])) if found is not None else 1
