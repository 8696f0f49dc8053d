"""What each case asks of the deployments under a policy, in arrays that a simulation can run over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from evalgate.core.calls import Attempt
from evalgate.core.outcome import Graded, Step
from evalgate.scoring.methods.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Demand:
    """The visits of each case, one after the other.

    Visit ``v`` of case ``c`` stands at ``first[c] + v``, for ``first[c] <= . < first[c + 1]``. ``pause_s`` is
    what passes before a visit outside of any deployment (lookup, routing, backoff), ``tail_s`` per case what
    passes after the last: NaN where a batch API answers, which has quotas of its own and nobody waits.
    ``tokens`` are what a quota of tokens counts.
    """

    first: Ints
    tail_s: Floats
    station: Ints
    service_s: Floats
    pause_s: Floats
    tokens: Floats
    prompt_tokens: Ints
    output_tokens: Ints

    @property
    def cases(self) -> int:
        """How many cases there are."""
        return len(self.tail_s)

    @property
    def visits(self) -> Ints:
        """How many visits each case makes."""
        return np.diff(self.first)


def demand_of(
    results: Sequence[Graded], stations: Mapping[str, int], windows_s: Sequence[float] = ()
) -> Demand:
    """Return what ``results`` ask of the deployments named in ``stations``.

    Every attempt is a visit, also a failed one: it took its place while it lasted. Times that belong to no
    attempt (lookup, routing) pass before the first. ``windows_s`` are those in which each deployment's
    requests are collected: an attempt's recorded wait has all of it, and a simulation finds what it is.
    """
    collecting = dict(enumerate(windows_s))
    first, tail = [0], list[float]()
    rows: list[tuple[int, Attempt, float]] = []
    for graded in results:
        outcome = graded.outcome
        if outcome.batch_window_s is not None:
            tail.append(nan)
            first.append(len(rows))
            continue
        visits = [(stations[step.deployment], attempt) for step in outcome.steps for attempt in step.attempts]
        on_the_wire = sum(attempt.latency_s + attempt.wait_s for _, attempt in visits)
        around_s = max(outcome.latency_s - on_the_wire, 0.0)
        for at, (station, attempt) in enumerate(visits):
            pause_s = max(0.0, attempt.wait_s - collecting.get(station, 0.0))
            rows.append((station, attempt, pause_s + (around_s if at == 0 else 0.0)))
        tail.append(0.0 if visits else around_s)
        first.append(len(rows))
    counted = [_tokens(attempt) for _, attempt, _ in rows]
    return Demand(
        first=np.array(first, dtype=np.intp),
        tail_s=np.array(tail),
        station=np.array([station for station, _, _ in rows], dtype=np.intp),
        service_s=np.array([attempt.latency_s for _, attempt, _ in rows]),
        pause_s=np.array([pause for _, _, pause in rows]),
        tokens=np.array([prompt + output for prompt, output in counted], dtype=np.float64),
        prompt_tokens=np.array([prompt for prompt, _ in counted], dtype=np.intp),
        output_tokens=np.array([output for _, output in counted], dtype=np.intp),
    )


def uncounted(results: Sequence[Graded], deployments: frozenset[str]) -> int:
    """Return how many calls to ``deployments`` succeeded without telling their tokens."""
    return sum(
        _untold(step) for graded in results for step in graded.outcome.steps if step.deployment in deployments
    )


def _untold(step: Step) -> bool:
    last = step.attempts[-1] if step.attempts else None
    return last is not None and last.error is None and None in _counts(last)


def _counts(attempt: Attempt) -> tuple[int | None, int | None]:
    usage = attempt.usage
    return (None, None) if usage is None else (usage.input_tokens, usage.output_tokens)


def _tokens(attempt: Attempt) -> tuple[int, int]:
    prompt, output = _counts(attempt)
    return prompt or 0, output or 0
