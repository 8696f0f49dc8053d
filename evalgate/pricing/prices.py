"""Deployments -> unit prices: ``prices.yaml`` over genai-prices over the deployment's own price."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from evalgate.core.errors import BadInput, Problem
from evalgate.core.hosting import hosted_price
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Price

_PRICE_AT_CURE = 'write price_at: "2026-11-01" (or a timestamp) in evalgate.yaml'


def resolve_prices(
    deployments: Iterable[Deployment], prices: Mapping[str, Price], price_at: str | None
) -> Mapping[str, Price]:
    """Return the price of every deployment by alias.

    ``prices`` (``prices.yaml``) rules, by ``provider/model`` and then by ``model``. What it does not name
    is looked up in the genai-prices table of the installed release, as of ``price_at``; what that does not
    know either is charged by the deployment's own price. A function or an app is never looked up: its
    name says nothing about what answers. Nothing here reads the clock or the network.

    Raises:
        BadInput: lists every deployment without a price, and a ``price_at`` that is no instant.

    """
    instant = _instant(price_at)
    found: dict[str, Price] = {}
    problems: list[Problem] = []
    for deployment in deployments:
        price = _price_of(deployment, prices, price_at, instant)
        if isinstance(price, Problem):
            problems.append(price)
        else:
            found[deployment.alias] = price if price.hosting is None else hosted_price(price.hosting)
    if problems:
        raise BadInput(problems)
    return found


def _price_of(
    deployment: Deployment, prices: Mapping[str, Price], price_at: str | None, instant: datetime | None
) -> Price | Problem:
    declared = prices.get(f"{deployment.provider}/{deployment.model}") or prices.get(deployment.model)
    if declared is not None:
        return declared
    own = deployment.price
    if deployment.kind in {"function", "http"}:
        what = "a function" if deployment.kind == "function" else "an app"
        return own or _without_price(deployment, f"{what} has the price you declare and no other")
    if instant is None or price_at is None:
        return own or _without_price(
            deployment, "genai-prices was not asked, as evalgate.yaml has no price_at", _PRICE_AT_CURE
        )
    # The table takes most of a second to import, so only a deployment that needs it brings it in.
    from evalgate.pricing.genai import table_price  # noqa: PLC0415

    listed = table_price(deployment, instant, dated_only=len(price_at) <= len("2026-11-01"))
    if isinstance(listed, Price):
        return listed
    return own or _without_price(deployment, listed)


def _instant(price_at: str | None) -> datetime | None:
    if price_at is None:
        return None
    try:
        instant = datetime.fromisoformat(price_at)
    except ValueError:
        raise BadInput(
            [
                Problem(
                    f"{price_at!r} is not an ISO date or timestamp",
                    cure=_PRICE_AT_CURE,
                    file="evalgate.yaml",
                    key="price_at",
                )
            ]
        ) from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _without_price(deployment: Deployment, why: str, first_cure: str | None = None) -> Problem:
    cures = [
        f'add "{deployment.provider}/{deployment.model}" to prices.yaml',
        "give the deployment a price (`price: {}` says that it is free)",
        first_cure or "name provider and model as genai-prices does",
    ]
    return Problem(
        f"no price for model {deployment.model!r} of provider {deployment.provider!r}: {why}",
        cure="; or ".join(cures),
        key=f"deployments.{deployment.alias}",
    )
