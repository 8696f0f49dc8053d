"""Policies, deployments and a Caller for the tests of serving."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from evalgate.core.calls import Attempt, Call, Request, Response
from evalgate.core.digest import DigestFrame
from evalgate.core.messages import Message
from evalgate.core.policy import Deployment, Policy, Router
from evalgate.core.policy_file import ExactCache, Reliability
from evalgate.core.response_file import ResponseFile
from evalgate.core.retry import Again, next_step

PROMPT = (Message("system", "Classify."), Message("user", "{{input}}"))


def deployment(
    alias: str, *, prompt: tuple[Message, ...] = PROMPT, params: Mapping[str, object] | None = None, **fields
) -> Deployment:
    identity = {
        "provider": fields.get("provider", "local"),
        "model": fields.get("model", f"model-{alias}"),
        "revision": fields.get("revision"),
        "quantization": fields.get("quantization"),
    }
    kind = fields.get("kind", "chat")
    params = {"temperature": 0} if params is None else params
    return Deployment(
        alias=alias,
        kind=kind,
        prompt=prompt,
        params=params,
        price=fields.get("price"),
        frame=DigestFrame(kind, identity, params),
        **identity,
    )


def policy(
    *deployments: Deployment,
    use: str | None = None,
    router: Router | None = None,
    cache: ExactCache | None = None,
    reliability: Reliability | None = None,
    response: Sequence[object] = (),
) -> Policy:
    served = deployments or (deployment("weak"), deployment("strong"))
    return Policy(
        name="production",
        family="tickets",
        file="policies/tickets/production.yaml",
        digest="0" * 64,
        deployments={each.alias: each for each in served},
        cache=cache,
        router=router,
        use=use if use or router else served[0].alias,
        reliability=reliability or Reliability(),
        response=ResponseFile(normalize=list(response)),
    )


def echo(request: Request) -> Response:
    """An answer that differs wherever the request differs."""
    return Response(text=f"{request.model} {request.digest}", finish_reason="stop")


class ScriptedCaller:
    """Makes the attempts its script says, by the retry law; beyond the script every attempt succeeds."""

    def __init__(
        self,
        script: Mapping[str, Sequence[Attempt]] | None = None,
        answer: Callable[[Request], Response] = echo,
    ) -> None:
        self.script = script or {}
        self.answer = answer
        self.requests: list[Request] = []

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        self.requests.append(request)
        log = iter(self.script.get(request.model, ()))
        attempts: list[Attempt] = []
        wait_s = 0.0
        while True:
            attempts.append(replace(next(log, Attempt(latency_s=0.1)), wait_s=wait_s))
            match next_step(rules, request.digest, attempts):
                case Again(wait_s=wait_s):
                    continue
                case _:
                    break
        response = self.answer(request) if attempts[-1].error is None else None
        return Call(request, tuple(attempts), response, session="s1", replayed=True)
