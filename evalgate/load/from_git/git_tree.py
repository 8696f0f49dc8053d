"""The files of a project as one commit holds them, in a folder that is gone afterwards.

Contents are taken as git stores them, without filters and line-end conversion: no program that a repository's
attributes name is run. What cannot be had (a symlink that leads out, the content behind a Git LFS pointer) is
left as a link to nowhere, so that it is an error exactly when something reads it.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from evalgate.core.errors import BadInput, Problem
from evalgate.load.from_git.git import Commit, Repository, ask, command, environment

MOST_FILES = 100_000
MOST_BYTES = 1 << 30
# No file of a commit can be called so.
_NOWHERE = ".git/withheld"
_LINK, _SUBMODULE = "120000", "160000"
_POINTER_BYTES = 1024
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """A project's files at a commit; ``withheld`` says what of them could not be had, and the cure."""

    folder: Path
    commit: Commit
    withheld: tuple[Problem, ...]

    def told(self, bad: BadInput) -> BadInput:
        """Return the problems of files in here as people know them: ``1a2b3c4:suites/tickets/suite.yaml``."""
        found = [replace(problem, file=self._told(problem.file)) for problem in bad.problems]
        return BadInput([*found, *self.withheld])

    def _told(self, file: str | None) -> str:
        if file is None:
            return f"{self.commit.short}:"
        absolute = Path(file).resolve()
        inside = absolute.is_relative_to(self.folder)
        return f"{self.commit.short}:{absolute.relative_to(self.folder).as_posix() if inside else file}"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file of a commit."""

    mode: str
    sha: str
    size: int
    path: str


@contextmanager
def checked_out(repository: Repository, commit: Commit) -> Iterator[CheckedOut | None]:
    """Yield the project's files as ``commit`` holds them, or None if it holds no such folder.

    Raises:
        BadInput: they are too many, or some are not in this clone.

    """
    entries = _entries(repository, commit)
    if entries is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="evalgate-baseline-") as temporary:
        # Called like the project, because problems name the folder.
        folder = Path(temporary).resolve() / (repository.project.name or "project")
        folder.mkdir()
        try:
            withheld = tuple(_extract(repository, commit, entries, folder))
        except (OSError, ValueError) as error:
            raise _refusal(
                commit, f"its files cannot be written to {temporary}: {error}", _DISK_CURE
            ) from None
        yield CheckedOut(folder, commit, withheld)


def _entries(repository: Repository, commit: Commit) -> Sequence[_Entry] | None:
    tree = f"{commit.sha}:{repository.prefix}"
    said = ask(repository.project, "ls-tree", "-r", "-l", "-z", "--full-tree", tree)
    if said.code:
        if "Not a valid object name" in said.err:
            return None
        raise _refusal(commit, f"git cannot list its files: {said.err.strip()}", _PARTIAL_CURE)
    entries = [_entry(line) for line in said.out.split("\0") if line]
    entries = [each for each in entries if each.mode != _SUBMODULE]
    size = sum(each.size for each in entries)
    if len(entries) > MOST_FILES or size > MOST_BYTES:
        message = f"the project has {len(entries):,} files of {size / 1e6:,.0f} MB there, which is too much"
        limit = f"at most {MOST_FILES:,} files and {MOST_BYTES / 1e6:,.0f} MB are read"
        raise _refusal(commit, message, f"{limit}: keep evalgate.yaml in a folder with what it needs")
    for each in entries:
        parts = each.path.split("/")
        if each.path.startswith("/") or not {"", ".", ".."}.isdisjoint(parts) or ".git" in parts:
            raise _refusal(commit, f"it holds a file {each.path!r}", "no git client writes such a name")
    return entries


def _entry(line: str) -> _Entry:
    described, _, path = line.partition("\t")
    mode, _, sha, size = described.split()
    return _Entry(mode, sha, int(size) if size.isdecimal() else 0, path)


def _extract(
    repository: Repository, commit: Commit, entries: Sequence[_Entry], folder: Path
) -> Iterator[Problem]:
    links: list[tuple[_Entry, bytes]] = []
    # Links come last: no file is ever written through one.
    for entry, content in _contents(repository, commit, entries):
        if entry.mode == _LINK:
            links.append((entry, content))
            continue
        target = folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        pointer = _POINTER.match(content) if len(content) < _POINTER_BYTES else None
        real = _lfs_content(repository, pointer[1].decode()) if pointer else content
        if real is None:
            target.symlink_to(_NOWHERE)
            yield _withheld(
                commit, entry, "is a Git LFS pointer whose content is not here", _lfs_cure(commit)
            )
        else:
            target.write_bytes(real)
    for entry, content in links:
        target = folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.fsdecode(content))
    for entry, _ in links:
        # Only now, because a link may lead through another.
        target = folder / entry.path
        if not Path(os.path.realpath(target)).is_relative_to(folder):
            target.unlink()
            target.symlink_to(_NOWHERE)
            yield _withheld(commit, entry, "is a symlink that leads out of the project", _LINK_CURE)


def _contents(
    repository: Repository, commit: Commit, entries: Sequence[_Entry]
) -> Iterator[tuple[_Entry, bytes]]:
    process = subprocess.Popen(  # noqa: S603  no shell, no argument that a person wrote
        command("cat-file", "--batch"),
        cwd=repository.project,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for entry in entries:
            process.stdin.write(f"{entry.sha}\n".encode())
            process.stdin.flush()
            yield entry, _content(process.stdout, commit, entry)
    except BrokenPipeError:
        raise _refusal(commit, "git stopped while its files were read", _PARTIAL_CURE) from None
    finally:
        process.kill()
        process.communicate()


def _content(answers: IO[bytes], commit: Commit, entry: _Entry) -> bytes:
    header = answers.readline().split()
    if len(header) != 3:
        raise _refusal(commit, f"the content of {entry.path!r} is not in this clone", _PARTIAL_CURE)
    content = answers.read(int(header[2]))
    answers.read(1)
    return content


def _lfs_content(repository: Repository, oid: str) -> bytes | None:
    """Return what a pointer points to, if it was ever fetched; its name is the hash that proves it."""
    stored = repository.common / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    try:
        content = stored.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == oid else None


_DISK_CURE = "make room there, or set TMPDIR to another folder"
_LINK_CURE = "commit the file itself; nothing outside the project is read"
_PARTIAL_CURE = "fetch it first: `git fetch --refetch --no-filter origin`, or clone without --filter"


def _lfs_cure(commit: Commit) -> str:
    return f"run `git lfs fetch origin {commit.sha[:12]}`"


def _withheld(commit: Commit, entry: _Entry, what: str, cure: str) -> Problem:
    return Problem(what, cure, f"{commit.short}:{entry.path}")


def _refusal(commit: Commit, message: str, cure: str) -> BadInput:
    return BadInput([Problem(f"{commit.asked} ({commit.short}): {message}", cure, key="--baseline")])
