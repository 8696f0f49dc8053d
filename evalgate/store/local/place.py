"""Where a local store lies, who has it open, and whether it can lie there at all."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evalgate.core.errors import BadInput, CannotJudge, Problem

_MOUNTS = Path("/proc/self/mounts")
# SQLite's write-ahead log needs memory that is shared on one host; these file systems have none.
_NETWORKED = ("nfs", "cifs", "smb", "fuse.sshfs", "afs", "ncp", "lustre", "gpfs", "9p")
_LOCK_PATIENCE_S = 60.0
_LOCK_POLL_S = 0.01


class StorePlace:
    """The files of one store: the database, SQLite's own beside it, and ours that say who uses it."""

    def __init__(self, path: Path) -> None:
        """Name the files; nothing is touched."""
        self.path = path
        self.wal = path.with_name(f"{path.name}-wal")
        self.shared = path.with_name(f"{path.name}-shm")
        self.lock = path.with_name(f"{path.name}.lock")
        self.owners = path.with_name(f"{path.name}.owners")
        self._clean = path.with_name(f"{path.name}.clean")

    def ensure_folder(self) -> None:
        """Make the folder, and refuse one that cannot hold a store.

        Raises:
            BadInput: it cannot be made or written, or lies on a network file system.

        """
        try:
            self.owners.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        kind = file_system_of(self.path.parent)
        if kind.startswith(_NETWORKED):
            message = f"the local store cannot lie on a network file system ({kind}), which breaks its locks"
            cure = "set EVALGATE_STORE to a file on a local disk"
            raise BadInput([Problem(message, cure, str(self.path))])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock under which stores are opened, mended, migrated and closed.

        Raises:
            BadInput: the folder cannot be written.
            CannotJudge: another process holds it for longer than opening can take.

        """
        try:
            handle = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        try:
            _wait_for(handle, self.lock)
            yield
        finally:
            os.close(handle)

    def enter(self) -> "Owner":
        """Return a new owner of the store, alive until it leaves or its process ends."""
        return Owner(self.owners / f"{os.getpid()}-{secrets.token_hex(4)}")

    def living(self) -> list[str]:
        """Return the names of those that have the store open for writing; what the dead left is removed."""
        names = []
        with suppress(FileNotFoundError):
            for file in sorted(self.owners.iterdir()):
                if is_alive(file):
                    names.append(file.name)
                else:
                    file.unlink(missing_ok=True)
        return names

    def note_clean(self) -> None:
        """Say that the store was closed whole, as it stands now."""
        if not self.wal.exists() or not self.wal.stat().st_size:
            self._clean.write_text(self._as_it_stands())

    def forget_clean(self) -> None:
        """Take that back: from now on the store may end in the middle of something."""
        self._clean.unlink(missing_ok=True)

    def is_clean(self) -> bool:
        """Tell whether nothing touched the store since it was closed whole."""
        try:
            return self._clean.read_text() == self._as_it_stands()
        except OSError:
            return False

    def _as_it_stands(self) -> str:
        stat = self.path.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}\n"


class Owner:
    """One process that writes. The lock on its file is the operating system's word that it lives."""

    def __init__(self, file: Path) -> None:
        """Take the lock."""
        self.name = file.name
        self._file = file
        self._handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def leave(self) -> None:
        """Give the lock back."""
        self._file.unlink(missing_ok=True)
        os.close(self._handle)


def is_alive(owner: Path) -> bool:
    """Tell whether the process that owns this file still runs."""
    try:
        handle = os.open(owner, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def file_system_of(folder: Path, mounts: Path = _MOUNTS) -> str:
    """Return the kind of file system that ``folder`` lies on; empty where this system does not tell."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    folder = folder.resolve()
    longest, kind = "", ""
    for line in lines:
        _, point, found, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if len(point) >= len(longest) and folder.is_relative_to(point):
            longest, kind = point, found
    return kind


def _wait_for(handle: int, file: Path) -> None:
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise CannotJudge(
                    f"{file}: another process has been opening the local store for {_LOCK_PATIENCE_S:g} s; "
                    "wait for it, or end it"
                ) from None
            time.sleep(_LOCK_POLL_S)
        else:
            return


def _unwritable(path: Path, error: OSError) -> BadInput:
    message = f"the local store cannot be written: {error.strerror or error}"
    cure = "make the folder writable, or set EVALGATE_STORE to a file elsewhere"
    return BadInput([Problem(message, cure, str(path))])
