"""git, asked which commit is meant and what changed since; ``git_tree`` reads its files.

git is called without a shell, without hooks, without the network, and without the ``GIT_*`` variables of
whatever called evalgate (a hook's point to another index).
"""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.syntax.suggest import did_you_mean

PREFIX = "git:"
FORK_POINT = "merge-base"
# A commit that is only on the server is an error here; a partial clone would fetch it behind our back.
_SAFE = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.allow=never")
_DEFAULT_BRANCHES = (
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
)
_SHALLOW_CURE = "run `git fetch --unshallow`; in GitHub Actions give actions/checkout `fetch-depth: 0`"
_UNUSABLE = re.compile(r"[\s\x00-\x1f\x7f:]")
_SHORT = 7
_NOT_TRUSTED = "dubious ownership"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and the words by which it was asked for, ``git:`` and all."""

    sha: str
    asked: str

    @property
    def short(self) -> str:
        """The first digits of the hash, as people write them."""
        return self.sha[:_SHORT]


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository that a project is in.

    ``project`` is the project's folder, ``prefix`` its path from the top of the repository (empty, or with a
    slash at the end), ``common`` the folder that worktrees share (``.git``).
    """

    project: Path
    prefix: str
    common: Path
    shallow: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What git answered."""

    code: int
    out: str
    err: str


def names_a_commit(baseline: str | None) -> bool:
    """Tell ``git:REF`` from the name or the file of a policy."""
    return baseline is not None and baseline.startswith(PREFIX)


def open_repository(project: Path) -> Repository:
    """Return the repository around the folder ``project``.

    Raises:
        BadInput: there is none, git is not installed, or it refuses to look into it.

    """
    said = ask(
        project, "rev-parse", "--show-prefix", "--git-common-dir", "--is-shallow-repository", "--show-cdup"
    )
    if said.code:
        raise _refusal(*_why_not(said.err, project))
    prefix, common, shallow, _ = (*said.out.split("\n"), "")[:4]
    return Repository(project, prefix, (project / common).resolve(), shallow == "true")


def find_commit(repository: Repository, asked: str) -> Commit:
    """Return the commit that ``git:REF``, ``git:merge-base`` or ``git:merge-base:BRANCH`` means.

    ``git:merge-base`` is where HEAD left the default branch: origin's, else ``main`` or ``master``.

    Raises:
        BadInput: there is no such commit here; the cure depends on why.

    """
    written = asked.removeprefix(PREFIX)
    first, _, branch = written.partition(":")
    if first == FORK_POINT:
        return Commit(_fork_point_of(repository, asked, branch), asked)
    return Commit(_commit_of(repository, asked, written), asked)


def fork_point(project: Path) -> Commit | None:
    """Return where HEAD left the default branch; None where nobody can tell.

    Raises:
        BadInput: git is not installed, or refuses a repository that is there.

    """
    if not any((folder / ".git").exists() for folder in (project, *project.parents)):
        return None
    branch = default_branch(project)
    if branch is None:
        return None
    said = ask(project, "merge-base", "--end-of-options", "HEAD", branch)
    return Commit(said.out.strip(), PREFIX + FORK_POINT) if said.code == 0 else None


def default_branch(project: Path) -> str | None:
    """Return the full name of the default branch: what origin calls so, else main or master."""
    said = ask(project, "for-each-ref", "--format=%(refname)", *_DEFAULT_BRANCHES)
    if _NOT_TRUSTED in said.err:
        raise _refusal(*_why_not(said.err, project))
    known = said.out.split() if said.code == 0 else []
    return next((name for name in _DEFAULT_BRANCHES if name in known), None)


def differs(project: Path, commit: Commit, paths: Sequence[str]) -> bool:
    """Tell whether any of these files of the commit is another one, or gone, in the working tree."""
    options = ("--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "--diff-filter=MDT", "-z")
    said = ask(project, "diff", *options, commit.sha, "--", *paths)
    return said.code == 0 and bool(said.out)


def ask(folder: Path, *arguments: str) -> Said:
    """Return git's answer, asked from ``folder``.

    Raises:
        BadInput: git cannot be started.

    """
    try:
        done = subprocess.run(  # noqa: S603  no shell; what people write comes after --end-of-options or --
            command(*arguments),
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        why = "git is not installed" if isinstance(error, FileNotFoundError) else f"git: {error.strerror}"
        raise _refusal(why, "install git, or name a policy as the baseline") from None
    return Said(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))


def command(*arguments: str) -> list[str]:
    """Return a git command that runs nothing but git."""
    settings = [part for setting in _SAFE for part in ("-c", setting)]
    return ["git", "--no-pager", "--no-replace-objects", "--literal-pathspecs", *settings, *arguments]


def environment() -> dict[str, str]:
    """Return the environment for git: ours without its own variables, in English, asking nobody."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("GIT_")}
    ours = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    return {**kept, **ours}


def _commit_of(repository: Repository, asked: str, ref: str) -> str:
    if not ref or ref.startswith("-") or _UNUSABLE.search(ref):
        cure = "write git: and a branch, a tag or a commit, as in git:main, git:v1.2 or git:HEAD~1"
        raise _refusal(f"{asked!r} names no commit", cure)
    said = ask(
        repository.project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
    )
    if said.code == 0:
        return said.out.strip()
    if repository.shallow:
        raise _refusal(f"{asked}: this clone is shallow and does not hold {ref!r}", _SHALLOW_CURE)
    raise _refusal(f"{asked}: there is no commit, branch or tag {ref!r} here", _near(repository, ref))


def _fork_point_of(repository: Repository, asked: str, branch: str) -> str:
    other = default_branch(repository.project) if not branch else _commit_of(repository, asked, branch)
    if other is None:
        message = f"{asked}: the default branch is not known: neither origin's, nor main, nor master is here"
        cure = (
            _SHALLOW_CURE
            if repository.shallow
            else "name it, as in git:merge-base:develop, or run `git remote set-head origin --auto`"
        )
        raise _refusal(message, cure)
    said = ask(repository.project, "merge-base", "--end-of-options", "HEAD", other)
    if said.code == 0:
        return said.out.strip()
    if repository.shallow:
        message = f"{asked}: this clone is shallow, and the commit where HEAD left is not in it"
        raise _refusal(message, _SHALLOW_CURE)
    name = branch or other.removeprefix("refs/heads/").removeprefix("refs/remotes/")
    raise _refusal(f"{asked}: HEAD and {name!r} have no commit in common", "name a commit, as in git:HEAD~1")


def _near(repository: Repository, ref: str) -> str:
    said = ask(
        repository.project,
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads",
        "refs/remotes",
        "refs/tags",
    )
    names = said.out.split() if said.code == 0 else []
    if f"origin/{ref}" in names:
        return f"write git:origin/{ref}: the branch is here only as origin's"
    near = did_you_mean(ref, names)
    fetch = f"if it is only on the server, run `git fetch origin {ref}` and write git:FETCH_HEAD"
    return f"{near}; {fetch}" if near.startswith("did you mean") else fetch


def _why_not(said: str, project: Path) -> tuple[str, str]:
    if _NOT_TRUSTED in said:
        return (
            f"git refuses to read {project}: it belongs to another user",
            f"if you trust it, run `git config --global --add safe.directory {project}`",
        )
    if "not a git repository" in said:
        return f"{project} is not in a git repository", "name a policy as the baseline, or run `git init`"
    if "must be run in a work tree" in said:
        return f"{project} is not in a working tree of git", "run evalgate where the files are checked out"
    first = said.strip().split("\n")[0].removeprefix("fatal: ")
    return f"git cannot read the repository of {project}: {first}", "mend the repository"


def _refusal(message: str, cure: str) -> BadInput:
    return BadInput([Problem(message, cure, key="--baseline")])
