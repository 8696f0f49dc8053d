"""What a policy serves for a case: cache, router, call, response rules, in this order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalgate.core.calls import Caller, Response
from evalgate.core.cases import Case
from evalgate.core.digest import UNHASHED_PARAMS, canonical_json
from evalgate.core.messages import message_json
from evalgate.core.outcome import Answer, CacheTrace, Failure, Outcome
from evalgate.core.policy import Policy
from evalgate.core.policy_file import routed_to
from evalgate.serving.cache import SHOWN_KEY, Entry, PolicyCache, keyed_messages, question_of
from evalgate.serving.generate import Ready, fallback_chain, generate
from evalgate.serving.prompts import Prompt, compile_prompt
from evalgate.serving.response import compile_response
from evalgate.serving.route import Route, compile_router


@dataclass(frozen=True, slots=True)
class Asked:
    """One case on its way: which trial, and when on the cases' clock."""

    case: Case
    trial: int
    at_s: float


# What several policies would answer alike, by how they answer, case and trial: a policy that differs in its
# router alone asks nothing anew of the cases it routes as before.
Answered = dict[tuple[str, str, int], Outcome]


class Server:
    """A policy with everything compiled that its cases share. It keeps nothing between cases."""

    __slots__ = (
        "_answered",
        "_chains",
        "_decide_s",
        "_key_constants",
        "_key_prompts",
        "_reliability",
        "_respond",
        "_route",
        "_use",
        "_ways",
    )

    def __init__(self, policy: Policy, answered: Answered | None = None) -> None:
        """Compile prompts, router and response rules.

        ``answered`` is shared by policies whose Caller answers one request always alike (a replay does):
        what one of them asked is not asked again by another that would ask it in the same way.

        Raises:
            BadInput: a pattern in the policy is not RE2.

        """
        ready: dict[str, Ready] = {
            alias: (each, compile_prompt(each.prompt)) for alias, each in policy.deployments.items()
        }
        firsts = _first_asked(policy)
        self._reliability = policy.reliability
        self._chains = {alias: fallback_chain(alias, ready, policy.reliability) for alias in firsts}
        self._use = policy.use
        self._answered = answered if policy.cache is None else None
        self._ways = {alias: _way(self._chains[alias], policy) for alias in firsts}
        self._route: Route | None = compile_router(policy.router) if policy.router is not None else None
        self._decide_s = policy.router.spec.decide_s if policy.router is not None else 0.0
        self._respond = compile_response(policy.response.normalize)
        self._key_prompts: tuple[Prompt, ...] = tuple(
            {policy.deployments[alias].prompt: ready[alias][1] for alias in firsts}.values()
        )
        self._key_constants = canonical_json([_hashed_params(policy, alias) for alias in firsts])

    async def serve(self, asked: Asked, caller: Caller, cache: PolicyCache | None) -> Outcome:
        """Serve one case. A provider's failure is an Outcome; whatever ``caller`` raises passes through.

        Raises:
            BadInput: the case lacks a variable of the prompt or the router's column.
            CannotJudge: the router's function broke.

        """
        if cache is None:
            return await self._answer(asked, caller, None, "")
        key = self._key(asked.case, cache)
        entry = cache.find(key, asked.at_s)
        if entry is None:
            return await self._answer(asked, caller, cache, key)
        return Outcome(
            case_id=asked.case.id,
            trial=asked.trial,
            result=self._served(entry.response),
            deployment=entry.deployment,
            latency_s=cache.spec.lookup_s,
            steps=(),
            cache=CacheTrace(key[:SHOWN_KEY], True, entry.source, question_of(asked.case)),
        )

    async def fresh(self, asked: Asked, caller: Caller) -> Outcome:
        """Serve one case past the cache; it neither asks it nor tells it the answer. Raises as ``serve``."""
        return await self._answer(asked, caller, None, "")

    async def _answer(self, asked: Asked, caller: Caller, cache: PolicyCache | None, key: str) -> Outcome:
        case, trial = asked.case, asked.trial
        route = self._route(case) if self._route is not None else None
        first = route.deployment if route is not None else self._use
        assert first is not None
        known = (self._ways[first], case.id, trial)
        if self._answered is not None and (before := self._answered.get(known)) is not None:
            return before if before.route == route else replace(before, route=route)
        made = await generate(case, trial, self._chains[first], self._reliability, caller)
        trace = None
        waited_s = self._decide_s
        if cache is not None:
            trace = CacheTrace(key[:SHOWN_KEY], hit=False, question=question_of(case))
            waited_s += cache.spec.lookup_s
        waited_s += made.latency_s
        if isinstance(made.result, Failure):
            outcome = Outcome(case.id, trial, made.result, None, waited_s, made.steps, trace, route)
        else:
            if cache is not None:
                cache.store(key, Entry(made.result, case.id, made.deployment, asked.at_s))
            answer = self._served(made.result)
            outcome = Outcome(case.id, trial, answer, made.deployment, waited_s, made.steps, trace, route)
        if self._answered is not None:
            self._answered[known] = outcome
        return outcome

    def _key(self, case: Case, cache: PolicyCache) -> str:
        scope = cache.spec.key
        constants = self._key_constants if scope == "request" else ""
        return cache.key(keyed_messages(case, scope, self._key_prompts), constants)

    def _served(self, response: Response) -> Answer:
        return Answer(self._respond(response.text or ""), response.tool_calls, response.finish_reason)


async def serve(asked: Asked, policy: Policy, caller: Caller, cache: PolicyCache | None) -> Outcome:
    """Serve one case under ``policy``; for many cases, make one :class:`Server` and use it for all."""
    return await Server(policy).serve(asked, caller, cache)


def _first_asked(policy: Policy) -> tuple[str, ...]:
    if policy.router is not None:
        return tuple(dict.fromkeys(routed_to(policy.router.spec).values()))
    assert policy.use is not None
    return (policy.use,)


def _way(chain: Sequence[Ready], policy: Policy) -> str:
    """Everything but the case that decides what asking ``chain`` gives: two equal ways answer alike."""
    return canonical_json(
        {
            "chain": [
                [
                    each.alias,
                    each.kind,
                    *each.identity,
                    dict(each.params),
                    [message_json(m) for m in each.prompt],
                ]
                for each, _ in chain
            ],
            "reliability": policy.reliability.model_dump(mode="json", exclude={"fallbacks"}),
            "response": policy.response.model_dump(mode="json"),
            "decide_s": policy.router.spec.decide_s if policy.router is not None else 0.0,
        }
    )


def _hashed_params(policy: Policy, alias: str) -> dict[str, object]:
    params = policy.deployments[alias].params
    return {name: value for name, value in params.items() if name not in UNHASHED_PARAMS}
