"""Outcome -> USD, by the prices of its deployments.

An attempt costs ``per_request + (fresh * input + cached * cached_input + written * cache_write + output *
output_price) / 1e6`` with a relative error of a few units of 2**-53; attempts are added with ``math.fsum``,
which rounds once, so their order does not matter.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from evalgate.core.calls import Attempt, Usage
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Cost, Outcome, Role, Step
from evalgate.core.policy_file import Price, PriceTier

_FREE_ERRORS = frozenset({"rate_limit", "overloaded", "bad_request", "context_window", "server_error"})
_NOTHING_CALLED = Cost(0.0)


def cost_of(outcome: Outcome, prices: Mapping[str, Price]) -> Cost | Unmeasured:
    """Return what all attempts of ``outcome`` cost; Unmeasured when one was billed and cannot be priced.

    Declared prices rule over what a provider reports, so that a new price re-prices old calls. An answer
    from the policy's own cache made no call and costs 0.
    """
    return cost_of_steps(outcome.steps, prices)


def cost_of_steps(steps: Sequence[Step], prices: Mapping[str, Price]) -> Cost | Unmeasured:
    """Return what all attempts of these calls cost, as :func:`cost_of` does."""
    if len(steps) == 1 and len(steps[0].attempts) == 1 and steps[0].role == "generate":
        return _cost_of_one(steps[0], prices)
    if not steps:
        return _NOTHING_CALLED
    every: list[float] = []
    retries: list[float] = []
    late: list[float] = []
    by_role: dict[Role, list[float]] = defaultdict(list)
    for step in steps:
        price = prices.get(step.deployment)
        if price is None:
            return _no_price(step)
        for attempt in step.attempts:
            usd = _attempt_usd(attempt, step, price)
            if isinstance(usd, Unmeasured):
                return usd
            every.append(usd)
            if attempt.error is not None:
                retries.append(usd)
            elif step.lost:
                late.append(usd)
            by_role[step.role].append(usd)
    return Cost(
        math.fsum(every),
        math.fsum(retries),
        math.fsum(by_role["fallback"]),
        math.fsum(by_role["escalate"]),
        math.fsum([*by_role["sample"], *by_role["check"]]),
        math.fsum(by_role["hedge"]),
        math.fsum([*retries, *late]),
    )


def usage_usd(usage: Usage, price: Price, deployment: str) -> float | Unmeasured:
    """Return what an answer with this usage costs by the price alone, whatever a provider would report."""
    if _says_nothing(price):
        return _unsaid(deployment)
    return _usage_usd(usage, price, deployment, answered=True)


def _cost_of_one(step: Step, prices: Mapping[str, Price]) -> Cost | Unmeasured:
    price = prices.get(step.deployment)
    if price is None:
        return _no_price(step)
    attempt = step.attempts[0]
    usd = _attempt_usd(attempt, step, price)
    if isinstance(usd, Unmeasured):
        return usd
    return Cost(usd) if attempt.error is None else Cost(usd, usd, wasted_usd=usd)


def _attempt_usd(attempt: Attempt, step: Step, price: Price) -> float | Unmeasured:
    if attempt.billing == "free":
        return 0.0
    said = _said_usd(attempt, step, price)
    return _table_usd(attempt, step, price) if said is None else said


def _said_usd(attempt: Attempt, step: Step, price: Price) -> float | Unmeasured | None:
    """Return what the provider's own word makes of the cost; None where only the unit prices can tell."""
    # A gateway knows which of its models answered and what its cache spared; a table can only guess.
    reported = _reported(attempt)
    if reported is not None and (price.reported or attempt.gateway is not None):
        return reported
    if attempt.gateway is not None and attempt.gateway.cache_hit:
        return Unmeasured(
            f"deployment {step.deployment!r} answered from its cache and did not say at what cost"
        )
    return _unsaid(step.deployment) if _says_nothing(price) else None


def _table_usd(attempt: Attempt, step: Step, price: Price) -> float | Unmeasured:
    usage = attempt.usage
    if usage is None:
        return _usd_without_usage(attempt, step, price)
    usd = _usage_usd(usage, price, step.deployment, answered=attempt.error is None)
    if not isinstance(usd, Unmeasured):
        return usd
    reported = _reported(attempt)
    if reported is not None:
        return reported
    if attempt.error is None or usage.input_tokens is not None:
        return usd
    return _cut_off_usd(attempt, step, price)


def _usd_without_usage(attempt: Attempt, step: Step, price: Price) -> float | Unmeasured:
    if attempt.billing is None and attempt.error in _FREE_ERRORS:
        return 0.0
    reported = _reported(attempt)
    if reported is not None:
        return reported
    if not (_charges_input(price) or _charges_output(price)):
        return price.per_request
    if attempt.error is None:
        return Unmeasured(f"deployment {step.deployment!r} answered without reporting its tokens")
    return _cut_off_usd(attempt, step, price)


def _cut_off_usd(attempt: Attempt, step: Step, price: Price) -> float | Unmeasured:
    """Price a failed attempt without usage by the input of another attempt, as the same request was sent."""
    inputs = [
        each.usage.input_tokens
        for each in step.attempts
        if each.usage is not None and each.usage.input_tokens is not None
    ]
    if inputs and attempt.billing != "billed" and _charges_input(price):
        return _usage_usd(Usage(input_tokens=max(inputs)), price, step.deployment, answered=False)
    if price.hosting is not None:
        # No bill comes for one call; like any cut-off output, what the machines made of it is left out.
        return price.per_request
    billed = "was billed" if attempt.billing == "billed" else "was possibly billed"
    return Unmeasured(
        f"an attempt of deployment {step.deployment!r} that ended in {attempt.error} {billed}, "
        "and its tokens are not known"
    )


def _reported(attempt: Attempt) -> float | None:
    usd = attempt.reported_cost_usd
    return usd if usd is not None and 0 <= usd < math.inf else None


def _usage_usd(usage: Usage, price: Price, deployment: str, *, answered: bool) -> float | Unmeasured:
    total, output = usage.input_tokens, usage.output_tokens
    rates: Price | PriceTier = price
    if price.tiers and total is not None:
        rates = _rates(price, total)
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    if total is None:
        if _charges_input(price):
            return _unknown(deployment, "input")
        total = cached + written
    if output is None:
        # A failed attempt with known input was cut off before the provider counted its output.
        if answered and _charges_output(price):
            return _unknown(deployment, "output")
        output = 0
    fresh = total - cached - written
    if fresh < 0 or cached < 0 or written < 0 or output < 0:
        return _impossible(deployment, usage)
    usd = fresh * rates.input_per_1m + output * rates.output_per_1m
    if cached:
        usd += cached * _rate_or_input(rates.cached_input_per_1m, rates)
    if written:
        usd += written * _rate_or_input(rates.cache_write_per_1m, rates)
    return usd / 1e6 + price.per_request


def _rate_or_input(rate: float | None, rates: Price | PriceTier) -> float:
    return rates.input_per_1m if rate is None else rate


def _rates(price: Price, input_tokens: int) -> Price | PriceTier:
    reached = [tier for tier in price.tiers if input_tokens > tier.above_input_tokens]
    return max(reached, key=lambda tier: tier.above_input_tokens) if reached else price


def _says_nothing(price: Price) -> bool:
    """Whether only the provider can say what a call costs."""
    return price.reported and not (_charges_input(price) or _charges_output(price) or price.per_request)


def _charges_input(price: Price) -> bool:
    # Tiers depend on the input, so without it even the output has no price.
    return bool(price.input_per_1m or price.cached_input_per_1m or price.cache_write_per_1m or price.tiers)


def _charges_output(price: Price) -> bool:
    return price.output_per_1m > 0 or any(tier.output_per_1m for tier in price.tiers)


def _unsaid(deployment: str) -> Unmeasured:
    return Unmeasured(f"deployment {deployment!r} did not say what a call cost")


def _unknown(deployment: str, which: str) -> Unmeasured:
    return Unmeasured(f"deployment {deployment!r} did not report its {which} tokens, and they have a price")


def _impossible(deployment: str, usage: Usage) -> Unmeasured:
    return Unmeasured(
        f"deployment {deployment!r} reported impossible tokens: input {usage.input_tokens}, "
        f"of them cached {usage.cached_input_tokens} and cache-written {usage.cache_write_tokens}; "
        f"output {usage.output_tokens}"
    )


def _no_price(step: Step) -> Unmeasured:
    return Unmeasured(f"deployment {step.deployment!r} has no price")
