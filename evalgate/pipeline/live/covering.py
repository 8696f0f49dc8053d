"""Calling every deployment on a case, whatever a router or a cascade would choose."""

from collections.abc import Sequence
from functools import partial

from evalgate.core.calls import Call, Caller, Request
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Reliability
from evalgate.core.suite import Suite
from evalgate.pipeline.live.rounds import Side
from evalgate.pipeline.measuring.measure import Pass
from evalgate.pipeline.measuring.walk import asking_everybody, every_request_of
from evalgate.serving.serve import Asked


class Covering:
    """What covers a case: each deployment of each policy, and all that its cascade could need."""

    def __init__(self, suite: Suite, policies: Sequence[Policy]) -> None:
        """Prepare the cascades, which are served, as what they ask next depends on the answers."""
        self._policies = policies
        self._cascades = [Pass(suite, each) for each in map(asking_everybody, policies) if each is not None]

    def __call__(self, asked: Asked) -> list[Side]:
        """Return the calls, each distinct one once."""
        # A batch API's answer to the same question is no answer for who waits.
        sides: dict[tuple[str, bool], Side] = {}
        for policy in self._policies:
            for _, alias, request in every_request_of(policy, asked):
                rules = policy.deployments[alias].rules(policy.reliability)
                sides.setdefault((request.digest, request.batch), partial(_ask, request, rules))
        return [*sides.values(), *(partial(each.serve, asked) for each in self._cascades)]


async def _ask(request: Request, rules: Reliability, caller: Caller) -> Call:
    return await caller(request, rules)
