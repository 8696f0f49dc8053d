"""The body of an OpenAI-compatible chat completion -> what the model said, and what it counted.

Nothing is made up: a number the server did not send is None, and a body without an answer is unreadable.
"""

import json
import math
from collections.abc import Mapping
from typing import NoReturn

from evalgate.core.calls import Response, TokenLogprob, Usage
from evalgate.core.digest import canonical_json, valid_text
from evalgate.core.messages import ToolCall


class UnreadableReply(ValueError):
    """A reply that cannot be read as an answer."""


class FilteredReply(ValueError):
    """The provider withheld the answer."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_json(raw: bytes) -> object:
    """Return the JSON value in ``raw``.

    Raises:
        UnreadableReply: it is not JSON in UTF-8, or holds NaN, which no recording can keep.

    """
    try:
        return _DECODER.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        # JSONDecodeError is a ValueError and quotes only the place; UnicodeDecodeError only the byte.
        raise UnreadableReply(f"the body is not JSON ({error})") from None


def response_of(body: object) -> Response:
    """Return the first choice of a completion.

    Raises:
        UnreadableReply: there is no choice, or no message in it.
        FilteredReply: the provider withheld the answer.

    """
    choices = body.get("choices") if isinstance(body, Mapping) else None
    if not isinstance(choices, list) or not choices:
        raise UnreadableReply("the reply has no choices")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        raise UnreadableReply("the first choice has no message")
    finish_reason = _text(choice.get("finish_reason"))
    tool_calls = _tool_calls(message)
    text = _content(message)
    if not text and not tool_calls:
        if finish_reason == "content_filter":
            raise FilteredReply("the provider withheld the answer (finish_reason content_filter)")
        if text is None and finish_reason is None:
            raise UnreadableReply("the message has neither content nor tool calls")
        # A model that spent max_tokens on thinking says nothing, and that nothing is its answer.
        text = ""
    return Response(text, tool_calls, finish_reason, _logprobs(choice.get("logprobs")))


def usage_of(body: object) -> Usage | None:
    """Return the tokens a reply counts; None when it does not say.

    Zero tokens in and out is how servers without a counter fill the field in, so it counts as not said.
    """
    usage = _mapping(body, "usage")
    prompt, completion = (
        _mapping(usage, "prompt_tokens_details"),
        _mapping(usage, "completion_tokens_details"),
    )
    counted = Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        cached_input_tokens=_first(prompt.get("cached_tokens"), usage.get("prompt_cache_hit_tokens")),
        cache_write_tokens=_first(prompt.get("cache_write_tokens"), usage.get("cache_creation_input_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        reasoning_tokens=_count(completion.get("reasoning_tokens")),
    )
    return counted if counted.input_tokens or counted.output_tokens else None


def reported_cost_usd(body: object) -> float | None:
    """Return what the provider says the call cost (``usage.cost``), in USD."""
    cost: object = _mapping(body, "usage").get("cost")
    if isinstance(cost, Mapping):
        cost = cost.get("total_cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not math.isfinite(cost) or cost < 0:
        return None
    return float(cost)


def text_field(body: object, key: str) -> str | None:
    """Return a top-level text of the reply, such as ``model`` or ``system_fingerprint``."""
    return _text(body.get(key)) if isinstance(body, Mapping) else None


def _content(message: Mapping[str, object]) -> str | None:
    content = message.get("content")
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
        content = "".join(str(part.get("text", "")) for part in parts)
    if content is None:
        # OpenAI puts the words of a model that declines into a field of their own; the user reads them.
        content = message.get("refusal")
    if content is not None and not isinstance(content, str):
        raise UnreadableReply(f"the message's content is a {type(content).__name__}")
    return None if content is None else valid_text(content)


def _tool_calls(message: Mapping[str, object]) -> tuple[ToolCall, ...]:
    listed = message.get("tool_calls") or []
    if not isinstance(listed, list):
        raise UnreadableReply("tool_calls is not a list")
    return tuple(_tool_call(item) for item in listed)


def _tool_call(item: object) -> ToolCall:
    function = _mapping(item, "function")
    name, arguments = function.get("name"), function.get("arguments", "")
    if not isinstance(name, str) or not name:
        raise UnreadableReply("a tool call has no function name")
    written = arguments if isinstance(arguments, str) else canonical_json(arguments)
    return ToolCall(name, valid_text(written), text_field(item, "id"))


def _logprobs(found: object) -> tuple[TokenLogprob, ...] | None:
    content = found.get("content") if isinstance(found, Mapping) else None
    if not isinstance(content, list):
        return None
    tokens = [each for each in content if isinstance(each, Mapping)]
    read = tuple(
        TokenLogprob(valid_text(token), float(logprob))
        for each in tokens
        if isinstance(token := each.get("token"), str)
        and isinstance(logprob := each.get("logprob"), int | float)
        and math.isfinite(logprob)
    )
    # A confidence over some of the tokens would be a confidence about another answer.
    return read if len(read) == len(content) else None


def _mapping(value: object, key: str) -> Mapping[str, object]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _first(*values: object) -> int | None:
    return next((count for value in values if (count := _count(value)) is not None), None)


def _text(value: object) -> str | None:
    return valid_text(value) if isinstance(value, str) and value else None
