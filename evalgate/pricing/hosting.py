"""How much of machines of one's own requests take."""

import math

from evalgate.core.hosting import goodput_of
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Outcome
from evalgate.core.policy_file import Price
from evalgate.core.run import Run
from evalgate.pricing.cost import cost_of

_FREE = Price()


def served(outcome: Outcome, price: Price, alias: str) -> float | Unmeasured:
    """Return how many units of goodput, tokens or requests, ``outcome`` took of the hosted ``alias``.

    It is what the calls cost where a unit costs a dollar and everybody else is free, so that attempts count
    here exactly as they do in the cost.
    """
    assert price.hosting is not None
    goodput = goodput_of(price.hosting)
    if isinstance(goodput, Unmeasured):
        return goodput
    tokens = goodput.counted == "output tokens"
    unit = Price(output_per_1m=1e6, hosting=price.hosting) if tokens else Price(per_request=1.0)
    cost = cost_of(
        outcome, {step.deployment: unit if step.deployment == alias else _FREE for step in outcome.steps}
    )
    return cost if isinstance(cost, Unmeasured) else cost.total_usd


def served_per_request(run: Run, alias: str) -> float | Unmeasured:
    """Return the mean of :func:`served` over a run; cases weigh what they weigh."""
    price = run.manifest.prices[alias]
    amounts = []
    for graded in run.results:
        found = served(graded.outcome, price, alias)
        if isinstance(found, Unmeasured):
            return found
        amounts.append(found * graded.weight)
    weight = math.fsum(graded.weight for graded in run.results)
    return math.fsum(amounts) / weight if weight else Unmeasured("no case was served")
