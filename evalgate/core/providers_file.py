"""The providers of ``evalgate.yaml``: where models are reached, trusted, as a person writes it."""

import ipaddress
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, field_validator

from evalgate.core.calls import RequestKind
from evalgate.core.written import Written

Origin = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
JsonPointer = Annotated[str, Field(pattern=r"^(/[^/]*)+$")]


class GatewayFile(Written):
    """The response headers in which a gateway says what it did; the defaults are a LiteLLM proxy's.

    ``cache_key`` is a header that stands on cache hits alone, ``cache_status`` one that says hit or miss.
    """

    cost_usd: HeaderName | None = "x-litellm-response-cost"
    model_id: HeaderName | None = "x-litellm-model-id"
    cache_key: HeaderName | None = "x-litellm-cache-key"
    cache_status: HeaderName | None = None
    retries: HeaderName | None = "x-litellm-attempted-retries"
    fallbacks: HeaderName | None = "x-litellm-attempted-fallbacks"


class Reached(Written):
    """What every provider at an origin has: its address, its key, and how that travels.

    The key goes as ``Authorization: Bearer``, or bare in ``key_header``. ``key_over_http`` is the declared
    exception for a server inside a network whose owner trusts it with a key that is not encrypted.
    """

    origin: Origin
    key_env: str | None = None
    key_header: HeaderName | None = None
    key_over_http: bool = False


class OpenAIProvider(Reached):
    """Any server with OpenAI-compatible chat completions at a trusted origin.

    ``path`` stands for ``/v1/chat/completions``, with ``{model}`` for the deployment's model (Azure), and
    ``query`` is sent behind it. With ``gateway`` the response headers of a gateway are read.
    """

    kind: Literal["openai"]
    path: Annotated[str, Field(pattern=r"^/[^\s?#]*$")] | None = None
    query: dict[str, str] = {}
    gateway: GatewayFile | None = None


class LitellmProvider(Written):
    """Every other vendor, through litellm.

    ``vendor`` is litellm's prefix (``anthropic``), so that models and prices keep their own names. ``origin``
    goes over the vendor's own address. ``settings`` are litellm's, as in ``aws_region_name``.
    """

    kind: Literal["litellm"]
    vendor: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")] | None = None
    key_env: str | None = None
    origin: Origin | None = None
    key_over_http: bool = False
    settings: dict[str, str | int | bool] = {}


class FunctionProvider(Written):
    """An in-process model by import path, so that a team's own code can be a deployment."""

    kind: Literal["function"]
    path: str


class HttpUsage(Written):
    """Where the reply of an app counts its tokens, as JSON pointers."""

    input_tokens: JsonPointer | None = None
    cached_input_tokens: JsonPointer | None = None
    cache_write_tokens: JsonPointer | None = None
    output_tokens: JsonPointer | None = None
    reasoning_tokens: JsonPointer | None = None


class HttpProvider(Reached):
    """Any service that answers a question posted to it as JSON, in whatever form.

    ``body`` is what is posted, with ``{{input}}``, ``{{messages}}``, ``{{model}}``, ``{{params}}`` and
    ``{{params.name}}`` filled in; ``answer`` and the rest say where in the reply things stand (RFC 6901).
    Without ``answer`` the whole reply is the answer, as text.
    """

    kind: Literal["http"]
    path: Annotated[str, Field(pattern=r"^(/[^\s?#]*)?$")] = ""
    body: dict[str, Any] = {"input": "{{input}}"}
    answer: JsonPointer | None = None
    usage: HttpUsage = HttpUsage()
    cost_usd: JsonPointer | None = None
    build_header: HeaderName | None = None

    @field_validator("body")
    @classmethod
    def _known_slots(cls, body: dict[str, Any]) -> dict[str, Any]:
        unknown = [name for name in slots_in(body) if not _SLOT_NAME.fullmatch(name)]
        if unknown:
            raise ValueError(
                f"{{{{{unknown[0]}}}}} cannot be filled in; known are {{{{input}}}}, {{{{messages}}}}, "
                "{{model}}, {{params}} and {{params.<name>}}"
            )
        return body


ProviderFile = Annotated[
    OpenAIProvider | LitellmProvider | HttpProvider | FunctionProvider, Discriminator("kind")
]

# What in a policy's params would make litellm go elsewhere, carry another key, try again or keep something.
_STEERING = re.compile(
    r"api_.*|.*_(base|base_url|key|token|credentials|endpoint)|base_url|(extra_)?(headers|query)|"
    r"(ssl|proxy|aws|vertex|azure|mock|custom|litellm|model_list|retry|cache).*|.*(callback|fallback|retries).*|"
    r"caching|timeout|stream_timeout|organization|client|shared_session|deployment_id|no-log|model|messages"
)

SLOT = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_SLOT_NAME = re.compile(r"input|messages|model|params(\.[\w-]+)?")


def slots_in(value: object) -> list[str]:
    """Return the names of every ``{{slot}}`` in the texts of a JSON value."""
    match value:
        case str():
            return SLOT.findall(value)
        case dict():
            return [name for each in value.values() for name in slots_in(each)]
        case list():
            return [name for each in value for name in slots_in(each)]
        case _:
            return []


def request_kind(provider: ProviderFile | None) -> RequestKind:
    """Return the kind of call that a deployment of this provider answers, beside embeddings."""
    match provider:
        case FunctionProvider():
            return "function"
        case HttpProvider():
            return "http"
        case OpenAIProvider() | LitellmProvider() | None:
            return "chat"


def is_local(provider: ProviderFile | None) -> bool:
    """Tell whether what a provider is asked never leaves this machine."""
    match provider:
        case FunctionProvider():
            return True
        case OpenAIProvider() | HttpProvider() | LitellmProvider():
            return provider.origin is not None and is_loopback(urlsplit(provider.origin).hostname or "")
        case None:
            return False


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def steers_litellm(param: str) -> bool:
    """Tell whether a param would steer litellm itself instead of reaching the model."""
    return _STEERING.fullmatch(param.lower()) is not None
