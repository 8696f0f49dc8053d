"""From the local store to a suite's recordings: the calls that the suite is to keep."""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from evalgate.core.suite import Project, Suite
from evalgate.pipeline.project.places import store_file
from evalgate.store.local.stored import StoredCalls
from evalgate.store.recordings import Recordings
from evalgate.store.writer import write_lines


def keep_in_suite(
    project: Project, suite: Suite, name: str, found: Iterable[tuple[str, str]], committed: Recordings
) -> Path | None:
    """Write the calls ``found`` (digest and session) that are not ``committed`` as the recordings ``name``.

    Returns the file, or None when there is nothing to write.

    Raises:
        BadInput: the folder cannot be written.
        CannotJudge: the disk is full; the calls are safe in the local store.

    """
    stored = StoredCalls(store_file(project.root))
    lines: list[bytes] = []
    sessions: set[str] = set()
    for digest, session in sorted(found):
        if any(known.session == session for known in committed.logs_of(digest)):
            continue
        wanted = [line for held, line in stored.lines(digest) if held == session]
        lines += wanted
        sessions |= {session for _ in wanted}
    if not lines:
        return None
    path = suite.folder / "recordings" / f"{name}.jsonl"
    described = [stored.sessions[session] for session in sorted(sessions)]
    write_lines(path, described, lines, f"evalgate {version('evalgate-harness')}")
    return path
