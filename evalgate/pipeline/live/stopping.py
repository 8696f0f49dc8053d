"""Ctrl-C while calls are made: what was paid for is waited for, and nothing new is paid."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

GRACE_S = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_log = logging.getLogger(__name__)


class Stopping:
    """Whether to stop: ``asked`` by a signal, or ``halted`` because some call cannot be made.

    The first signal stops new calls; those in flight get ten seconds. The second, or the end of the ten
    seconds, drops them.
    """

    def __init__(self) -> None:
        """Start with nothing in the way."""
        self.asked = False
        self.halted = False
        self._limit: asyncio.TimerHandle | None = None

    def __call__(self) -> bool:
        """Tell whether no new call is to be made."""
        return self.asked or self.halted

    @contextmanager
    def listening(self, in_flight: Callable[[], int]) -> Iterator[None]:
        """Take the signals over while calls are made by the current task."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None

        def heard() -> None:
            if self.asked:
                task.cancel()
                return
            self.asked = True
            calls = in_flight()
            waiting = f"waiting up to {GRACE_S:g} s for {calls:,} in flight, " if calls else ""
            _log.warning("interrupted: no new call is made; %sCtrl-C again drops them", waiting)
            self._limit = loop.call_later(GRACE_S, task.cancel)

        # Signals go to the main thread only; in another one there is nothing to take over.
        with suppress(ValueError, RuntimeError, NotImplementedError):
            for each in _SIGNALS:
                loop.add_signal_handler(each, heard)
        try:
            yield
        finally:
            if self._limit is not None:
                self._limit.cancel()
            with suppress(ValueError, RuntimeError, NotImplementedError):
                for each in _SIGNALS:
                    loop.remove_signal_handler(each)
