"""What a gateway says about a call in its response headers."""

import math
from collections.abc import Mapping

from evalgate.core.calls import Gateway, Usage
from evalgate.core.providers_file import GatewayFile

# Portkey, vLLM's router and caching proxies each have their words; whatever else stands there is a hit.
_MISSES = (
    "",
    "0",
    "false",
    "no",
    "none",
    "miss",
    "semantic miss",
    "disabled",
    "bypass",
    "refresh",
    "expired",
)


def gateway_of(names: GatewayFile, headers: Mapping[str, str]) -> Gateway:
    """Return what the headers called ``names`` say; what they do not say is None."""
    return Gateway(
        model_id=_said(headers, names.model_id),
        cache_hit=_cache_hit(names, headers),
        retries=_count(_said(headers, names.retries)),
        fallbacks=_count(_said(headers, names.fallbacks)),
    )


def cost_said(
    names: GatewayFile, headers: Mapping[str, str], gateway: Gateway, usage: Usage | None
) -> float | None:
    """Return what the gateway says the call cost, in USD.

    A cost of 0 for an answer without token counts, and not from its cache, is what a gateway makes of an
    upstream that counted nothing: it says that the cost is not known.
    """
    written = _said(headers, names.cost_usd)
    try:
        usd = float(written) if written is not None else math.nan
    except ValueError:
        return None
    if not 0 <= usd < math.inf or (usd == 0 and usage is None and not gateway.cache_hit):
        return None
    return usd


def _cache_hit(names: GatewayFile, headers: Mapping[str, str]) -> bool | None:
    if (status := _said(headers, names.cache_status)) is not None:
        return status.casefold() not in _MISSES
    if _said(headers, names.cache_key) is not None:
        return True
    # The key stands on hits alone, so its absence says something only where the gateway is known to talk.
    talks = _said(headers, names.model_id) is not None or _said(headers, names.cost_usd) is not None
    return False if names.cache_key is not None and talks else None


def _said(headers: Mapping[str, str], name: str | None) -> str | None:
    written = headers.get(name, "").strip() if name is not None else ""
    return written if written and written != "None" else None


def _count(written: str | None) -> int | None:
    return int(written) if written is not None and written.isascii() and written.isdigit() else None
