"""When the tokens of an answer come to the user, through everything a policy does before and after it."""

from dataclasses import replace
from typing import Protocol

from evalgate.core.calls import Attempt
from evalgate.core.outcome import Failure, TokenTimes
from evalgate.core.policy import Policy
from evalgate.core.response_file import ResponseFile
from evalgate.serving.generated import Generated

_ANEW = "`evalgate record --refresh 100%` records it anew"


class Times(Protocol):
    """What tells the times of an answer's tokens."""

    def __call__(self, latency_s: float, made: Generated, *, held: bool) -> TokenTimes:
        """Return them for an answer that took ``latency_s``; one that is ``held`` is shown only whole."""
        ...


def compile_tokens(policy: Policy) -> Times | None:
    """Return what tells the times of tokens; None where no answering deployment says whether it streams.

    ``stream`` in the params of a deployment says it. With ``false`` the first token comes with the last.
    """
    said = {alias: each.params.get("stream") for alias, each in policy.answering.items()}
    if not any(isinstance(streams, bool) for streams in said.values()):
        return None
    held_by_rules = needs_the_whole(policy.response)

    def times(latency_s: float, made: Generated, *, held: bool) -> TokenTimes:
        streams = said.get(made.deployment)
        if isinstance(made.result, Failure) or streams is False:
            return at_once(latency_s)
        if streams is not True:
            return TokenTimes(None, None, f"deployment {made.deployment!r} does not say whether it streams")
        if held or held_by_rules:
            return at_once(latency_s)
        served = next(step for step in reversed(made.steps) if step.answers)
        return _streamed(latency_s, served.attempts[-1])

    return times


def at_once(latency_s: float) -> TokenTimes:
    """Return the times of an answer that is shown whole: its first token comes with its last."""
    return TokenTimes(latency_s)


def later(tokens: TokenTimes | None, by_s: float) -> TokenTimes | None:
    """Return the times of an answer that was asked for only after ``by_s``."""
    if tokens is None or tokens.ttft_s is None:
        return tokens
    return replace(tokens, ttft_s=by_s + tokens.ttft_s)


def needs_the_whole(response: ResponseFile) -> bool:
    """Whether response rules must see the end of an answer before the user may see its beginning."""
    return any(rule != "strip" for rule in response.normalize)


def _streamed(latency_s: float, last: Attempt) -> TokenTimes:
    if last.ttft_s is None:
        return TokenTimes(None, None, f"its answer was not recorded as a stream; {_ANEW}")
    ttft_s = latency_s - last.latency_s + last.ttft_s
    counted = None if last.usage is None else last.usage.output_tokens
    if counted is None:
        return TokenTimes(ttft_s, None, "the provider did not count the tokens of its answer")
    return TokenTimes(ttft_s, tpot_of(last, counted))


def tpot_of(attempt: Attempt, output_tokens: int) -> float | None:
    """Return seconds per output token after the first: ``(latency - ttft) / (n - 1)``, as benchmarks do."""
    if attempt.ttft_s is None or output_tokens < 2:
        return None
    return max(0.0, attempt.latency_s - attempt.ttft_s) / (output_tokens - 1)
