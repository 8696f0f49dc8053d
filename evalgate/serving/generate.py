"""Asking a deployment, and its fallbacks when it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalgate.core.batch_file import BatchFile
from evalgate.core.calls import Attempt, Call, Caller, Response
from evalgate.core.cases import Case
from evalgate.core.outcome import Failure, Role, Step
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Reliability
from evalgate.serving.ask import ask
from evalgate.serving.prompts import Prompt
from evalgate.serving.requests import fill_request

Ready = tuple[Deployment, Prompt]


@dataclass(frozen=True, slots=True)
class Generated:
    """Every call made for one case; ``result`` is the response, raw, or why there is none.

    ``batch_window_s`` is the longest window of the batch APIs that were asked, None without any.
    """

    steps: tuple[Step, ...]
    result: Response | Failure
    deployment: str
    latency_s: float
    batch_window_s: float | None = None


async def generate(
    case: Case,
    trial: int,
    chain: Sequence[Ready],
    rules: Reliability,
    caller: Caller,
    role: Role = "generate",
) -> Generated:
    """Ask the deployments of ``chain`` in order until one answers; each call does its own retries.

    ``role`` is the first call's; the others are fallbacks.
    """
    steps: list[Step] = []
    latency_s, window_s = 0.0, None
    for deployment, prompt in chain:
        call = await ask(deployment, fill_request(case, deployment, prompt, trial), rules, caller)
        if deployment.batch is not None:
            call = batched(call, deployment.batch)
            window_s = max(window_s or 0.0, deployment.batch.window_s)
        steps.append(step_of(call, deployment.alias, "fallback" if steps else role))
        latency_s += call.latency_s if deployment.batch is None else _turnaround_s(call, deployment.batch)
        if call.response is not None:
            return Generated(tuple(steps), call.response, deployment.alias, latency_s, window_s)
    return Generated(tuple(steps), _failure(steps), steps[-1].deployment, latency_s, window_s)


def fallback_chain(first: str, ready: Mapping[str, Ready], rules: Reliability) -> tuple[Ready, ...]:
    """Return ``first`` and its fallbacks, each once.

    A fallback's own fallbacks are not followed: the list written for the first deployment is the chain.
    """
    aliases = dict.fromkeys((first, *rules.fallbacks.get(first, ())))
    return tuple(ready[alias] for alias in aliases)


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


def _turnaround_s(call: Call, batch: BatchFile) -> float:
    """How long a batch took, where one was recorded; else the longest that it can take."""
    recorded = call.attempts[-1].turnaround_s
    return batch.window_s if recorded is None else recorded


def _failure(steps: Sequence[Step]) -> Failure:
    last = steps[-1].attempts[-1]
    return Failure(kind=_kind(last), reason="; ".join([_what_happened(step) for step in steps]))


def _what_happened(step: Step) -> str:
    last = step.attempts[-1]
    who = f"fallback {step.deployment}" if step.role == "fallback" else step.deployment
    what = "timed out" if _kind(last) == "timeout" else f"failed with {_kind(last)}"
    status = f" {last.status}" if last.status is not None and _kind(last) != "timeout" else ""
    tries = f" after {len(step.attempts)} attempts" if len(step.attempts) > 1 else ""
    return f"{who} {what}{status}{tries}"


def _kind(attempt: Attempt) -> str:
    # A call without response whose last attempt names no error sent something that is no answer.
    return attempt.error or "bad_response"
