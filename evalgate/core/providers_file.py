"""The providers of ``evalgate.yaml``: where models are reached, trusted, as a person writes it."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field

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


class FunctionProvider(Written):
    """An in-process model by import path, so that a team's own code can be a deployment."""

    kind: Literal["function"]
    path: str


ProviderFile = Annotated[OpenAIProvider | FunctionProvider, Discriminator("kind")]
