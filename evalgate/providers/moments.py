"""Moments until which somebody must wait, known to one process, or to all that share a folder."""

import fcntl
import hashlib
import logging
import os
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

# The moments, and behind them when the machine's clock was started: after a restart they mean nothing.
_DOUBLE = struct.Struct("=d")
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

    Where the file cannot be used, this process counts for itself, and says so once.
    """

    def __init__(self, count: int, folder: Path, name: Sequence[str | None]) -> None:
        """Share ``count`` moments in ``folder`` under ``name``."""
        super().__init__(count)
        self._started_at = time.time() - time.monotonic()
        file = folder / hashlib.sha256(repr(tuple(name)).encode()).hexdigest()[:16]
        self._file: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def change(self, which: int, change: Change) -> float:
        """Change a moment for everybody."""
        if self._file is None:
            return super().change(which, change)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                self._read()
                before = super().change(which, change)
                os.pwrite(self._file, b"".join(map(_DOUBLE.pack, (*self._values, self._started_at))), 0)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        except OSError as error:
            self._give_up(error)
            return super().change(which, change)
        return before

    def get(self, which: int) -> float:
        """Return a moment as anybody set it last."""
        if self._file is not None:
            with suppress(OSError):
                self._read()
        return super().get(which)

    def _read(self) -> None:
        assert self._file is not None
        size = _DOUBLE.size * (len(self._values) + 1)
        raw = os.pread(self._file, size, 0)
        if len(raw) == size:
            *values, started_at = (value for (value,) in _DOUBLE.iter_unpack(raw))
            if abs(started_at - self._started_at) < _CLOCK_SET_S:
                self._values = values

    def _give_up(self, error: OSError) -> None:
        self.close()
        _log.warning("limits hold for this process alone: what is asked cannot be shared: %s", error)
