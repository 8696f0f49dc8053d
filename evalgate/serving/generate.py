"""Asking a deployment, and its fallbacks when it fails."""

from collections.abc import Mapping, Sequence

from evalgate.core.calls import Caller
from evalgate.core.cases import Case
from evalgate.core.outcome import Role, Step
from evalgate.core.policy_file import Reliability
from evalgate.serving.ask import ask
from evalgate.serving.generated import Generated, Ready, batched, failure_of, step_of, turnaround_s
from evalgate.serving.moment import postponed
from evalgate.serving.requests import fill_request
from evalgate.serving.way import Way


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
    if rules.hedges or rules.cools_down:
        return await Way(case, trial, chain, rules, caller, role).walk()
    steps: list[Step] = []
    latency_s, window_s = 0.0, None
    for deployment, prompt in chain:
        request = fill_request(case, deployment, prompt, trial)
        call = await ask(deployment, request, rules, postponed(caller, latency_s))
        if deployment.batch is not None:
            call = batched(call, deployment.batch)
            window_s = max(window_s or 0.0, deployment.batch.window_s)
        steps.append(step_of(call, deployment.alias, "fallback" if steps else role))
        latency_s += call.latency_s if deployment.batch is None else turnaround_s(call, deployment.batch)
        if call.response is not None:
            return Generated(tuple(steps), call.response, deployment.alias, latency_s, window_s)
    return Generated(tuple(steps), failure_of(steps), steps[-1].deployment, latency_s, window_s)


def fallback_chain(first: str, ready: Mapping[str, Ready], rules: Reliability) -> tuple[Ready, ...]:
    """Return ``first`` and its fallbacks, each once.

    A fallback's own fallbacks are not followed: the list written for the first deployment is the chain.
    """
    aliases = dict.fromkeys((first, *rules.fallbacks.get(first, ())))
    return tuple(ready[alias] for alias in aliases)
