"""The cases' own clock: the only time a policy's cache knows."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, Problem

STEP_S = 1.0


def case_times(cases: Sequence[Case]) -> tuple[float, ...]:
    """Return each case's seconds on the clock of an ordered suite.

    ``at`` is seconds, or ISO 8601 timestamps counted from the first one (UTC where no zone is written). A
    case without ``at`` comes one second after the one before it, or earlier where the next time is sooner.

    Raises:
        BadInput: a time cannot be read, seconds and timestamps are mixed, or the clock runs back.

    """
    if all(case.at is None for case in cases):
        return tuple(index * STEP_S for index in range(len(cases)))
    stated = _stated(cases)
    latest = _latest_allowed(stated)
    times: list[float] = []
    for written, ceiling in zip(stated, latest, strict=True):
        following = times[-1] + STEP_S if times else 0.0
        times.append(written if written is not None else min(following, ceiling))
    return tuple(times)


def start_of(cases: Sequence[Case]) -> float | None:
    """Return the moment (seconds since 1970) that the clock counts timestamps from; None without any.

    Raises:
        BadInput: a time cannot be read.

    """
    first = next((case for case in cases if isinstance(case.at, str)), None)
    if first is None:
        return None
    problems: list[Problem] = []
    start = _timestamp(first, str(first.at), problems)
    if start is None:
        raise BadInput(problems)
    return start


def moment_of(text: str) -> float | None:
    """Return the seconds since 1970 of an ISO 8601 timestamp, in UTC if no zone is written; else None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _stated(cases: Sequence[Case]) -> list[float | None]:
    """Read every ``at``; None where there is none."""
    problems: list[Problem] = []
    stated: list[float | None] = []
    start: float | None = None
    for case in cases:
        value = case.at
        if isinstance(value, str):
            value = _timestamp(case, value, problems)
            start = value if start is None else start
            value = None if value is None or start is None else value - start
        stated.append(value)
    problems += _mixed(cases)
    if not problems:
        problems += _backward(cases, stated)
    if problems:
        raise BadInput(problems)
    return stated


def _timestamp(case: Case, text: str, problems: list[Problem]) -> float | None:
    moment = moment_of(text)
    if moment is None:
        cure = "Write seconds as a number, or an ISO 8601 timestamp such as 2026-11-01T09:30:00Z."
        problems.append(Problem(f"case {case.id!r}: {text!r} is not a time", cure, key="at"))
    return moment


def _mixed(cases: Sequence[Case]) -> list[Problem]:
    text = next((case for case in cases if isinstance(case.at, str)), None)
    number = next((case for case in cases if isinstance(case.at, int | float)), None)
    if text is None or number is None:
        return []
    message = f"case {text.id!r} has a timestamp and case {number.id!r} has seconds"
    return [Problem(message, "Use one of the two in all cases of a suite.", key="at")]


def _backward(cases: Sequence[Case], stated: Sequence[float | None]) -> list[Problem]:
    timed = [(case, time) for case, time in zip(cases, stated, strict=True) if time is not None]
    return [
        Problem(
            f"case {late.id!r} is at {late.at!r}, before case {early.id!r} above it at {early.at!r}",
            "An ordered suite is a stream: sort its cases by time.",
            key="at",
        )
        for (early, before), (late, after) in itertools.pairwise(timed)
        if after < before
    ]


def _latest_allowed(stated: Sequence[float | None]) -> list[float]:
    """Return for each case the next stated time, which a filled-in time may not pass."""
    ceilings: list[float] = []
    ceiling = float("inf")
    for time in reversed(stated):
        ceiling = ceiling if time is None else time
        ceilings.append(ceiling)
    return ceilings[::-1]
