"""Where each policy's requests and money went, and what differs between two policies."""

import math
from collections import Counter
from collections.abc import Sequence

from evalgate.core.calls import Gateway
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Cost, Failure, Graded
from evalgate.core.run import Run
from evalgate.core.verdict import CacheUse, GatewayUse, SideSummary


def summarize(run: Run) -> SideSummary:
    """Return one side's shares, counts and spend per lever."""
    outcomes = [graded.outcome for graded in run.results]
    total = len(outcomes)
    routes = [outcome.route.strong for outcome in outcomes if outcome.route is not None]
    hits = [outcome.cache.hit for outcome in outcomes if outcome.cache is not None]
    served = Counter(outcome.deployment for outcome in outcomes if outcome.deployment is not None)
    steps = [step for outcome in outcomes for step in outcome.steps]
    return SideSummary(
        policy=run.manifest.policy,
        strong_share=_share(routes),
        cache_hit_share=_share(hits),
        deployment_shares=tuple((alias, count / total) for alias, count in sorted(served.items())),
        retries=sum(len(step.attempts) - 1 for step in steps),
        fallbacks=sum(step.role == "fallback" for step in steps),
        failures=sum(isinstance(outcome.result, Failure) for outcome in outcomes),
        cost_per_request_usd=_mean_usd(run.results, "total_usd"),
        retries_usd=_mean_usd(run.results, "retries_usd"),
        fallbacks_usd=_mean_usd(run.results, "fallbacks_usd"),
        cache=_cache_use(run.results),
        gateway=_gateway_use([step.attempts[-1].gateway for step in steps]),
        queued_s=math.fsum(attempt.queued_s or 0.0 for step in steps for attempt in step.attempts),
    )


def policy_diff(baseline: Sequence[str], candidate: Sequence[str]) -> tuple[str, ...]:
    """Return what changed between two policies' ``key: value`` lines: ``key: old → new``, sorted by key."""
    before, after = (dict(line.split(": ", 1) for line in lines) for lines in (baseline, candidate))
    changed = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    return tuple(f"{key}: {before.get(key, '(absent)')} → {after.get(key, '(absent)')}" for key in changed)


def _cache_use(results: Sequence[Graded]) -> CacheUse | None:
    asked = [graded for graded in results if graded.outcome.cache is not None]
    if not asked:
        return None
    served = [trace for graded in asked if (trace := graded.outcome.cache) is not None and trace.hit]
    hits = [graded.hit for graded in asked if graded.hit is not None and graded.hit.kind != "unlabelled"]
    return CacheUse(
        requests=len(results),
        hits=len(served),
        right=sum(hit.kind == "right" for hit in hits),
        false=sum(hit.false for hit in hits),
        stale=sum(hit.kind == "stale" for hit in hits),
        unlabelled=len(served) - len(hits),
        pairs=len({hit.pair for hit in hits}),
        false_pairs=len({hit.pair for hit in hits if hit.false}),
        by_meaning=sum(trace.similarity is not None for trace in served),
        waited=sum(trace.waited_s > 0 for trace in served),
    )


def _gateway_use(said: Sequence[Gateway | None]) -> GatewayUse | None:
    asked = [each for each in said if each is not None]
    if not asked:
        return None
    models = Counter(each.model_id for each in asked if each.model_id is not None)
    return GatewayUse(
        calls=len(asked),
        cache_hit_share=_share([each.cache_hit for each in asked if each.cache_hit is not None]),
        retries=_sum([each.retries for each in asked if each.retries is not None]),
        fallbacks=_sum([each.fallbacks for each in asked if each.fallbacks is not None]),
        models=tuple(models.most_common()),
    )


def _sum(counts: Sequence[int]) -> int | None:
    return sum(counts) if counts else None


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _mean_usd(results: Sequence[Graded], part: str) -> float | Unmeasured:
    amounts: list[float] = []
    for graded in results:
        match graded.cost:
            case Cost():
                amounts.append(getattr(graded.cost, part))
            case Unmeasured():
                return graded.cost
    return math.fsum(amounts) / len(amounts) if amounts else Unmeasured("no case was served")
