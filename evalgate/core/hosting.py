"""From machines paid by the hour to a price for a request, by goodput and utilisation.

A fleet costs ``replicas * accelerators * usd_per_hour + ops_usd_per_month / 730`` USD an hour and serves
``replicas * goodput * utilisation`` a second on average; the quotient is the price of an output token, or of
a request where only requests were counted. Goodput is what meets the latency objective, after Zhong et al.,
"DistServe", OSDI 2024: the highest rate at which so many requests are fast enough. It is not the peak
throughput, at which queues grow. Utilisation divides: machines are paid for while they idle, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evalgate.core.hosting_file import Hosting, ThroughputLevel
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy_file import Price

HOURS_PER_MONTH = 730.0
"""A year has 8,760 hours."""
SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600

Counted = Literal["output tokens", "requests"]


@dataclass(frozen=True, slots=True)
class Goodput:
    """What one replica serves a second within the objective, and at which concurrency it does."""

    per_s: float
    counted: Counted
    concurrency: float


def goodput_of(hosting: Hosting) -> Goodput | Unmeasured:
    """Return the most that one replica serves within the objective; Unmeasured where no level tells it.

    Without an objective a level counts by the requests that its benchmark found good.
    """
    untold = any(level.output_tokens_per_s is None for level in hosting.throughput)
    counted: Counted = "requests" if untold else "output tokens"
    found = [
        Goodput(rate, counted, level.concurrency)
        for level in hosting.throughput
        if (rate := _good_rate(level, counted, hosting)) is not None
    ]
    if not found:
        return Unmeasured("no concurrency level meets the objective")
    return max(found, key=lambda each: each.per_s)


def utilisation_at(hosting: Hosting, times: float) -> float:
    """Return the utilisation ``times`` higher, at most 1."""
    return min(1.0, hosting.utilisation * times)


def replica_usd_per_month(hosting: Hosting) -> float:
    """Return what one replica costs a month, operations left out."""
    return hosting.accelerators * hosting.usd_per_hour * HOURS_PER_MONTH


def hosted_price(hosting: Hosting, times: float = 1.0) -> Price:
    """Return the price of what the machines serve, at a utilisation ``times`` higher.

    The loader has refused hosting of which no level meets the objective.
    """
    goodput = goodput_of(hosting)
    assert not isinstance(goodput, Unmeasured), goodput.reason
    month = hosting.replicas * replica_usd_per_month(hosting) + hosting.ops_usd_per_month
    served = goodput.per_s * hosting.replicas * utilisation_at(hosting, times) * SECONDS_PER_MONTH
    if goodput.counted == "requests":
        return Price(per_request=month / served, hosting=hosting)
    return Price(output_per_1m=month / served * 1e6, hosting=hosting)


def at_utilisation(prices: Mapping[str, Price], times: float) -> dict[str, Price]:
    """Return ``prices`` with every hosted one at a utilisation ``times`` higher."""
    return {
        alias: price if price.hosting is None else hosted_price(price.hosting, times)
        for alias, price in prices.items()
    }


def _good_rate(level: ThroughputLevel, counted: Counted, hosting: Hosting) -> float | None:
    rate = level.output_tokens_per_s if counted == "output tokens" else level.requests_per_s
    if rate is None:
        return None
    if hosting.objective is not None:
        measured = [(getattr(level, name), limit) for name, limit in hosting.objective.limits.items()]
        return rate if all(at is not None and at <= limit for at, limit in measured) else None
    if not level.good_requests_per_s or level.requests_per_s is None:
        return None
    return rate * level.good_requests_per_s / level.requests_per_s
