"""A prompt as a chain of blocks, where no tokenizer tells its tokens: characters stand for them.

The tokens that providers counted give the characters of a token, one number for all prompts of a deployment,
so that equal beginnings always fall into equal blocks.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from evalgate.core.calls import Request
from evalgate.core.digest import canonical_json
from evalgate.core.messages import Message
from evalgate.core.prompt_cache_file import PromptCacheFile
from evalgate.pricing.prompt_cache import SentPrompt

# What providers put before the messages of a prompt.
_HEAD_PARAMS = ("tools", "functions", "response_format")
_SYSTEM_ROLES = frozenset({"system", "developer"})
_BYTES = 12


@dataclass(frozen=True, slots=True)
class PromptText:
    """A prompt as one text; its first ``system_characters`` are tools and leading system messages."""

    text: str
    system_characters: int


def prompt_text(request: Request) -> PromptText:
    """Return what a provider reads of a request, in its order: tools, then the messages."""
    params: Mapping[str, object] = request.params
    head = canonical_json({name: params[name] for name in _HEAD_PARAMS if name in params})
    parts = [head if len(head) > len("{}") else ""]
    leading = True
    system = len(parts[0])
    for message in request.messages:
        part = _message_text(message)
        parts.append(part)
        leading = leading and message.role in _SYSTEM_ROLES
        system += len(part) if leading else 0
    return PromptText("".join(parts), system)


def tokens_per_character(counted: Iterable[tuple[PromptText, int]]) -> float:
    """Return tokens a character over prompts whose tokens a provider counted; 0 where there is no text."""
    characters = tokens = 0
    for prompt, count in counted:
        characters += len(prompt.text)
        tokens += count
    return tokens / characters if characters else 0.0


def sent_prompt(
    prompt: PromptText, tokens: int, per_character: float, spec: PromptCacheFile, at_s: float
) -> SentPrompt:
    """Return a prompt of ``tokens`` as its cache meets it at ``at_s``."""
    cacheable = tokens
    if spec.up_to == "system":
        cacheable = min(tokens, int(prompt.system_characters * per_character))
    if not per_character or cacheable < spec.min_tokens:
        return SentPrompt(prompt.text, at_s, tokens, cacheable, ())
    width = spec.block_tokens / per_character
    whole = min(cacheable // spec.block_tokens, int(len(prompt.text) / width))
    return SentPrompt(prompt.text, at_s, tokens, cacheable, _chain(prompt.text, width, whole))


def _chain(text: str, width: float, count: int) -> tuple[bytes, ...]:
    """Name each of the first ``count`` blocks of ``width`` characters by all of the text up to its end."""
    so_far = hashlib.sha256()
    names: list[bytes] = []
    start = 0
    for index in range(1, count + 1):
        end = ceil(index * width)
        so_far.update(text[start:end].encode("utf-8", "surrogatepass"))
        names.append(so_far.digest()[:_BYTES])
        start = end
    return tuple(names)


def _message_text(message: Message) -> str:
    calls = "".join(f"{call.name}\n{call.arguments}\n" for call in message.tool_calls)
    return f"{message.role}\n{message.content or ''}\n{calls}"
