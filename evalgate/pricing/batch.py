"""What a policy pays for answers of a batch API: its price factor times all that a call costs."""

from collections.abc import Mapping

from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Price, PriceTier


def served_prices(deployments: Mapping[str, Deployment], prices: Mapping[str, Price]) -> Mapping[str, Price]:
    """Return ``prices`` as the policy pays them; those of the calls that evalgate itself makes stay as given.

    A batch API's factor is on everything: tokens of every kind, every tier, and the price of a request.
    """
    return {
        alias: price
        if (each := deployments.get(alias)) is None or each.batch is None
        else discounted(price, each.batch.price_factor)
        for alias, price in prices.items()
    }


def discounted(price: Price, factor: float) -> Price:
    """Return a price all of whose parts are ``factor`` times as high."""
    if factor == 1:
        return price
    tiers = [tier.model_copy(update=_scaled(tier, factor)) for tier in price.tiers]
    return price.model_copy(
        update={**_scaled(price, factor), "per_request": price.per_request * factor, "tiers": tiers}
    )


def _scaled(price: Price | PriceTier, factor: float) -> dict[str, float]:
    names = ("input_per_1m", "output_per_1m", "cached_input_per_1m", "cache_write_per_1m")
    rates = {name: getattr(price, name) for name in names}
    return {name: rate * factor for name, rate in rates.items() if rate is not None}
