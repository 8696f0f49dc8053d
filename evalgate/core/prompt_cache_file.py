"""A provider's prompt cache as a person writes it, for one deployment."""

from typing import Annotated, Literal

from pydantic import Field

from evalgate.core.written import Written

CacheState = Literal["cold", "warm"]
"""How the suite's first prompts find the cache: empty, or holding what several of its prompts share."""


class PromptCacheFile(Written):
    """How a provider keeps the beginnings of prompts: whole blocks of ``block_tokens``, for ``ttl_s``.

    A prompt whose cacheable part is shorter than ``min_tokens`` is neither read from the cache nor written
    to it. ``ttl_s`` counts from the last use; None keeps a block for ever. With ``capacity_tokens`` the
    block goes that was used least recently. ``up_to`` says what of a prompt may be kept: all of it, or tools
    and leading system messages.
    """

    block_tokens: Annotated[int, Field(ge=1)] = 128
    min_tokens: Annotated[int, Field(ge=0)] = 1024
    ttl_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = 300.0
    capacity_tokens: Annotated[int, Field(gt=0)] | None = None
    up_to: Literal["prompt", "system"] = "prompt"
