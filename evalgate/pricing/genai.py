"""The genai-prices table: the only module that imports it, and it does so at a cost of most of a second.

Only the table bundled with the installed release is read. The library's updater is never started, and a
snapshot that other code may have installed is not used, so the same release and instant give the same price.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from genai_prices.data import providers
from genai_prices.data_snapshot import find_provider_by_id
from genai_prices.types import ModelInfo, ModelPrice, Provider, Tier, TieredPrices, TimeOfDateConstraint

from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Price, PriceTier

_COUNTED = frozenset({"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "requests_kcount"})
# Charged for what a text conversation does not hold, or for what no usage reports; see docs/prices.md.
_NOT_COUNTED = frozenset(
    {
        "cache_write_1h_mtok",
        "web_searches_kcount",
        "storage_searches_kcount",
        "input_audio_mtok",
        "input_image_mtok",
        "input_video_mtok",
        "cache_audio_read_mtok",
        "cache_image_read_mtok",
        "output_audio_mtok",
        "output_image_mtok",
        "output_video_mtok",
    }
)
_Rates = Mapping[str, Decimal | TieredPrices]


def table_price(deployment: Deployment, instant: datetime, *, dated_only: bool) -> Price | str:
    """Return the table's price at ``instant``, or in words why there is none that can be used.

    The provider must be named exactly as the table names it: looser matching could charge a server of
    your own by the list price of the vendor whose name it resembles.
    """
    provider = next((each for each in providers if each.id == deployment.provider.lower()), None)
    if provider is None:
        return _unknown_provider(deployment.provider)
    model = provider.find_model(deployment.model, all_providers=providers)
    if model is None:
        return f"genai-prices does not list this model of {provider.id}"
    if dated_only and _varies_by_hour(model, instant):
        return "its listed price depends on the time of day, so price_at must be a timestamp with a time"
    return _price(model.get_prices(instant), embeds=deployment.kind == "embed")


def _unknown_provider(name: str) -> str:
    alike: Provider | None = find_provider_by_id(providers, name)
    hint = f" (did you mean {alike.id!r}?)" if alike else ""
    return f"genai-prices does not list this provider{hint}"


def _varies_by_hour(model: ModelInfo, instant: datetime) -> bool:
    if isinstance(model.prices, ModelPrice):
        return False
    for conditional in reversed(model.prices):
        if isinstance(conditional.constraint, TimeOfDateConstraint):
            return True
        if conditional.constraint is None or conditional.constraint.active(instant):
            return False
    return False


def _price(listed: ModelPrice, *, embeds: bool) -> Price | str:
    rates: _Rates = {
        key: value
        for key, value in vars(listed).items()
        if isinstance(value, Decimal | TieredPrices) and key not in _NOT_COUNTED
    }
    odd = sorted(rates.keys() - _COUNTED)
    if odd:
        return f"genai-prices lists it with {', '.join(odd)}, which evalgate cannot count"
    missing = [key for key in ("input_mtok", *(() if embeds else ("output_mtok",))) if key not in rates]
    if missing:
        return f"genai-prices lists it without {' and '.join(missing)}"
    per_request = rates.get("requests_kcount", Decimal(0))
    if isinstance(per_request, TieredPrices):
        return "genai-prices lists it with tiered request prices, which evalgate cannot count"
    bounds = sorted({tier.start for each in rates.values() for tier in _tiers(each)})
    return Price(
        per_request=float(per_request / 1000),
        tiers=[
            PriceTier(
                above_input_tokens=bound,
                input_per_1m=_rate(rates, "input_mtok", bound) or 0.0,
                output_per_1m=_rate(rates, "output_mtok", bound) or 0.0,
                cached_input_per_1m=_rate(rates, "cache_read_mtok", bound),
                cache_write_per_1m=_rate(rates, "cache_write_mtok", bound),
            )
            for bound in bounds
        ],
        input_per_1m=_rate(rates, "input_mtok") or 0.0,
        output_per_1m=_rate(rates, "output_mtok") or 0.0,
        cached_input_per_1m=_rate(rates, "cache_read_mtok"),
        cache_write_per_1m=_rate(rates, "cache_write_mtok"),
    )


def _tiers(value: Decimal | TieredPrices) -> Sequence[Tier]:
    return value.tiers if isinstance(value, TieredPrices) else ()


def _rate(rates: _Rates, key: str, bound: int | None = None) -> float | None:
    """Return USD per million tokens of a request just above ``bound`` input tokens (None: the base price)."""
    value = rates.get(key)
    if value is None:
        return None
    if isinstance(value, Decimal):
        return float(value)
    reached = [tier.price for tier in value.tiers if bound is not None and tier.start <= bound]
    return float(reached[-1] if reached else value.base)
