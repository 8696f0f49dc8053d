"""Cached tokens as each deployment's declared prompt cache would give them, not as the recordings found it.

Recorded alone, the second of two policies finds the cache warm that the first one filled. So both are priced
by one model of the cache, found in the same state.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from evalgate.core.calls import Attempt, Call, Caller, Request
from evalgate.core.clock import STEP_S, case_times
from evalgate.core.outcome import Cost, Graded, Outcome
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price, Reliability
from evalgate.core.prompt_cache import CachedTokens, PromptCacheUse
from evalgate.core.prompt_cache_file import CacheState, PromptCacheFile
from evalgate.core.suite import Suite
from evalgate.pricing.cost import cost_of
from evalgate.pricing.prompt_blocks import PromptText, prompt_text, sent_prompt, tokens_per_character
from evalgate.pricing.prompt_cache import CachedPrompt, SentPrompt, predict

Requests = dict[str, Request]
"""What was asked, by the digest under which its answer is recorded."""


class _Place(NamedTuple):
    """Where a counted attempt stands."""

    outcome: int
    step: int
    attempt: int


Found = Mapping[CacheState, CachedPrompt]
"""What becomes of one prompt, in either state."""


@dataclass(frozen=True, slots=True)
class Noting:
    """A caller that notes what was asked, as a run keeps no prompts."""

    inner: Caller
    asked: Requests

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        """Hand on the call. Raises what the caller behind it raises."""
        call = await self.inner(request, rules)
        self.asked[call.request.digest] = call.request
        return call


def prompt_caches(policy: Policy) -> Mapping[str, PromptCacheFile]:
    """Return the prompt caches that a policy declares, by deployment."""
    found = {alias: each.prompt_cache for alias, each in policy.deployments.items()}
    return {alias: spec for alias, spec in found.items() if spec is not None}


def any_declared(suite: Suite) -> bool:
    """Tell whether any policy of a suite declares a prompt cache."""
    return any(prompt_caches(policy) for policy in (suite.baseline, *suite.proposals) if policy is not None)


def arrivals(suite: Suite) -> tuple[float, ...]:
    """Return when each case comes, in seconds: by the cases' own clock, else as often as ``traffic`` says.

    Without either, one second apart.
    """
    if suite.ordered:
        return case_times(suite.cases)
    gap_s = STEP_S if suite.traffic is None else 1 / suite.traffic.rps
    return tuple(index * gap_s for index in range(len(suite.cases)))


def with_prompt_caches(
    suite: Suite,
    policy: Policy,
    prices: Mapping[str, Price],
    results: tuple[Graded, ...],
    asked: Mapping[str, Request],
) -> tuple[Graded, ...]:
    """Return ``results`` with predicted in place of recorded cached tokens, priced in the suite's state.

    Each trial is a stream of its own through caches of its own. A call whose input tokens nobody counted is
    left as it is, and so is one of a deployment that declares no prompt cache.
    """
    found: defaultdict[int, dict[_Place, Found]] = defaultdict(dict)
    for alias, spec in prompt_caches(policy).items():
        for places in _streams(results, alias).values():
            prompts = _prompts(suite, spec, results, places, asked)
            both = (predict(spec, prompts, warm=warm) for warm in (False, True))
            for place, cold, warm in zip(places, *both, strict=True):
                found[place.outcome][place] = {"cold": cold, "warm": warm}
    state = suite.rules.prompt_cache or "cold"
    return tuple(
        _predicted(graded, found[at], prices, state) if at in found else graded
        for at, graded in enumerate(results)
    )


def _streams(results: Sequence[Graded], alias: str) -> Mapping[int, list[_Place]]:
    """Return where the counted attempts at one deployment stand, by trial, in the order of the cases."""
    found: defaultdict[int, list[_Place]] = defaultdict(list)
    for at, graded in enumerate(results):
        found[graded.outcome.trial] += [
            place for place, attempt in _attempts(at, graded, alias) if _counted(attempt) is not None
        ]
    return found


def _attempts(at: int, graded: Graded, alias: str) -> Iterator[tuple[_Place, Attempt]]:
    for number, step in enumerate(graded.outcome.steps):
        if step.deployment == alias:
            for place, attempt in enumerate(step.attempts):
                yield _Place(at, number, place), attempt


def _prompts(
    suite: Suite,
    spec: PromptCacheFile,
    results: Sequence[Graded],
    places: Sequence[_Place],
    asked: Mapping[str, Request],
) -> list[SentPrompt]:
    texts: dict[str, PromptText] = {}
    counted: list[tuple[PromptText, int]] = []
    for place in places:
        step = results[place.outcome].outcome.steps[place.step]
        if step.digest not in texts:
            texts[step.digest] = prompt_text(asked[step.digest])
        counted.append((texts[step.digest], _counted(step.attempts[place.attempt]) or 0))
    per_character = tokens_per_character(counted)
    come_s = dict(zip((case.id for case in suite.cases), arrivals(suite), strict=True))
    return [
        sent_prompt(*each, per_character, spec, come_s[results[place.outcome].outcome.case_id])
        for place, each in zip(places, counted, strict=True)
    ]


def _counted(attempt: Attempt) -> int | None:
    """Return the input tokens that the provider counted."""
    return None if attempt.usage is None else attempt.usage.input_tokens


def _predicted(
    graded: Graded, found: Mapping[_Place, Found], prices: Mapping[str, Price], state: CacheState
) -> Graded:
    cold, warm = (_in_state(graded.outcome, found, each) for each in ("cold", "warm"))
    costs = {"cold": cost_of(cold, prices), "warm": cost_of(warm, prices)}
    replaced = [graded.outcome.steps[place.step].attempts[place.attempt] for place in found]
    recorded = [
        attempt.usage.cached_input_tokens
        for attempt in replaced
        if attempt.usage is not None and attempt.usage.cached_input_tokens is not None
    ]
    use = PromptCacheUse(
        prompt_tokens=sum(_counted(attempt) or 0 for attempt in replaced),
        cold=_tokens(found, "cold", costs["cold"]),
        warm=_tokens(found, "warm", costs["warm"]),
        recorded_tokens=sum(recorded) if recorded else None,
    )
    return replace(graded, outcome=cold if state == "cold" else warm, cost=costs[state], prompt_cache=use)


def _in_state(outcome: Outcome, found: Mapping[_Place, Found], state: CacheState) -> Outcome:
    """Return the outcome with the cached tokens of one state in the usage of its calls."""
    steps = [list(step.attempts) for step in outcome.steps]
    for place, cached in found.items():
        attempt = steps[place.step][place.attempt]
        assert attempt.usage is not None
        usage = replace(
            attempt.usage,
            cached_input_tokens=cached[state].read,
            cache_write_tokens=cached[state].written,
        )
        steps[place.step][place.attempt] = replace(attempt, usage=usage)
    return replace(
        outcome,
        steps=tuple(
            replace(step, attempts=tuple(attempts))
            for step, attempts in zip(outcome.steps, steps, strict=True)
        ),
    )


def _tokens(found: Mapping[_Place, Found], state: CacheState, cost: object) -> CachedTokens:
    return CachedTokens(
        read=sum(cached[state].read for cached in found.values()),
        written=sum(cached[state].written for cached in found.values()),
        total_usd=cost.total_usd if isinstance(cost, Cost) else None,
    )
