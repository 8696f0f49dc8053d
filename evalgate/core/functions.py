"""What an in-process model is given and may give back: the types that users' own functions import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalgate.core.calls import TokenLogprob, Usage
from evalgate.core.messages import Message, ToolCall


@dataclass(frozen=True, slots=True)
class FunctionRequest:
    """One question to a model function. ``input`` is the text of the last user message, or empty.

    ``params`` is the function's own copy: changing it changes nothing elsewhere. ``sample`` counts the draws
    of a vote, from 0.
    """

    model: str
    messages: tuple[Message, ...]
    params: Mapping[str, object]
    input: str
    sample: int = 0


@dataclass(frozen=True, slots=True)
class FunctionReply:
    """What a model function answers when there is more to say than the text.

    An embedder answers with ``vector`` and nothing else that is said. ``usage`` and ``cost_usd`` stay None
    where the function does not know them: zero means free. ``logprobs`` are of the tokens of ``text``.
    """

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    cost_usd: float | None = None
    finish_reason: str | None = None
    vector: Sequence[float] | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
