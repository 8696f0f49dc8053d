"""Asking a deployment through what stands between a policy and the wire."""

from dataclasses import replace

from evalgate.core.calls import Call, Caller, Request
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Reliability


async def ask(deployment: Deployment, request: Request, rules: Reliability, caller: Caller) -> Call:
    """Return the call, by the deployment's own retry rules over the policy's ``rules``.

    Each attempt waits the whole window in which the client collects requests, which is the most that it can
    wait. How long it does wait is a question of traffic, which a load simulation answers.
    """
    call = await caller(request, deployment.rules(rules))
    window_s = 0.0 if deployment.microbatch is None else deployment.microbatch.window_s
    if not window_s:
        return call
    attempts = [replace(attempt, wait_s=attempt.wait_s + window_s) for attempt in call.attempts]
    return replace(call, attempts=tuple(attempts))
