"""The recordings a suite is replayed from: its commit's, those committed with it, then local ones."""

import filecmp
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from evalgate.core.errors import BadInput
from evalgate.core.suite import BaseCommit, Project, Suite
from evalgate.pipeline.project.places import committed_recordings, recordings_in, store_file
from evalgate.store.marks import read_marks
from evalgate.store.recordings import Recordings, read_recordings


def committed(suite: Suite) -> Recordings:
    """Return what is committed; where a commit judges, its own recordings hide others of the same call.

    Raises:
        BadInput: with every problem of every file.

    """
    marks = marks_of(suite)
    found = _committed(suite)
    return found.marked(marks) if marks else found


def marks_of(suite: Suite) -> dict[str, str]:
    """Return the sessions whose recordings no longer hold; a commit's marks count as well as ours.

    Raises:
        BadInput: a mark is not what evalgate writes.

    """
    theirs = {} if suite.base is None else read_marks(suite.base.recordings)
    return theirs | read_marks(suite.folder / "recordings")


def _committed(suite: Suite) -> Recordings:
    ours = committed_recordings(suite)
    if suite.base is None:
        return read_recordings(ours)
    theirs = recordings_in(suite.base.recordings.parent)
    base = _read_base(suite.base, theirs)
    # Most files are in both, and reading them once is enough.
    added = [path for path in ours if not _is_among(path, theirs)]
    return Recordings.union(base, read_recordings(added)) if added else base


def committed_and_local(project: Project, suite: Suite) -> Recordings:
    """Return what is committed, and behind it what was recorded on this machine only.

    Raises:
        BadInput: with every problem of every file, or the local store is a newer evalgate's.

    """
    local = local_calls(project)
    return committed(suite) if local is None else Recordings.union(committed(suite), local)


def local_calls(project: Project, only: Collection[str] | None = None) -> Recordings | None:
    """Return what was recorded on this machine only, of some sessions where they are named.

    Raises:
        BadInput: the local store is a newer evalgate's.

    """
    path = store_file(project.root)
    if not path.exists():
        return None
    from evalgate.store.local.stored import StoredCalls  # noqa: PLC0415  sqlite only where there is a store

    stored = StoredCalls(path, only)
    return Recordings(stored.sessions, (stored,))


def _read_base(base: BaseCommit, paths: Sequence[Path]) -> Recordings:
    try:
        return read_recordings(paths)
    except BadInput as bad:
        folder = f"{base.sha[:7]}:{base.recordings.parent.name}/recordings"
        told = [
            replace(each, file=f"{folder}/{Path(each.file).name}") if each.file else each
            for each in bad.problems
        ]
        raise BadInput(told) from None


def _is_among(path: Path, others: Sequence[Path]) -> bool:
    same = next((other for other in others if other.name == path.name), None)
    return same is not None and same.is_file() and filecmp.cmp(path, same, shallow=False)
