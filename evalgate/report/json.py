"""The result as scripts read it; its shape is ``result.schema.json`` and docs/result-json.md."""

import json
from decimal import Context
from math import isinf

from evalgate.core.budgets import Waiver
from evalgate.core.hosting_use import AtUtilisation
from evalgate.core.labels import JudgeStatus
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.verdict import (
    CacheUse,
    CascadeUse,
    Check,
    Confusions,
    Decision,
    Flip,
    GatewayUse,
    Judgement,
    JudgeUse,
    NotSpent,
    SideSummary,
)

SCHEMA = "evalgate/result@1"

# Twelve digits are far below a price's own precision and far above the dust of binary fractions.
_USD = Context(prec=12)
_CENT_DIGITS = 6


def render(decision: Decision) -> str:
    """Return the result as indented JSON with a final newline; equal decisions give equal bytes.

    The text is pure ASCII, so no control or bidirectional character of a model's answer reaches a terminal.
    """
    document = {
        "schema": SCHEMA,
        "verdict": decision.verdict,
        "blocked": decision.blocked,
        "exit_code": int(decision.exit_code),
        "comparisons": [_comparison(judgement) for judgement in decision.judgements],
        "notes": [_text(note) for note in decision.notes],
        "announcements": [_text(text) for text in decision.announcements],
        "previews": [_comparison(judgement) for judgement in decision.previews],
    }
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def usd_text(amount: float) -> str:
    """Return an amount as a decimal string: at least six decimals, twelve significant digits, no exponent."""
    exact = _USD.create_decimal(repr(amount))
    digits = f"{exact:f}"
    if "." in digits:
        digits = digits.rstrip("0")
    whole, _, fraction = digits.partition(".")
    text = f"{whole}.{fraction.ljust(_CENT_DIGITS, '0')}"
    return text.removeprefix("-") if not exact else text


def _comparison(judgement: Judgement) -> dict[str, object]:
    cases, calls, candidate = judgement.cases, judgement.calls, judgement.candidate_side
    return {
        "suite": _text(judgement.suite),
        "baseline": _text(judgement.baseline) if judgement.baseline else None,
        "candidate": _text(judgement.candidate),
        "verdict": judgement.verdict,
        "blocked": judgement.blocked,
        "headline": _text(judgement.headline),
        "checks": [check_json(check) for check in judgement.checks],
        "cases": {
            "total": cases.total,
            "both_right": cases.both_right,
            "both_wrong": cases.both_wrong,
            "fixed": cases.fixed,
            "broke": cases.broke,
            "failed": cases.failed,
        },
        "shares": {"strong": candidate.strong_share, "cache_hits": candidate.cache_hit_share},
        "calls": {name: getattr(calls, name) for name in ("needed", "reused", "made", "added")},
        "spend_usd": usd_json(judgement.spend_usd),
        "mode": judgement.mode,
        "sequential": None if judgement.not_spent is None else _not_spent(judgement.not_spent),
        "sides": {
            "baseline": _side(judgement.baseline_side) if judgement.baseline else None,
            "candidate": _side(candidate),
        },
        "policy_diff": [_text(line) for line in judgement.policy_diff],
        "flips": [_flip(flip) for flip in judgement.flips],
        "notes": [_text(note) for note in judgement.notes],
        "owners": [_text(owner) for owner in judgement.owners],
        "file": _text(judgement.file),
        "judge": None if judgement.judge is None else _judge(judgement.judge),
        "confusion": None if judgement.confusions is None else _confusion(judgement.confusions),
        "judging": None if judgement.judging is None else _judging(judgement.judging),
        "requests_per_month": judgement.requests_per_month,
    }


def _judging(use: JudgeUse) -> dict[str, object]:
    return {
        "models": [_text(model) for model in use.models],
        "calls": use.calls,
        "spend_usd": usd_json(use.spend_usd),
        "errors": use.errors,
    }


def _not_spent(found: NotSpent) -> dict[str, object]:
    return {
        "cases": found.cases,
        "cases_total": found.cases_total,
        "calls_not_made": found.calls,
        "not_spent_usd": usd_json(found.usd),
    }


def _judge(status: JudgeStatus) -> dict[str, object]:
    return {
        "validated": status.validated,
        "labelled": status.labelled,
        "differing": status.differing,
        "because": status.because,
    }


def _confusion(found: Confusions) -> dict[str, object]:
    return {
        "expected": [_text(label) for label in found.expected],
        "read": [_text(label) for label in found.read],
        "baseline": found.baseline,
        "candidate": found.candidate,
    }


def check_json(check: Check) -> dict[str, object]:
    """Return one judged limit."""
    # A relative allowance is a ratio whatever the metric, so only absolute ones are money.
    money = check.metric == "cost_per_correct"
    absolute_money = money and check.scale == "absolute"
    filled = [_at_utilisation(check, each, money=absolute_money) for each in check.at_utilisation]
    return {
        "metric": check.metric,
        "slice": None if check.slice is None else _text(check.slice),
        "limit": check.limit,
        "allowance": _number(check.allowance, money=absolute_money),
        "unit": check.unit,
        "scale": check.scale,
        "verdict": check.verdict,
        "blocked": check.blocked,
        "gated": check.gated,
        "on_inconclusive": check.on_inconclusive,
        "reason": _text(check.reason),
        "baseline": measured_json(check.baseline, money=money),
        "candidate": measured_json(check.candidate, money=money),
        "change": measured_json(check.change, money=absolute_money),
        "method": check.method,
        "level": check.level,
        "n": check.n,
        "clusters": check.clusters,
        "trials": check.trials,
        "affected": check.affected,
        "losses": check.losses,
        "gains": check.gains,
        "cases_needed": check.cases_needed,
        "assumptions": [_text(assumption) for assumption in check.assumptions],
        "waiver": None if check.waiver is None else _waiver(check.waiver, money=absolute_money),
        **({"at_utilisation": filled} if filled else {}),
    }


def _at_utilisation(check: Check, at: AtUtilisation, *, money: bool) -> dict[str, object]:
    return {
        "times": at.times,
        "utilisation": {_text(alias): share for alias, share in at.utilisations},
        "candidate": measured_json(at.candidate, money=True),
        "change": measured_json(at.change, money=money),
        "verdict": at.verdict,
        "turns": at.verdict != check.verdict,
    }


def _waiver(waiver: Waiver, *, money: bool) -> dict[str, object]:
    amount = _number(waiver.allowance, money=money)
    return {"allowance": amount, "reason": _text(waiver.reason), "expiry": waiver.expiry}


def measured_json(measured: Measured, *, money: bool = False) -> dict[str, object]:
    """Return a number with its interval, or why there is none; ``money`` in decimal strings."""
    match measured:
        case Unmeasured(reason=reason):
            return {"unmeasured": _text(reason)}
        case Estimate(value=value, low=low, high=high):
            return {
                "value": _number(value, money=money),
                "low": _number(low, money=money),
                "high": _number(high, money=money),
            }


def _number(number: float, *, money: bool) -> float | str | None:
    """An unbounded side is null, as JSON has no infinity; NaN is a bug and stops the rendering."""
    if isinf(number):
        return None
    if number != number:  # noqa: PLR0124  the one value that differs from itself
        raise ValueError("a measured number is NaN")
    return usd_text(number) if money else number + 0.0


def _side(side: SideSummary) -> dict[str, object]:
    return {
        "policy": _text(side.policy),
        "strong_share": side.strong_share,
        "cache_hit_share": side.cache_hit_share,
        "deployment_shares": {_text(alias): share for alias, share in side.deployment_shares},
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
        **({} if side.gateway is None else {"gateway": _gateway(side.gateway)}),
        **({"queued_s": side.queued_s} if side.queued_s else {}),
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


def _gateway(use: GatewayUse) -> dict[str, object]:
    return {
        "calls": use.calls,
        "cache_hit_share": use.cache_hit_share,
        "retries": use.retries,
        "fallbacks": use.fallbacks,
        "models": {_text(model): calls for model, calls in use.models},
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
    return {"unmeasured": _text(number.reason)} if isinstance(number, Unmeasured) else number


def usd_json(amount: float | Unmeasured) -> str | dict[str, str]:
    """Return an amount as a decimal string, or why it is not known."""
    return {"unmeasured": _text(amount.reason)} if isinstance(amount, Unmeasured) else usd_text(amount)


def _flip(flip: Flip) -> dict[str, object]:
    return {
        "case": _text(flip.case_id),
        "kind": flip.kind,
        "baseline": _text(flip.baseline),
        "candidate": _text(flip.candidate),
        "target": None if flip.target is None else _text(flip.target),
    }


def _text(text: str) -> str:
    """Lone surrogates, which strict JSON readers refuse, become U+FFFD."""
    return (
        text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )
