"""How many tokens an attempt counts against a limit: guessed before it is sent, known afterwards."""

import math

from evalgate.core.calls import Attempt, Request

# Where max_tokens is not said: an answer longer than most. The provider's own count corrects it.
_USUAL_OUTPUT_TOKENS = 1024


def most_tokens(request: Request) -> int:
    """Return at most how many tokens an attempt may count: its input, at three bytes each, and its output."""
    sent = sum(len((message.content or "").encode(errors="replace")) for message in request.messages)
    asked = (request.params.get(name) for name in ("max_completion_tokens", "max_tokens"))
    most = next((value for value in asked if isinstance(value, int)), _USUAL_OUTPUT_TOKENS)
    return math.ceil(sent / 3) + most


def tokens_used(attempt: Attempt) -> int | None:
    """Return how many tokens the provider counted; None where it did not say."""
    usage = attempt.usage
    if usage is None or usage.input_tokens is None:
        return None
    return usage.input_tokens + (usage.output_tokens or 0)
