"""Progress on stderr: a bar on a terminal, a plain line now and then elsewhere, nothing for quick work."""

import time
from collections.abc import Callable, Mapping
from typing import TextIO

from evalgate.core.progress import CallsSoFar, Progress

_QUICK_S = 1.0
_BAR_EVERY_S = 0.1
_LINE_EVERY_S = 15.0
_BAR_COLUMNS = 28
_CLEAR_LINE = "\r\x1b[K"

Clock = Callable[[], float]


class Silent:
    """Shows nothing."""

    def start(self, label: str, total: int) -> None:
        """Begin unseen."""

    def advance(self, n: int = 1) -> None:
        """Advance unseen."""

    def calls(self, so_far: CallsSoFar) -> None:
        """Call unseen."""

    def done(self) -> None:
        """End unseen."""


class _Timed:
    """Counts steps and shows them at most every so often, once the work has taken longer than a second."""

    def __init__(self, stream: TextIO, every_s: float, clock: Clock) -> None:
        self._stream = stream
        self._every_s = every_s
        self._clock = clock
        self._label = ""
        self._total = 0
        self._finished = 0
        self._started_at = 0.0
        self._next_at = 0.0
        self._shown = False

    def start(self, label: str, total: int) -> None:
        """Begin a piece of work; one that was not ended is ended."""
        self.done()
        self._label, self._total, self._finished = label, total, 0
        self._so_far: CallsSoFar | None = None
        self._started_at = self._clock()
        self._next_at = self._started_at + max(_QUICK_S, self._every_s)

    def advance(self, n: int = 1) -> None:
        """Count finished steps, and show them when it is time."""
        self._finished += n
        self._show_when_due()

    def calls(self, so_far: CallsSoFar) -> None:
        """Keep what calls came to, and show it when it is time."""
        self._so_far = so_far
        self._show_when_due()

    def _show_when_due(self) -> None:
        now = self._clock()
        if now >= self._next_at:
            self._next_at = now + self._every_s
            self._shown = True
            self._write(self._now(now - self._started_at))

    def done(self) -> None:
        """End the piece of work; say so if anything was said about it."""
        if self._shown:
            self._write(self._last(self._clock() - self._started_at))
        self._shown = False

    def _counted(self) -> str:
        return f"{self._label}: {self._finished:,}/{self._total:,}"

    def _left(self, elapsed_s: float) -> str:
        share = min(1.0, self._finished / self._total) if self._total else 0.0
        return f", {_duration(elapsed_s / share - elapsed_s)} left" if share else ""

    def _called(self) -> str:
        """Return what calls came to; empty for work without calls."""
        if self._so_far is None:
            return ""
        said = [f"{self._so_far.made:,} called", f"{self._so_far.reused:,} reused"]
        said += [f"{self._so_far.in_flight:,} in flight"]
        if self._so_far.failed:
            said.append(f"{self._so_far.failed:,} failed")
        if self._so_far.spent_usd:
            said.append(f"${self._so_far.spent_usd:,.4f}")
        return "; " + ", ".join(said)

    def _now(self, elapsed_s: float) -> str:
        raise NotImplementedError

    def _last(self, elapsed_s: float) -> str:
        raise NotImplementedError

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (BrokenPipeError, UnicodeEncodeError):
            # Nobody can see it; the work goes on.
            self._shown = False


class Bar(_Timed):
    """One line that is redrawn, and removed at the end."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        super().__init__(stream, _BAR_EVERY_S, clock)

    def _now(self, elapsed_s: float) -> str:
        share = min(1.0, self._finished / self._total) if self._total else 0.0
        full = round(share * _BAR_COLUMNS)
        bar = f"[{'=' * full}{' ' * (_BAR_COLUMNS - full)}]"
        return f"{_CLEAR_LINE}{self._counted()} {bar} {share:.0%}{self._left(elapsed_s)}{self._called()}"

    def _last(self, elapsed_s: float) -> str:  # noqa: ARG002  a finished bar leaves nothing behind
        return _CLEAR_LINE


class Lines(_Timed):
    """A whole line every fifteen seconds, for logs."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        super().__init__(stream, _LINE_EVERY_S, clock)

    def _now(self, elapsed_s: float) -> str:
        after = f"after {_duration(elapsed_s)}{self._left(elapsed_s)}"
        return f"evalgate: {self._counted()} {after}{self._called()}\n"

    def _last(self, elapsed_s: float) -> str:
        return f"evalgate: {self._counted()}, done in {_duration(elapsed_s)}{self._called()}\n"


def progress_on(stream: TextIO, environ: Mapping[str, str], *, quiet: bool) -> Progress:
    """Return the progress that suits the stream.

    FORCE_COLOR does not make a terminal: a log shows colours, but a redrawn bar fills it with garbage.
    """
    if quiet:
        return Silent()
    animated = stream.isatty() and not environ.get("CI") and environ.get("TERM") != "dumb"
    return Bar(stream) if animated else Lines(stream)


def _duration(elapsed_s: float) -> str:
    minutes, rest_s = divmod(round(elapsed_s), 60)
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"
