"""The verbs of ``store`` that look after the local store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.destinations import recordings_folders
from evalgate.load.places import find_project
from evalgate.pipeline.project.places import store_file
from evalgate.store.local import keeping
from evalgate.store.local.stored import StoredCalls
from evalgate.store.recordings import read_recordings, recording_files
from evalgate.store.writer import write_lines


@dataclass(frozen=True, slots=True)
class Collected:
    """Calls that were removed, or would be, and the bytes that this freed."""

    calls: int
    freed_bytes: int


def store_stats(start: Path) -> tuple[Path, keeping.StoreStats]:
    """Return where the project's store is and what it holds.

    Raises:
        BadInput: there is none, or a newer evalgate made it.

    """
    path = existing_store(start)
    return path, keeping.stats(path)


def store_verified(start: Path) -> keeping.StoreVerified | None:
    """Look at every call of the project's store; None where there is none.

    Raises:
        BadInput: a newer evalgate made it.

    """
    path = store_file(find_project(start).parent)
    return keeping.verify_store(path) if path.exists() else None


def collect_garbage(start: Path, older_than_days: int | None, *, dry_run: bool) -> Collected:
    """Remove what the suites' recordings hold too, and what is older than so many days.

    Raises:
        BadInput: there is no store, or recordings are broken.
        CannotJudge: another process has the store open.

    """
    path = existing_store(start)
    files = [each for folder in recordings_folders(start, []) for each in recording_files(folder)]
    committed = read_recordings(files)

    def is_committed(digest: str, session: str) -> bool:
        return any(each.session == session for each in committed.logs_of(digest))

    before = ""
    if older_than_days is not None:
        before = f"{datetime.now(UTC) - timedelta(days=older_than_days):%Y%m%dT%H%M%SZ}"
    return Collected(*keeping.collect(path, is_committed, before, dry_run=dry_run))


def export_store(start: Path, target: Path) -> int:
    """Write every call of the project's store as a recordings file; return how many.

    Raises:
        BadInput: there is no store, or the file is there.
        CannotJudge: the file cannot be written.

    """
    stored = StoredCalls(existing_store(start))
    lines = [line for digest in stored for _, line in stored.lines(digest)]
    sessions = sorted(stored.sessions.values(), key=lambda each: each.id)
    write_lines(target, sessions, lines, f"evalgate {version('evalgate-harness')}")
    return len(lines)


def import_recordings(start: Path, files: Sequence[Path]) -> tuple[int, int]:
    """Bring recordings files into the project's store; return how many calls there were, how many were new.

    Raises:
        BadInput: with every problem of every file.

    """
    return keeping.take(store_file(find_project(start).parent), files)


def existing_store(start: Path) -> Path:
    """Return where the project's local store is.

    Raises:
        BadInput: there is none.

    """
    path = store_file(find_project(start).parent)
    if not path.exists():
        cure = "it is made by the first call: `evalgate record`, or `evalgate run --mode auto`"
        raise BadInput([Problem("there is no local store here yet", cure, str(path))])
    return path
