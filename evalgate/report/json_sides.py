"""Where one policy's requests and money went, as scripts read it."""

from dataclasses import asdict

from evalgate.core.gateway_use import GatewayUse
from evalgate.core.hosting_use import HostingUse
from evalgate.core.numbers import Unmeasured
from evalgate.core.prompt_cache import CostInStates, SidePromptCache
from evalgate.core.reliability_use import ReliabilityUse
from evalgate.core.verdict import CacheUse, CascadeUse, SideSummary
from evalgate.report.json_numbers import measured_json, text_json, usd_json


def side_json(side: SideSummary) -> dict[str, object]:
    """Return one policy's side."""
    return {
        "policy": text_json(side.policy),
        "strong_share": side.strong_share,
        "cache_hit_share": side.cache_hit_share,
        "deployment_shares": {text_json(alias): share for alias, share in side.deployment_shares},
        "retries": side.retries,
        "fallbacks": side.fallbacks,
        "failures": side.failures,
        "cost_per_request_usd": usd_json(side.cost_per_request_usd),
        "retries_usd": usd_json(side.retries_usd),
        "fallbacks_usd": usd_json(side.fallbacks_usd),
        "cost_per_correct_usd": measured_json(side.cost_per_correct, money=True),
        "without_cleanup_usd": (
            None if side.without_cleanup is None else measured_json(side.without_cleanup, money=True)
        ),
        "cleanup_usd": None if side.cleanup_usd is None else usd_json(side.cleanup_usd),
        "month_usd": None if side.month_usd is None else usd_json(side.month_usd),
        "cache": None if side.cache is None else _cache(side.cache),
        **({} if side.cascade is None else {"cascade": _cascade(side.cascade)}),
        **_tried(side.reliability),
        **({} if side.gateway is None else {"gateway": _gateway(side.gateway)}),
        **({} if side.batch is None else {"batch": asdict(side.batch)}),
        **({} if side.prompt_cache is None else {"prompt_cache": _cached(side.prompt_cache)}),
        **({"queued_s": side.queued_s} if side.queued_s else {}),
        **({"hosting": [_hosting(each) for each in side.hosting]} if side.hosting else {}),
    }


def _hosting(use: HostingUse) -> dict[str, object]:
    return {
        "deployment": text_json(use.deployment),
        "replicas": use.hosting.replicas,
        "utilisation": use.hosting.utilisation,
        "goodput": {"per_s": use.goodput.per_s, "counted": use.goodput.counted},
        "usd_per_request": usd_json(use.usd_per_request),
    }


def _cascade(use: CascadeUse) -> dict[str, object]:
    return {
        "requests": use.requests,
        "escalated": use.escalated,
        "escalations": use.escalations,
        "checks": use.checks,
        "escalation_rate": use.escalation_rate,
        "escalations_usd": usd_json(use.escalations_usd),
        "confidence_usd": usd_json(use.confidence_usd),
    }


def _cached(side: SidePromptCache) -> dict[str, object]:
    return {
        "prompt_tokens": side.prompt_tokens,
        "recorded_tokens": side.recorded_tokens,
        **{
            name: {
                "read_tokens": found.read_tokens,
                "written_tokens": found.written_tokens,
                "cost_per_request_usd": usd_json(found.cost_per_request_usd),
            }
            for name, found in (("cold", side.cold), ("warm", side.warm))
        },
    }


def in_states_json(found: CostInStates) -> dict[str, object]:
    """Return both sides' cost per correct with prompt caches found cold and found warm."""
    return {
        "state": found.state,
        "declared": found.declared,
        **{
            name: {
                "baseline": measured_json(cost.baseline, money=True),
                "candidate": measured_json(cost.candidate, money=True),
                "change": measured_json(cost.change),
            }
            for name, cost in (("cold", found.cold), ("warm", found.warm))
        },
    }


def _tried(use: ReliabilityUse | None) -> dict[str, object]:
    """Where every call answered at once there is nothing to say."""
    return {} if use is None or not use.eventful else {"reliability": _reliability(use)}


def _reliability(use: ReliabilityUse) -> dict[str, object]:
    return {
        "attempts_per_request": use.attempts_per_request,
        "wasted_usd": usd_json(use.wasted_usd),
        "faulted": use.faulted,
        "hedges": use.hedges,
        "hedges_won": use.hedges_won,
        "skipped": use.skipped,
    }


def _gateway(use: GatewayUse) -> dict[str, object]:
    return {
        "calls": use.calls,
        "cache_hit_share": use.cache_hit_share,
        "retries": use.retries,
        "fallbacks": use.fallbacks,
        "models": {text_json(model): calls for model, calls in use.models},
    }


def _cache(use: CacheUse) -> dict[str, object]:
    return {
        "requests": use.requests,
        "hits": use.hits,
        "right": use.right,
        "false": use.false,
        "stale": use.stale,
        "unlabelled": use.unlabelled,
        "pairs": use.pairs,
        "false_pairs": use.false_pairs,
        "by_meaning": use.by_meaning,
        "waited": use.waited,
        "positive_hit_rate": _plain(use.positive_hit_rate),
        "false_hits_per_hit": _plain(use.false_per_hit),
        "false_hits_per_1000_requests": _plain(use.false_per_1000_requests),
    }


def _plain(number: float | Unmeasured) -> float | dict[str, str]:
    return {"unmeasured": text_json(number.reason)} if isinstance(number, Unmeasured) else number
