"""What a policy serves for a case: cache, router or cascade, call, response rules, in this order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from evalgate.core.calls import Caller, Response
from evalgate.core.cases import Case, question_text
from evalgate.core.digest import UNHASHED_PARAMS, canonical_json
from evalgate.core.faults import Befalling
from evalgate.core.messages import message_json
from evalgate.core.outcome import Answer, CacheTrace, Failure, Outcome
from evalgate.core.policy import Policy
from evalgate.core.router_file import routed_to
from evalgate.serving.cache import SHOWN_KEY, Entry, PolicyCache, question_of
from evalgate.serving.cascade import Cascaded, CompiledCascade
from evalgate.serving.cooldown import Health
from evalgate.serving.generate import fallback_chain, generate
from evalgate.serving.generated import Ready
from evalgate.serving.lookup import Looked, Lookup
from evalgate.serving.moment import Moment, Race, in_turn, postponed
from evalgate.serving.prompts import compile_prompt
from evalgate.serving.response import compile_response
from evalgate.serving.route import Route, compile_router
from evalgate.serving.tokens import at_once, compile_tokens, later


@dataclass(frozen=True, slots=True)
class Asked:
    """One case on its way: which trial, and when on the cases' clock."""

    case: Case
    trial: int
    at_s: float


# What several policies would answer alike, by how they answer, case and trial: a policy that differs in its
# router alone asks nothing anew of the cases it routes as before.
Answered = dict[tuple[str, str, int], Outcome]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a policy is served in: the faults that befall its deployments, and how calls race each other."""

    befalling: Befalling = field(default_factory=dict)
    race: Race = in_turn


class Server:
    """A policy with everything compiled that its cases share. It keeps nothing between cases."""

    __slots__ = (
        "_answered",
        "_cache_spec",
        "_cascade",
        "_chains",
        "_decide_s",
        "_given",
        "_lookup",
        "_reliability",
        "_respond",
        "_route",
        "_tokens",
        "_use",
        "_ways",
    )

    def __init__(
        self, policy: Policy, answered: Answered | None = None, given: Circumstances = Circumstances()
    ) -> None:
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
        self._use = policy.use if policy.cascade is None else firsts[0]
        self._given = given
        alone = policy.cache is None and policy.cascade is None and not policy.reliability.cools_down
        self._answered = answered if alone else None
        self._cache_spec = policy.cache
        self._ways = {alias: _way(self._chains[alias], policy) for alias in firsts}
        self._cascade = (
            CompiledCascade(policy.cascade, ready, policy.reliability, self._served)
            if policy.cascade is not None
            else None
        )
        self._route: Route | None = compile_router(policy.router) if policy.router is not None else None
        self._decide_s = policy.router.spec.decide_s if policy.router is not None else 0.0
        self._respond = compile_response(policy.response.normalize)
        self._tokens = compile_tokens(policy)
        prompts = {policy.deployments[alias].prompt: ready[alias][1] for alias in firsts}
        constants = canonical_json([_hashed_params(policy, alias) for alias in firsts])
        self._lookup = Lookup(policy, tuple(prompts.values()), constants)

    async def serve(
        self, asked: Asked, caller: Caller, cache: PolicyCache | None, health: Health | None = None
    ) -> Outcome:
        """Serve one case. A provider's failure is an Outcome; whatever ``caller`` raises passes through.

        ``health`` is what the cases before it learnt of the deployments.

        Raises:
            BadInput: the case lacks a variable of the prompt or the router's column.
            CannotJudge: the router's function broke.

        """
        caller = self._now(asked, caller, health)
        if cache is None:
            return await self._answer(asked, caller)
        looked = await self._lookup.find(asked.case, asked.at_s, cache, caller)
        entry = looked.entry
        if entry is None:
            return await self._missed(asked, caller, cache, looked)
        return Outcome(
            case_id=asked.case.id,
            trial=asked.trial,
            result=self._served(entry.response),
            deployment=entry.deployment,
            latency_s=looked.latency_s,
            steps=tuple(looked.steps),
            cache=CacheTrace(
                key=looked.key[:SHOWN_KEY],
                hit=True,
                source=entry.source,
                question=question_of(asked.case),
                similarity=looked.similarity,
                waited_s=looked.waited_s,
            ),
            tokens=None if self._tokens is None else at_once(looked.latency_s),
            # Who waits for an answer on its way waits for whoever gives it.
            batch_window_s=entry.batch_window_s if looked.waited_s else None,
        )

    async def fresh(self, asked: Asked, caller: Caller) -> Outcome:
        """Serve one case past the cache; it neither asks it nor tells it the answer. Raises as ``serve``.

        Nothing fails but what is recorded to have failed.
        """
        return await self._answer(asked, caller)

    async def merges(self, case: Case, other: Case, caller: Caller) -> bool:
        """Tell whether a cache that holds nothing but the answer to ``other`` would serve it for ``case``.

        The answer is what ``other`` should get: no model is asked for it, only what the cache itself asks.
        """
        assert self._cache_spec is not None
        cache = PolicyCache(self._cache_spec)
        stored = await self._lookup.find(other, 0.0, cache, caller)
        answer = Response("" if other.target is None else str(other.target))
        entry = Entry(answer, other.id, "", 0.0, 0.0, question_text(other))
        cache.store(stored.key, entry, stored.meaning)
        return (await self._lookup.find(case, 0.0, cache, caller)).entry is not None

    def _now(self, asked: Asked, caller: Caller, health: Health | None) -> Caller:
        """Return the caller as it is when the case comes."""
        given = self._given
        if health is not None:
            health.arrived(asked.at_s)
        elif not given.befalling and given.race is in_turn:
            return caller
        drawn_by = f"{asked.case.id}:{asked.trial}"
        return Moment(caller, asked.at_s, given.befalling, drawn_by, health, given.race)

    async def _missed(self, asked: Asked, caller: Caller, cache: PolicyCache, looked: Looked) -> Outcome:
        """Answer past the cache and keep the answer in it, raw; a failure is never kept."""
        case = asked.case
        outcome, response = await self._ask(asked, postponed(caller, looked.latency_s))
        latency_s = looked.latency_s + outcome.latency_s
        if response is not None and outcome.deployment is not None:
            ready_at_s = asked.at_s + latency_s
            text = question_text(case)
            window_s = outcome.batch_window_s
            entry = Entry(response, case.id, outcome.deployment, asked.at_s, ready_at_s, text, window_s)
            cache.store(looked.key, entry, looked.meaning)
        return replace(
            outcome,
            latency_s=latency_s,
            steps=(*looked.steps, *outcome.steps),
            cache=CacheTrace(looked.key[:SHOWN_KEY], hit=False, question=question_of(case)),
            tokens=later(outcome.tokens, looked.latency_s),
        )

    async def _answer(self, asked: Asked, caller: Caller) -> Outcome:
        return (await self._ask(asked, caller))[0]

    async def _ask(self, asked: Asked, caller: Caller) -> tuple[Outcome, Response | None]:
        """Route and call; returns what is served beside what the model said, None where it said nothing."""
        case, trial = asked.case, asked.trial
        route = self._route(case) if self._route is not None else None
        first = route.deployment if route is not None else self._use
        assert first is not None
        known = (self._ways[first], case.id, trial)
        if self._answered is not None and (before := self._answered.get(known)) is not None:
            return (before if before.route == route else replace(before, route=route)), None
        came = await self._generate(case, trial, first, postponed(caller, self._decide_s))
        made, waited_s = came.made, self._decide_s + came.made.latency_s
        said = None if isinstance(made.result, Failure) else made.result
        result = made.result if isinstance(made.result, Failure) else self._served(made.result)
        by = None if said is None else made.deployment
        tokens = None if self._tokens is None else self._tokens(waited_s, made, held=came.held)
        outcome = Outcome(
            case.id,
            trial,
            result,
            by,
            waited_s,
            made.steps,
            None,
            route,
            came.stages,
            tokens,
            made.batch_window_s,
            made.skipped,
        )
        if self._answered is not None:
            self._answered[known] = outcome
        return outcome, said

    async def _generate(self, case: Case, trial: int, first: str, caller: Caller) -> Cascaded:
        if self._cascade is not None:
            return await self._cascade.ask(case, trial, caller)
        chain = self._chains[first]
        return Cascaded(await generate(case, trial, chain, self._reliability, caller), ())

    def _served(self, response: Response) -> Answer:
        return Answer(self._respond(response.text or ""), response.tool_calls, response.finish_reason)


async def serve(asked: Asked, policy: Policy, caller: Caller, cache: PolicyCache | None) -> Outcome:
    """Serve one case under ``policy``; for many cases, make one :class:`Server` and use it for all."""
    return await Server(policy).serve(asked, caller, cache)


def _first_asked(policy: Policy) -> tuple[str, ...]:
    if policy.router is not None:
        return tuple(dict.fromkeys(routed_to(policy.router.spec).values()))
    if policy.cascade is not None:
        return policy.cascade.spec.asked
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
                    None if each.batch is None else [each.batch.price_factor, each.batch.window_s],
                    each.own_rules,
                    None if each.microbatch is None else each.microbatch.window_s,
                ]
                for each, _ in chain
            ],
            "reliability": {**policy.reliability.active(), "fallbacks": None},
            "response": policy.response.model_dump(mode="json"),
            "decide_s": policy.router.spec.decide_s if policy.router is not None else 0.0,
        }
    )


def _hashed_params(policy: Policy, alias: str) -> dict[str, object]:
    params = policy.deployments[alias].params
    return {name: value for name, value in params.items() if name not in UNHASHED_PARAMS}
