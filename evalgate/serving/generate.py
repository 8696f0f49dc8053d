"""Asking a deployment, and its fallbacks when it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalgate.core.calls import Attempt, Call, Caller, Response
from evalgate.core.cases import Case
from evalgate.core.outcome import Failure, Role, Step
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Reliability
from evalgate.serving.prompts import Prompt
from evalgate.serving.requests import fill_request

Ready = tuple[Deployment, Prompt]


@dataclass(frozen=True, slots=True)
class Generated:
    """Every call made for one case; ``result`` is the response, raw, or why there is none."""

    steps: tuple[Step, ...]
    result: Response | Failure
    deployment: str
    latency_s: float


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
    latency_s = 0.0
    for deployment, prompt in chain:
        call = await caller(fill_request(case, deployment, prompt, trial), rules)
        steps.append(step_of(call, deployment.alias, "fallback" if steps else role))
        latency_s += call.latency_s
        if call.response is not None:
            return Generated(tuple(steps), call.response, deployment.alias, latency_s)
    return Generated(tuple(steps), _failure(steps), steps[-1].deployment, latency_s)


def fallback_chain(first: str, ready: Mapping[str, Ready], rules: Reliability) -> tuple[Ready, ...]:
    """Return ``first`` and its fallbacks, each once.

    A fallback's own fallbacks are not followed: the list written for the first deployment is the chain.
    """
    aliases = dict.fromkeys((first, *rules.fallbacks.get(first, ())))
    return tuple(ready[alias] for alias in aliases)


def step_of(call: Call, alias: str, role: Role) -> Step:
    """Return a call as it counts in the policy's ledger."""
    return Step(role, alias, call.request.digest, call.session, call.attempts)


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
