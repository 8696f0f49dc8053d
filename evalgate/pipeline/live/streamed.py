"""Policies that differ in ``stream`` alone share their calls: these are made as streams, which time both."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from evalgate.core.calls import Call, Caller, Request
from evalgate.core.digest import UNHASHED_PARAMS, canonical_json
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Reliability


@dataclass(frozen=True, slots=True)
class Streamed:
    """A Caller that asks for a stream where another policy would ask the same with ``stream: true``.

    A stream tells all that the whole answer tells; the other way round the time of the first token is lost.
    """

    inner: Caller
    streaming: frozenset[str]

    @classmethod
    def of(cls, policies: Iterable[Policy], inner: Caller) -> "Streamed":
        """Make streams of whatever one of ``policies`` streams."""
        asked = [each for policy in policies for each in policy.deployments.values()]
        streaming = [each for each in asked if each.params.get("stream") is True]
        return cls(inner, frozenset(_alike(each.identity, each.params) for each in streaming))

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        """Ask, as a stream if anyone wants one. Raises what the inner Caller raises."""
        params = request.params
        who = (request.provider, request.model, request.revision, request.quantization)
        if self.streaming and params.get("stream") is not True and _alike(who, params) in self.streaming:
            request = replace(request, params={**params, "stream": True})
        return await self.inner(request, rules)


def _alike(identity: tuple[str | None, ...], params: Mapping[str, object]) -> str:
    hashed = {name: value for name, value in params.items() if name not in UNHASHED_PARAMS}
    return canonical_json([*identity, hashed])
