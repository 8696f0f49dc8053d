"""How the cost of an attempt comes about: ``18 input × $2.50 + 2 output × $10.00 per 1M tokens``."""

from evalgate.core.calls import Attempt, Usage
from evalgate.core.policy_file import Price, PriceTier
from evalgate.report.numbers import usd


def arithmetic(attempt: Attempt, price: Price | None, *, predicted: bool = False) -> str:
    """Return the sum that an attempt's tokens and prices make; words where there is none.

    ``predicted`` says that its cached tokens are no provider's count.
    """
    if attempt.billing == "free":
        return "not billed"
    usage = attempt.usage
    if usage is None:
        return _without_usage(attempt)
    if price is None:
        return "no price is known"
    parts = [f"{tokens:,} {what} × {_rate(rate)}" for tokens, what, rate in _items(usage, price) if tokens]
    said = f"{' + '.join(parts)} per 1M tokens" if parts else ""
    if predicted and (usage.cached_input_tokens or usage.cache_write_tokens):
        said += " (cached tokens predicted)"
    once = f"{_rate(price.per_request)} per request" if price.per_request else ""
    return " + ".join(part for part in (said, once) if part) or "no tokens"


def _rate(usd_per_1m: float) -> str:
    """With cents, or with more digits where it has them."""
    cents = f"{usd_per_1m:.2f}"
    return f"${cents}" if float(cents) == usd_per_1m else f"${usd_per_1m:.6g}"


def _without_usage(attempt: Attempt) -> str:
    if attempt.reported_cost_usd is not None:
        return f"{usd(attempt.reported_cost_usd)} as the provider reported"
    return "tokens not reported" if attempt.error is None else ""


def _items(usage: Usage, price: Price) -> tuple[tuple[int, str, float], ...]:
    total = usage.input_tokens or 0
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    rates = _rates(price, total)
    return (
        (total - cached - written, "input", rates.input_per_1m),
        (cached, "cached input", _rate_or_input(rates.cached_input_per_1m, rates)),
        (written, "cache-written input", _rate_or_input(rates.cache_write_per_1m, rates)),
        (usage.output_tokens or 0, "output", rates.output_per_1m),
    )


def _rates(price: Price, input_tokens: int) -> Price | PriceTier:
    reached = [tier for tier in price.tiers if input_tokens > tier.above_input_tokens]
    return max(reached, key=lambda tier: tier.above_input_tokens) if reached else price


def _rate_or_input(rate: float | None, rates: Price | PriceTier) -> float:
    return rates.input_per_1m if rate is None else rate
