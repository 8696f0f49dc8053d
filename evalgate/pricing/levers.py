"""Why the cost of a request changed: a split over levers that does not depend on their order.

Every case is split on its own and the parts are averaged, so nothing is attributed to a shift of the mix
that a shift of the mix did not do. Levers that act together on one case share what they do by Shapley's
value ("A value for n-person games", 1953): the mean, over all orders of switching the levers from the
baseline's state to the candidate's, of what each switch changes.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Cost, Failure, Outcome, Step
from evalgate.core.policy_file import Price
from evalgate.core.report_data import LeverEffect, Waterfall
from evalgate.core.run import Run
from evalgate.pricing.cleanup import cleanup_per_request
from evalgate.pricing.cost import cost_of

CACHE = "cache hits"
ROUTE = "share per deployment"
TOKENS = "tokens per call"
PROMPT_CACHE = "prompt caching"
PRICES = "unit prices"
RETRIES = "retries"
FALLBACKS = "fallbacks"
CLEANUP = "cleanup of wrong answers"
ESCALATIONS = "escalations"
CONFIDENCE = "samples and verifiers"
HEDGES = "hedges"
_LEVER_OF_ROLE: Mapping[str, str] = {
    "fallback": FALLBACKS,
    "hedge": HEDGES,
    "embed": "embeddings for the cache",
    "verify": "verifier of the cache",
    "escalate": ESCALATIONS,
    "sample": CONFIDENCE,
    "check": CONFIDENCE,
}
ORDER = (CACHE, ROUTE, TOKENS, PRICES, RETRIES, FALLBACKS)

Prices = Mapping[str, Price]
CostUnder = Callable[[frozenset[str]], float]


class _Unpriced(Exception):
    """A part of an outcome that was billed and cannot be priced."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The calls of one outcome by the lever that they belong to."""

    hit: bool
    answering: Step | None
    retried: tuple[Step, ...]
    others: Mapping[str, tuple[Step, ...]]


def decompose(baseline: Run, candidate: Run) -> Waterfall | Unmeasured:
    """Return how the mean cost of a request came to change from ``baseline`` to ``candidate``.

    Cases weigh what they weigh; the runs cover the same cases and trials. The residual is what the totals
    changed by and no lever explains.
    """
    totals = _total_usd(baseline), _total_usd(candidate)
    before, after = totals
    if isinstance(before, Unmeasured):
        return before
    if isinstance(after, Unmeasured):
        return after
    tables = _price_tables(baseline.manifest.prices, candidate.manifest.prices)
    right = {(each.outcome.case_id, each.outcome.trial): each for each in candidate.results}
    sums: dict[str, list[float]] = defaultdict(list)
    try:
        for graded in baseline.results:
            other = right[graded.outcome.case_id, graded.outcome.trial]
            for lever, usd in _split(graded.outcome, other.outcome, tables):
                sums[lever].append(usd * graded.weight)
    except _Unpriced as reason:
        return Unmeasured(str(reason))
    weight = math.fsum(graded.weight for graded in baseline.results)
    effects = [LeverEffect(lever, math.fsum(usd) / weight) for lever, usd in _ordered(sums)]
    effects += _cleanup(baseline, candidate)
    explained = math.fsum(effect.usd for effect in effects)
    return Waterfall(before, after, tuple(effects), after - before - explained)


def _total_usd(run: Run) -> float | Unmeasured:
    amounts = []
    for graded in run.results:
        match graded.cost:
            case Cost(total_usd=usd):
                amounts.append(usd * graded.weight)
            case Unmeasured():
                return graded.cost
    weight = math.fsum(graded.weight for graded in run.results)
    if not weight:
        return Unmeasured("no case was served")
    return math.fsum(amounts) / weight + cleanup_per_request(run)


def _cleanup(baseline: Run, candidate: Run) -> list[LeverEffect]:
    before, after = cleanup_per_request(baseline), cleanup_per_request(candidate)
    return [LeverEffect(CLEANUP, after - before)] if before or after else []


def _ordered(sums: Mapping[str, list[float]]) -> Iterator[tuple[str, list[float]]]:
    """Every lever that exists anywhere, the well-known ones always and first."""
    for lever in (*ORDER, *sorted(sums.keys() - set(ORDER))):
        yield lever, sums.get(lever, [])


def _price_tables(before: Prices, after: Prices) -> tuple[Prices, Prices]:
    """Both sides' prices, each completed by the other's for deployments that only one side has."""
    return {**after, **before}, {**before, **after}


def _split(before: Outcome, after: Outcome, tables: tuple[Prices, Prices]) -> Iterator[tuple[str, float]]:
    same_prices = tables[0] == tables[1]
    if before.steps == after.steps and same_prices:
        return
    left, right = _parts(before), _parts(after)
    yield from _answering(left, right, tables)
    yield from _own_lever(RETRIES, left.retried, right.retried, tables)
    for lever in dict.fromkeys([*left.others, *right.others]):
        yield from _own_lever(lever, left.others.get(lever, ()), right.others.get(lever, ()), tables)


def _parts(outcome: Outcome) -> _Parts:
    others: dict[str, list[Step]] = defaultdict(list)
    retried: list[Step] = []
    answering: Step | None = None
    for step in outcome.steps:
        if step.role != "generate":
            others[_LEVER_OF_ROLE.get(step.role, step.role)].append(step)
            continue
        if any(attempt.error is not None for attempt in step.attempts):
            retried.append(step)
        if step.attempts[-1].error is None and answering is None:
            answering = step
    hit = outcome.cache is not None and outcome.cache.hit
    return _Parts(hit, answering, tuple(retried), {lever: tuple(steps) for lever, steps in others.items()})


def _answering(left: _Parts, right: _Parts, tables: tuple[Prices, Prices]) -> Iterator[tuple[str, float]]:
    """The call that answered: whether there was one, by whom, how long, how much cached, at which prices."""
    first, second = left.answering or right.answering, right.answering or left.answering
    if first is None or second is None:
        return
    # Where only one side called, the other was a cache hit, or failed over to a fallback.
    presence = CACHE if left.hit or right.hit else FALLBACKS
    which = ROUTE if first.deployment != second.deployment else TOKENS
    levers = [PRICES] if tables[0] != tables[1] else []
    if first != second:
        levers.append(which)
    if _cached(first) != _cached(second):
        levers.append(PROMPT_CACHE)
    if (left.answering is None) != (right.answering is None):
        levers.append(presence)
    usd: dict[tuple[bool, bool, bool], float] = {}

    def cost_under(switched: frozenset[str]) -> float:
        if (right if presence in switched else left).answering is None and presence in levers:
            return 0.0
        key = (which in switched, PRICES in switched, PROMPT_CACHE in switched)
        if key not in usd:
            step, cached = second if key[0] else first, _cached(second if key[2] else first)
            usd[key] = _answer_usd(_with_cached(step, cached), tables[key[1]])
        return usd[key]

    yield from shapley(levers, cost_under)


def _cached(step: Step) -> tuple[int, int]:
    """The input tokens of an answer that were read from the provider's cache, and written to it."""
    usage = step.attempts[-1].usage
    return (0, 0) if usage is None else (usage.cached_input_tokens or 0, usage.cache_write_tokens or 0)


def _with_cached(step: Step, cached: tuple[int, int]) -> Step:
    """Return an answer with other tokens cached, as far as it has so many."""
    *before, last = step.attempts
    if last.usage is None or last.usage.input_tokens is None or cached == _cached(step):
        return step
    read = min(cached[0], last.usage.input_tokens)
    written = min(cached[1], last.usage.input_tokens - read)
    usage = replace(last.usage, cached_input_tokens=read, cache_write_tokens=written)
    return replace(step, attempts=(*before, replace(last, usage=usage)))


def _own_lever(
    lever: str, left: Sequence[Step], right: Sequence[Step], tables: tuple[Prices, Prices]
) -> Iterator[tuple[str, float]]:
    """Calls that exist for one lever alone: more or fewer of them, at the old or the new prices."""
    if not left and not right:
        return

    def cost_under(switched: frozenset[str]) -> float:
        cost = _cost(right if lever in switched else left, tables[PRICES in switched])
        return cost.retries_usd if lever == RETRIES else cost.total_usd

    yield from shapley([lever] if tables[0] == tables[1] else [lever, PRICES], cost_under)


def shapley(levers: Sequence[str], cost_under: CostUnder) -> Iterator[tuple[str, float]]:
    """Yield each lever's part of the change from no lever switched to all of them switched."""
    orders = list(permutations(levers))
    parts: dict[str, list[float]] = {lever: [] for lever in levers}
    for order in orders:
        switched: frozenset[str] = frozenset()
        usd = cost_under(switched)
        for lever in order:
            switched |= {lever}
            changed = cost_under(switched)
            parts[lever].append(changed - usd)
            usd = changed
    for lever, changes in parts.items():
        yield lever, math.fsum(changes) / len(orders)


def _answer_usd(step: Step, prices: Prices) -> float:
    """The price of what answered: the failed attempts before it are another lever's."""
    cost = _cost([step], prices)
    return cost.total_usd - cost.retries_usd


def _cost(steps: Sequence[Step], prices: Prices) -> Cost:
    cost = cost_of(Outcome("", 0, Failure("", ""), None, 0.0, tuple(steps)), prices)
    if isinstance(cost, Unmeasured):
        raise _Unpriced(cost.reason)
    return cost
