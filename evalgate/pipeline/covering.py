"""Calling every deployment on a case, whatever a router would choose."""

from collections.abc import Sequence
from functools import partial

from evalgate.core.calls import Call, Caller, Request
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Reliability
from evalgate.pipeline.rounds import Side
from evalgate.pipeline.walk import every_request_of
from evalgate.serving.serve import Asked


def every_deployment(policies: Sequence[Policy], asked: Asked) -> list[Side]:
    """Return the calls to every deployment of every policy, each distinct one once."""
    sides: dict[str, Side] = {}
    for policy in policies:
        for _, _, request in every_request_of(policy, asked):
            sides.setdefault(request.digest, partial(_ask, request, policy.reliability))
    return list(sides.values())


async def _ask(request: Request, rules: Reliability, caller: Caller) -> Call:
    return await caller(request, rules)
