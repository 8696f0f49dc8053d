"""Leaving a deployment alone for a while after it failed too often, as all cases of a stream see it.

The words are LiteLLM's: more than ``allowed_fails`` failures within a window, and it is not asked for
``cooldown_time``. Times are those of the cases' clock, so a replay does exactly what production would do.
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from evalgate.core.calls import Attempt
from evalgate.core.policy_file import Reliability
from evalgate.core.retry import RETRYABLE


@dataclass(frozen=True, slots=True)
class _State:
    """Left alone until ``until_s``; ``recent`` are the failures since then that still count."""

    until_s: float = float("-inf")
    recent: tuple[float, ...] = ()


@dataclass(slots=True)
class _Log:
    """What is settled of one deployment, and failures that end later than the last case came."""

    settled: _State = _State()
    ahead: list[float] = field(default_factory=list)


class Health:
    """Which deployments failed when, over one pass of a suite.

    Cases are served in turn. So a case knows the failures of all cases before it that have ended by then,
    and not those of cases that come while it is being served.
    """

    def __init__(self, rules: Reliability) -> None:
        """Start with everything in health."""
        self._rules = rules
        self._logs: dict[str, _Log] = {}

    def arrived(self, at_s: float) -> None:
        """Settle all until ``at_s``: nothing that is served later can end before."""
        for log in self._logs.values():
            due = bisect_right(log.ahead, at_s)
            if due:
                log.settled = self._after(log.settled, log.ahead[:due])
                del log.ahead[:due]

    def note(self, alias: str, at_s: float, attempts: Sequence[Attempt]) -> None:
        """Note what came of a call that began at ``at_s``; only what might be tried again is a failure."""
        for attempt in attempts:
            at_s += attempt.wait_s + attempt.latency_s
            if attempt.error in RETRYABLE:
                insort(self._logs.setdefault(alias, _Log()).ahead, at_s)

    def is_cooling(self, alias: str, at_s: float) -> bool:
        """Tell whether ``alias`` is left alone at ``at_s``."""
        log = self._logs.get(alias)
        if log is None:
            return False
        due = bisect_right(log.ahead, at_s)
        return at_s < self._after(log.settled, log.ahead[:due]).until_s

    def _after(self, state: _State, fails: Sequence[float]) -> _State:
        allowed = self._rules.allowed_fails
        assert allowed is not None
        for at_s in fails:
            if at_s < state.until_s:
                continue
            since_s = at_s - self._rules.fails_window_s
            recent = (*(each for each in state.recent if each > since_s), at_s)
            if len(recent) > allowed:
                state = _State(at_s + self._rules.cooldown_time_s)
            else:
                state = _State(state.until_s, recent)
        return state
