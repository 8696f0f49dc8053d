"""Moments until which somebody must wait, known to one process, or to all that share a folder."""

import fcntl
import hashlib
import logging
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# The moments, and behind them when the machine's clock was started: after a restart they mean nothing.
_DOUBLE = struct.Struct("d")
_CLOCK_SET_S = 300.0

_log = logging.getLogger(__name__)
Change = Callable[[float], float]


class Moments:
    """Some moments of one process, of the clock that only grows; each is 0 at first."""

    def __init__(self, count: int) -> None:
        """Start with nobody waiting."""
        self._values = [0.0] * count

    def change(self, which: int, change: Change) -> float:
        """Put ``change(moment)`` in the place of a moment, and return what it was."""
        before = self._values[which]
        self._values[which] = change(before)
        return before

    def get(self, which: int) -> float:
        """Return a moment."""
        return self._values[which]


class SharedMoments(Moments):
    """The same for every process that names the same file: each change is made under a lock.

    They are read without one, and without asking the kernel. Where the file cannot be used, this process
    counts for itself, and says so once.
    """

    def __init__(self, count: int, folder: Path, name: Sequence[str | None]) -> None:
        """Share ``count`` moments in ``folder`` under ``name``."""
        super().__init__(count)
        self._count = count
        self._file: int | None = None
        self._shared: memoryview[float] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / hashlib.sha256(repr(tuple(name)).encode()).hexdigest()[:16]
            self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._shared = self._begun(self._file)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Let go of the file."""
        self._shared = None
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def change(self, which: int, change: Change) -> float:
        """Change a moment for everybody."""
        if self._file is None:
            return super().change(which, change)
        try:
            with _locked(self._file):
                before = self.get(which)
                os.pwrite(self._file, _DOUBLE.pack(change(before)), which * _DOUBLE.size)
        except OSError as error:
            self._give_up(error)
            return super().change(which, change)
        return before

    def get(self, which: int) -> float:
        """Return a moment as anybody set it last."""
        return super().get(which) if self._shared is None else self._shared[which]

    def _begun(self, file: int) -> "memoryview[float]":
        """Return the moments in the file as they are at any time; all are 0 where they tell nothing."""
        clock_started_at = time.time() - time.monotonic()
        size = _DOUBLE.size * (self._count + 1)
        with _locked(file):
            raw = os.pread(file, size, 0)
            last = _DOUBLE.unpack(raw[-_DOUBLE.size :])[0] if len(raw) == size else 0.0
            if abs(last - clock_started_at) > _CLOCK_SET_S:
                raw = bytes(size - _DOUBLE.size) + _DOUBLE.pack(clock_started_at)
                os.pwrite(file, raw, 0)
        # Only read: a page that was written before never lacks room on the disk.
        return memoryview(mmap.mmap(file, size, access=mmap.ACCESS_READ)).cast("d")

    def _give_up(self, error: OSError) -> None:
        self._values = [self.get(which) for which in range(self._count)]
        self.close()
        _log.warning("limits hold for this process alone: what is asked cannot be shared: %s", error)


@contextmanager
def _locked(file: int) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
