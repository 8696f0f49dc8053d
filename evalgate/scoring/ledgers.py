"""What the attempts of outcomes add up to."""

from collections.abc import Sequence

from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Graded


def lag_s_of(graded: Graded) -> float:
    """Return how late our own event loop can have been, in all attempts of an outcome together."""
    lag_s = 0.0
    for step in graded.outcome.steps:
        for attempt in step.attempts:
            if attempt.lag_s:
                lag_s += attempt.lag_s
    return lag_s


def by_timed_batch(graded: Graded) -> bool:
    """Whether a batch API answered and its turnaround was recorded."""
    outcome = graded.outcome
    if outcome.batch_window_s is None:
        return False
    return any(attempt.turnaround_s is not None for step in outcome.steps for attempt in step.attempts)


def cost_unknown_because(results: Sequence[Graded]) -> str:
    """Return why the cost of some outcome is unknown; empty where all are known."""
    unknown = [each for each in results if isinstance(each.cost, Unmeasured)]
    if not unknown:
        return ""
    cost = unknown[0].cost
    reason = cost.reason if isinstance(cost, Unmeasured) else ""
    many = f" ({len(unknown)} such)" if len(unknown) > 1 else ""
    return f"the cost of case {unknown[0].outcome.case_id!r} is unknown: {reason}{many}"
