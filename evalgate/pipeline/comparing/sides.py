"""Where each policy's requests and money went, and what differs between two policies."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from evalgate.core.batch_use import BatchUse
from evalgate.core.calls import Gateway
from evalgate.core.gateway_use import GatewayUse
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.outcome import Cost, Failure, Graded
from evalgate.core.reliability_use import ReliabilityUse
from evalgate.core.run import Run
from evalgate.core.verdict import CacheUse, CascadeUse, SideSummary
from evalgate.pipeline.comparing.prompt_caches import side_prompt_cache
from evalgate.pipeline.comparing.utilisation import hosting_uses
from evalgate.pricing.cleanup import cleanup_per_request

_CHECKS = frozenset({"sample", "check"})


@dataclass(frozen=True, slots=True)
class CostPerCorrect:
    """One side's cost per correct answer, with cleanup and, where wrong answers have a price, without it."""

    whole: Measured
    without_cleanup: Measured | None


def summarize(run: Run, cost: CostPerCorrect) -> SideSummary:
    """Return one side's shares, counts and spend per lever."""
    outcomes = [graded.outcome for graded in run.results]
    routes = [(each.weight, each.outcome.route.strong) for each in run.results if each.outcome.route]
    hits = [(each.weight, each.outcome.cache.hit) for each in run.results if each.outcome.cache]
    per_request = _mean_usd(run.results, "total_usd")
    cleanup = cleanup_per_request(run) if run.manifest.rules.cleanup_usd_per_wrong else None
    steps = [step for outcome in outcomes for step in outcome.steps]
    return SideSummary(
        policy=run.manifest.policy,
        strong_share=_weighed_share(routes),
        cache_hit_share=_weighed_share(hits),
        deployment_shares=_deployment_shares(run.results),
        retries=sum(len(step.attempts) - 1 for step in steps),
        fallbacks=sum(step.role == "fallback" for step in steps),
        failures=sum(isinstance(outcome.result, Failure) for outcome in outcomes),
        cost_per_request_usd=per_request,
        retries_usd=_mean_usd(run.results, "retries_usd"),
        fallbacks_usd=_mean_usd(run.results, "fallbacks_usd"),
        cache=_cache_use(run.results),
        gateway=_gateway_use([step.attempts[-1].gateway for step in steps]),
        queued_s=math.fsum(attempt.queued_s or 0.0 for step in steps for attempt in step.attempts),
        cost_per_correct=cost.whole,
        without_cleanup=cost.without_cleanup,
        cleanup_usd=cleanup,
        month_usd=_month_usd(run, per_request, cleanup or 0.0),
        cascade=_cascade_use(run.results),
        batch=_batch_use(run.results),
        hosting=tuple(hosting_uses(run)),
        prompt_cache=side_prompt_cache(run),
        reliability=_reliability_use(run.results),
    )


def _month_usd(run: Run, per_request: float | Unmeasured, cleanup_usd: float) -> float | Unmeasured | None:
    requests = run.manifest.requests_per_month
    if requests is None or isinstance(per_request, Unmeasured):
        return None if requests is None else per_request
    return requests * (per_request + cleanup_usd)


def _deployment_shares(results: Sequence[Graded]) -> tuple[tuple[str, float], ...]:
    whole = math.fsum(graded.weight for graded in results)
    served: defaultdict[str, list[float]] = defaultdict(list)
    for graded in results:
        if graded.outcome.deployment is not None:
            served[graded.outcome.deployment].append(graded.weight)
    return tuple((alias, math.fsum(weights) / whole) for alias, weights in sorted(served.items()))


def _weighed_share(flags: Sequence[tuple[float, bool]]) -> float | None:
    whole = math.fsum(weight for weight, _ in flags)
    return math.fsum(weight for weight, flag in flags if flag) / whole if whole else None


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


def _cascade_use(results: Sequence[Graded]) -> CascadeUse | None:
    if not any(graded.outcome.stages for graded in results):
        return None
    ups = [sum(step.role == "escalate" for step in graded.outcome.steps) for graded in results]
    return CascadeUse(
        requests=len(results),
        escalated=sum(count > 0 for count in ups),
        escalations=sum(ups),
        checks=sum(step.role in _CHECKS for graded in results for step in graded.outcome.steps),
        escalation_rate=_weighed_share(
            [(graded.weight, count > 0) for graded, count in zip(results, ups, strict=True)]
        )
        or 0.0,
        escalations_usd=_mean_usd(results, "escalations_usd"),
        confidence_usd=_mean_usd(results, "confidence_usd"),
    )


def _batch_use(results: Sequence[Graded]) -> BatchUse | None:
    windows = [graded.outcome.batch_window_s for graded in results]
    if not any(windows):
        return None
    served = [(each.weight, window is not None) for each, window in zip(results, windows, strict=True)]
    return BatchUse(_weighed_share(served) or 0.0, max(filter(None, windows)))


def _reliability_use(results: Sequence[Graded]) -> ReliabilityUse:
    skipped = sum(len(graded.outcome.skipped) for graded in results)
    attempts = [
        (graded.weight, step, attempt)
        for graded in results
        for step in graded.outcome.steps
        for attempt in step.attempts
    ]
    hedges = [step for graded in results for step in graded.outcome.steps if step.role == "hedge"]
    faulted = sum(attempt.fault_at_s is not None for _, _, attempt in attempts)
    return ReliabilityUse(
        attempts_per_request=math.fsum(weight for weight, _, _ in attempts)
        / math.fsum(graded.weight for graded in results),
        wasted_usd=_mean_usd(results, "wasted_usd"),
        faulted=faulted,
        hedges=len(hedges),
        hedges_won=sum(step.answers for step in hedges),
        skipped=skipped,
        eventful=bool(skipped or hedges or faulted)
        or any(attempt.error is not None for _, _, attempt in attempts),
    )


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _mean_usd(results: Sequence[Graded], part: str) -> float | Unmeasured:
    amounts: list[float] = []
    for graded in results:
        match graded.cost:
            case Cost():
                amounts.append(getattr(graded.cost, part) * graded.weight)
            case Unmeasured():
                return graded.cost
    whole = math.fsum(graded.weight for graded in results)
    return math.fsum(amounts) / whole if whole else Unmeasured("no case was served")
