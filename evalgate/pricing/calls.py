"""Calls -> USD, whoever made them: what the harness itself spends, beside what a policy would."""

import math
from collections.abc import Iterable, Mapping

from evalgate.core.calls import Attempt, Call
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Cost, Step
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Price
from evalgate.pricing.cost import cost_of_steps

Identity = tuple[str, str, str | None, str | None]
Priced = Mapping[Identity, tuple[str, Price]]
"""Alias and price of what answers, by provider, model, revision and quantization."""


def priced_by(deployments: Iterable[Deployment], prices: Mapping[str, Price]) -> Priced:
    """Return the prices of ``deployments``, given by alias, by what answers."""
    return {each.identity: (each.alias, prices[each.alias]) for each in deployments}


def attempts_usd(attempts: tuple[Attempt, ...], alias: str, price: Price) -> float | Unmeasured:
    """Return what all attempts of one call cost."""
    cost = cost_of_steps((Step("generate", alias, "", "", attempts),), {alias: price})
    return cost.total_usd if isinstance(cost, Cost) else cost


def total_usd(calls: Iterable[Call], priced: Priced) -> float | Unmeasured:
    """Return what all ``calls`` cost; Unmeasured with the first reason where one cannot be priced."""
    amounts: list[float] = []
    for call in calls:
        asked = call.request
        alias, price = priced[asked.provider, asked.model, asked.revision, asked.quantization]
        usd = attempts_usd(call.attempts, alias, price)
        if isinstance(usd, Unmeasured):
            return usd
        amounts.append(usd)
    return math.fsum(amounts)
