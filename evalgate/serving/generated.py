"""What asking deployments gives: calls as they count, the answer or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalgate.core.batch_file import BatchFile
from evalgate.core.calls import Attempt, Call, Response
from evalgate.core.outcome import Failure, Role, Step
from evalgate.core.policy import Deployment
from evalgate.serving.prompts import Prompt

Ready = tuple[Deployment, Prompt]


@dataclass(frozen=True, slots=True)
class Generated:
    """Every call made for one case; ``result`` is the response, raw, or why there is none.

    ``deployment`` answered, or failed last. ``batch_window_s`` is the longest window of the batch APIs that
    were asked, None without any. ``skipped`` were left alone because of earlier failures.
    """

    steps: tuple[Step, ...]
    result: Response | Failure
    deployment: str
    latency_s: float
    batch_window_s: float | None = None
    skipped: tuple[str, ...] = ()


def step_of(call: Call, alias: str, role: Role) -> Step:
    """Return a call as it counts in the policy's ledger."""
    return Step(role, alias, call.request.digest, call.session, call.attempts)


def batched(call: Call, batch: BatchFile) -> Call:
    """Return a call as a batch API would have answered it.

    The same model answers the same; what a call at once reported to cost is cheaper by the factor. One that
    a batch API took longer for than the window has expired.
    """
    last = call.attempts[-1]
    if last.turnaround_s is not None:
        if last.turnaround_s <= batch.window_s:
            return call
        expired = Attempt(batch.window_s, "timeout", at=last.at, billing="free", turnaround_s=batch.window_s)
        return replace(call, attempts=(expired,), response=None)
    if not any(attempt.reported_cost_usd for attempt in call.attempts):
        return call
    attempts = [
        each
        if each.reported_cost_usd is None
        else replace(each, reported_cost_usd=each.reported_cost_usd * batch.price_factor)
        for each in call.attempts
    ]
    return replace(call, attempts=tuple(attempts))


def turnaround_s(call: Call, batch: BatchFile) -> float:
    """Return how long a batch took, where one was recorded; else the longest that it can take."""
    recorded = call.attempts[-1].turnaround_s
    return batch.window_s if recorded is None else recorded


def failure_of(steps: Sequence[Step], skipped: Sequence[str] = ()) -> Failure:
    """Return why nobody answered: what became of every deployment."""
    reasons = [f"{alias} was left alone after earlier failures" for alias in skipped]
    reasons += [_what_happened(step) for step in steps]
    return Failure(kind=_kind(steps[-1].attempts[-1]) if steps else "cooldown", reason="; ".join(reasons))


def _what_happened(step: Step) -> str:
    last = step.attempts[-1]
    who = f"{step.role} {step.deployment}" if step.role in {"fallback", "hedge"} else step.deployment
    what = "timed out" if _kind(last) == "timeout" else f"failed with {_kind(last)}"
    status = f" {last.status}" if last.status is not None and _kind(last) != "timeout" else ""
    tries = f" after {len(step.attempts)} attempts" if len(step.attempts) > 1 else ""
    return f"{who} {what}{status}{tries}"


def _kind(attempt: Attempt) -> str:
    # A call without response whose last attempt names no error sent something that is no answer.
    return attempt.error or "bad_response"
