"""Which provider of evalgate.yaml reaches what a LiteLLM deployment asks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from evalgate.core.providers_file import LitellmProvider, OpenAIProvider, ProviderFile
from evalgate.load.litellm_config.config import ENVIRONMENT

# Vendors whose models litellm knows without a prefix.
_BARE = (
    (re.compile(r"(ft:)?(gpt-|o[1-9](-|$)|text-embedding-)"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
)
# Vendors that speak OpenAI's protocol, with the address that litellm asks without an api_base.
_OPENAI_LIKE: Mapping[str, str | None] = {
    "openai": "https://api.openai.com/v1",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "deepseek": "https://api.deepseek.com/beta",
    "xai": "https://api.x.ai/v1",
    "together_ai": "https://api.together.ai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    **dict.fromkeys(
        (
            "custom_openai",
            "hosted_vllm",
            "litellm_proxy",
            "lm_studio",
            "llamafile",
            "openai_like",
            "xinference",
        )
    ),
}


@dataclass(frozen=True, slots=True)
class Reached:
    """Who a deployment asks: the vendor by litellm's prefix, the model there, its address and its key's name.

    ``vendor`` is None where the model's name does not say it. ``address`` is None where the vendor's own is
    meant. ``hidden`` is the environment variable that holds the address, where the config only names one.
    """

    vendor: str | None
    model: str
    address: str | None = None
    hidden: str | None = None
    key_env: str | None = None


def reached(params: Mapping[str, object]) -> Reached:
    """Return who the deployment with these ``litellm_params`` asks."""
    vendor, model = _vendor_and_model(params)
    address = _text(params, "api_base") or _text(params, "base_url")
    hidden = _variable(address)
    home = _OPENAI_LIKE.get(vendor) if vendor is not None and address is None else None
    known = home if address is None else address
    return Reached(vendor, model, None if hidden else known, hidden, _variable(_text(params, "api_key")))


def fitting(who: Reached, providers: Mapping[str, ProviderFile]) -> list[str]:
    """Return the providers that ask the same; of several, those with the same key where there are such."""
    fit = [name for name, each in providers.items() if _fits(who, each)]
    keyed = [name for name in fit if who.key_env is not None and _key_env(providers[name]) == who.key_env]
    return keyed or fit


def model_at(who: Reached, provider: ProviderFile) -> str:
    """Return the model's name as the provider wants it: with litellm's prefix only where it has no vendor."""
    bare = isinstance(provider, LitellmProvider) and provider.vendor is None and who.vendor is not None
    return f"{who.vendor}/{who.model}" if bare else who.model


def declaration(who: Reached) -> str:
    """Return the line of evalgate.yaml that declares a provider for it."""
    key = f", key_env: {who.key_env}" if who.key_env is not None else ""
    address = who.address or (f"<what {who.hidden} holds>" if who.hidden else None)
    if who.vendor in _OPENAI_LIKE and address is not None:
        return f'providers: {{{who.vendor}: {{kind: openai, origin: "{address}"{key}}}}}'
    origin = f', origin: "{address}"' if address is not None else ""
    return f"providers: {{{who.vendor}: {{kind: litellm, vendor: {who.vendor}{origin}{key}}}}}"


def _vendor_and_model(params: Mapping[str, object]) -> tuple[str | None, str]:
    model, stated = str(params["model"]), _text(params, "custom_llm_provider")
    if stated is not None:
        return stated, model.removeprefix(f"{stated}/")
    first, slash, rest = model.partition("/")
    if slash:
        return first, rest
    return next((vendor for shape, vendor in _BARE if shape.match(model)), None), model


def _fits(who: Reached, provider: ProviderFile) -> bool:
    match provider:
        case OpenAIProvider(path=path) if who.vendor == "azure":
            return path is not None and "{model}" in path and _same_place(who, provider.origin)
        case OpenAIProvider():
            return who.vendor in _OPENAI_LIKE and _same_place(who, provider.origin)
        case LitellmProvider(vendor=vendor):
            theirs = provider.origin or _OPENAI_LIKE.get(who.vendor or "")
            return who.vendor is not None and vendor in (None, who.vendor) and _same_place(who, theirs)
        case _:
            return False


def _same_place(who: Reached, origin: str | None) -> bool:
    """Tell whether an origin is the address; one that only the environment knows may be any."""
    if who.hidden is not None:
        return True
    return (who.address and _plain(who.address)) == (origin and _plain(origin))


def _plain(address: str) -> str:
    parts = urlsplit(address.strip())
    path = parts.path.rstrip("/")
    for ending in ("/chat/completions", "/v1", "/beta"):
        path = path.removesuffix(ending)
    return f"{parts.scheme}://{parts.netloc.lower()}{path.rstrip('/')}"


def _key_env(provider: ProviderFile) -> str | None:
    return getattr(provider, "key_env", None)


def _text(params: Mapping[str, object], name: str) -> str | None:
    value = params.get(name)
    return value if isinstance(value, str) and value else None


def _variable(text: str | None) -> str | None:
    return text.removeprefix(ENVIRONMENT) if text is not None and text.startswith(ENVIRONMENT) else None
