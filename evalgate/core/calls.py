"""A call to a model: what is asked, every try on the wire, what came back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from evalgate.core.messages import Message, ToolCall
from evalgate.core.policy_file import Reliability

RequestKind = Literal["chat", "embed", "function", "http"]
Billing = Literal["billed", "free", "possible"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; None means the provider did not say.

    ``input_tokens`` includes cached and cache-written tokens, ``output_tokens`` includes reasoning tokens.
    """

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a gateway said about how it got the answer; None where it did not say.

    ``model_id`` is the deployment behind it that answered, ``retries`` and ``fallbacks`` are its own.
    """

    model_id: str | None = None
    cache_hit: bool | None = None
    retries: int | None = None
    fallbacks: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try on the wire. ``error`` is None exactly when the attempt produced the response.

    ``latency_s`` is the attempt alone; ``wait_s`` is the backoff before it, which is never recorded but
    recomputed from the policy's rules. ``error`` is one of the kinds in :mod:`evalgate.core.retry`.

    ``queued_s`` is how long our own limits held the attempt back before it was sent, and ``lag_s`` the most
    that our own busy event loop can have added to ``latency_s``; neither is something the user waits for.
    ``turnaround_s`` is set where a batch API answered: how long that took, which ``latency_s`` repeats and no
    user waited. ``body_digest`` tells equal bodies of failed attempts apart from different ones, and nothing
    else. ``fault_at_s`` is set where a fault of the suite's traffic stands in for what was recorded: when on
    the cases' clock the attempt met it.
    """

    latency_s: float
    error: str | None = None
    status: int | None = None
    at: str | None = None
    ttft_s: float | None = None
    retry_after_s: float | None = None
    usage: Usage | None = None
    model_served: str | None = None
    fingerprint: str | None = None
    reported_cost_usd: float | None = None
    billing: Billing | None = None
    wait_s: float = 0.0
    queued_s: float | None = None
    lag_s: float | None = None
    body_digest: str | None = None
    gateway: Gateway | None = None
    turnaround_s: float | None = None
    fault_at_s: float | None = None

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens a second after the first one, of a streamed answer whose tokens were counted."""
        counted = None if self.usage is None else self.usage.output_tokens
        if self.ttft_s is None or counted is None or counted < 2 or self.latency_s <= self.ttft_s:
            return None
        return (counted - 1) / (self.latency_s - self.ttft_s)


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """The natural-log probability of one generated token."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Response:
    """What the model said, untouched by response rules.

    ``vector`` is the answer to a call of kind ``embed``, packed by :mod:`evalgate.core.vectors`.
    """

    text: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    vector: bytes | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one deployment; ``digest`` names it in the recordings.

    ``batch`` tells that nobody waits for the answer, so that one of a batch API will do; it is no part of the
    digest. A request of kind ``embed`` carries the text to embed as its one message, by the user.
    """

    kind: RequestKind
    provider: str
    model: str
    revision: str | None
    quantization: str | None
    messages: tuple[Message, ...]
    params: Mapping[str, object] = field(hash=False)
    digest: str
    trial: int = 0
    sample: int = 0
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A request with every attempt made for it; ``response`` is None when the call failed.

    ``session`` names the recording session the attempts come from; ``replayed`` tells whether they were
    read from recordings or made just now.
    """

    request: Request
    attempts: tuple[Attempt, ...]
    response: Response | None
    session: str
    replayed: bool

    @property
    def latency_s(self) -> float:
        """Seconds from asking to the last byte: every attempt and every wait between them."""
        return sum(attempt.wait_s + attempt.latency_s for attempt in self.attempts)


class Caller(Protocol):
    """The one door to a model; live, recording and replaying are three of them."""

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        """Ask, retrying by ``rules``. A provider's failure is a Call without response, not an exception.

        Raises:
            MissingRecordings: replay needed an attempt that was never recorded.
            ProviderRefused: the provider cannot be used at all (key, model, origin).

        """
        ...
