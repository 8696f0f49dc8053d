"""Which cases a change touches at all, and in what.

The rest of a comparison is identical by construction: the same recorded call on both sides differs from
itself by nothing, whatever the provider's noise. A router's score or threshold alone is no difference;
only where it sent the case is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Graded, Outcome, Step
from evalgate.scoring.methods.arrays import Bools, Ints

_CALLS, _SOURCES, _PATH, _ANSWER, _GRADE, _COST, _LATENCY, _TOKENS = (1 << bit for bit in range(8))
_SERVED = _SOURCES | _PATH | _ANSWER | _GRADE

NONE, MANY = -1, -2
_NOWHERE: frozenset[str] = frozenset()
# A call that faults stood in for took no time of anybody's: it comes from no session.
_UNRECORDED = frozenset({""})


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs on each case, in any of its trials.

    ``any`` is any difference at all. ``served`` is a difference that can change what the user gets: other
    recorded calls, another path, another answer or grade. ``cost`` and ``latency`` are differences of those
    numbers, ``tokens`` one of when tokens came. ``source`` tells, where the recorded calls differ, which of
    ``sessions`` all of those come from: its index, ``MANY`` when they come from several, ``NONE`` where no
    call differs.
    """

    any: Bools
    served: Bools
    cost: Bools
    latency: Bools
    tokens: Bools
    source: Ints
    sessions: tuple[str, ...]

    def take(self, rows: Ints | Bools) -> "Differences":
        """Return the differences of some cases only."""
        return Differences(
            any=self.any[rows],
            served=self.served[rows],
            cost=self.cost[rows],
            latency=self.latency[rows],
            tokens=self.tokens[rows],
            source=self.source[rows],
            sessions=self.sessions,
        )


def differences(
    baseline: Sequence[Graded], candidate: Sequence[Graded], before: Ints, after: Ints
) -> Differences:
    """Return what differs between two runs, case by case.

    ``before`` and ``after`` hold, by case and trial, the positions in the two runs' results (-1 where there
    is no such trial); they are present at the same places.
    """
    flags = np.zeros(len(before), dtype=np.intp)
    source = np.full(len(before), NONE, dtype=np.intp)
    codes: dict[str, int] = {}
    for row, (lefts, rights) in enumerate(zip(before.tolist(), after.tolist(), strict=True)):
        for left, right in zip(lefts, rights, strict=True):
            if left < 0:
                continue
            found, sessions = _difference(baseline[left], candidate[right])
            flags[row] |= found
            for session in sessions:
                code = codes.setdefault(session, len(codes))
                source[row] = code if source[row] in {NONE, code} else MANY
    return Differences(
        any=flags > 0,
        served=(flags & _SERVED) > 0,
        cost=(flags & _COST) > 0,
        latency=(flags & _LATENCY) > 0,
        tokens=(flags & _TOKENS) > 0,
        source=source,
        sessions=tuple(codes),
    )


def _difference(left: Graded, right: Graded) -> tuple[int, frozenset[str]]:
    if left is right:
        return 0, _NOWHERE
    before, after = left.outcome, right.outcome
    if len(before.steps) == len(after.steps) == 1:
        found, sessions = _one_call_difference(before.steps[0], after.steps[0])
    else:
        found, sessions = _call_difference(before.steps, after.steps)
    if _path(before) != _path(after):
        found |= _PATH
    if before.result is not after.result and before.result != after.result:
        found |= _ANSWER
    if left.grade is not right.grade and _judged(left) != _judged(right):
        found |= _GRADE
    if left.cost is not right.cost and _spent(left) != _spent(right):
        found |= _COST
    if before.latency_s != after.latency_s:
        found |= _LATENCY
    untold = before.tokens is None and after.tokens is None
    if (found & _LATENCY) if untold else before.tokens != after.tokens:
        found |= _TOKENS
    return found, sessions


def _path(outcome: Outcome) -> tuple[str | None, bool, str | None]:
    cache = outcome.cache
    if cache is None or not cache.hit:
        return outcome.deployment, False, None
    return outcome.deployment, True, cache.source


def _judged(graded: Graded) -> tuple[float, bool] | None:
    return None if graded.grade is None else (graded.grade.score, graded.grade.correct)


def _spent(graded: Graded) -> float | None:
    return None if isinstance(graded.cost, Unmeasured) else graded.cost.total_usd


def _one_call_difference(before: Step, after: Step) -> tuple[int, frozenset[str]]:
    if before.digest != after.digest or before.session != after.session:
        return _CALLS | _SOURCES, _of_sessions(before.session, after.session) - _UNRECORDED
    same = before.attempts is after.attempts or before.attempts == after.attempts
    return (0 if same else _CALLS), _NOWHERE


@lru_cache(maxsize=256)
def _of_sessions(one: str, other: str) -> frozenset[str]:
    return frozenset((one, other))


def _call_difference(before: Sequence[Step], after: Sequence[Step]) -> tuple[int, frozenset[str]]:
    left = Counter((step.digest, step.session) for step in before)
    right = Counter((step.digest, step.session) for step in after)
    if left != right:
        odd = (left - right) + (right - left)
        return _CALLS | _SOURCES, frozenset(session for _, session in odd) - _UNRECORDED
    calls = [(step.digest, step.session, step.attempts) for step in before]
    if calls != [(step.digest, step.session, step.attempts) for step in after]:
        # The same recordings, cut off or waited for differently: exact, whenever they were made.
        return _CALLS, _NOWHERE
    return 0, _NOWHERE
