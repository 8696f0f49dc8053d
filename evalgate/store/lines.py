"""The lines of a recordings file, ``evalgate/recordings@1``, typed, and what they become in core."""

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from evalgate.core.calls import (
    Attempt,
    Billing,
    Gateway,
    RequestKind,
    Response,
    TokenLogprob,
    Usage,
)
from evalgate.core.digest import DigestFrame
from evalgate.core.messages import Message, ToolCall

RECORDINGS_SCHEMA = "evalgate/recordings@1"
Texts = Literal["all", "none"]
ErrorKind = Literal[
    "timeout",
    "connection",
    "rate_limit",
    "server_error",
    "overloaded",
    "bad_response",
    "content_filter",
    "context_window",
    "bad_request",
]
Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
Sha256 = Annotated[str, Meta(min_length=64, max_length=64)]


class Strict(Struct, forbid_unknown_fields=True, gc=False):
    """A piece of a line; unknown keys are refused."""


class SessionLine(Strict):
    id: Annotated[str, Meta(min_length=1)]
    started_at: str
    interleaved: bool = False
    seed: int | None = None
    origin: str = ""


class HeaderLine(Strict):
    """The first line: what the file is, how it was made, and the sessions of its lines."""

    schema: str
    made_by: str = ""
    sessions: tuple[SessionLine, ...] = ()
    texts: Texts = "all"


class UsageLine(Strict):
    input_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    output_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class GatewayLine(Strict):
    model_id: str | None = None
    cache_hit: bool | None = None
    retries: Count | None = None
    fallbacks: Count | None = None


class AttemptLine(Strict):
    """One attempt; the backoff before it is not recorded, replay computes it from the policy's rules."""

    latency_s: Seconds
    error: ErrorKind | None = None
    status: int | None = None
    at: str | None = None
    ttft_s: Seconds | None = None
    retry_after_s: Seconds | None = None
    usage: UsageLine | None = None
    model_served: str | None = None
    fingerprint: str | None = None
    reported_cost_usd: Annotated[float, Meta(ge=0)] | None = None
    billing: Billing | None = None
    queued_s: Seconds | None = None
    lag_s: Seconds | None = None
    body_digest: str | None = None
    gateway: GatewayLine | None = None
    turnaround_s: Seconds | None = None


class FunctionLine(Strict):
    name: str
    arguments: str


class ToolCallLine(Strict):
    function: FunctionLine
    id: str | None = None
    type: Literal["function"] = "function"


class LogprobLine(Strict):
    token: str
    logprob: float


class ResponseLine(Strict):
    """What was answered; ``vector`` is base64 of single floats, see :mod:`evalgate.core.vectors`."""

    text: str | None = None
    tool_calls: tuple[ToolCallLine, ...] = ()
    finish_reason: str | None = None
    logprobs: tuple[LogprobLine, ...] | None = None
    vector: bytes | None = None


class RecordingLine(Strict):
    """One digest in one session. ``request`` stays undecoded bytes: a digest makes it unnecessary."""

    attempts: tuple[AttemptLine, ...]
    digest: Sha256 | None = None
    kind: RequestKind = "chat"
    request: Raw = Raw()
    trial: Count = 0
    sample: Count = 0
    session: str | None = None
    response: ResponseLine | None = None


class MessageLine(Strict):
    role: str
    content: str | None = None
    name: str | None = None
    tool_calls: tuple[ToolCallLine, ...] = ()
    tool_call_id: str | None = None


class RequestLine(Strict):
    provider: str
    model: str
    messages: tuple[MessageLine, ...]
    revision: str | None = None
    quantization: str | None = None
    params: dict[str, object] = {}


LINE_KEYS = frozenset(
    field
    for struct in (RecordingLine, AttemptLine, UsageLine, GatewayLine, ResponseLine, RequestLine, MessageLine)
    for field in struct.__struct_fields__
) | {"function", "arguments", "token", "logprob", "type", "id"}
HEADER_KEYS = frozenset(HeaderLine.__struct_fields__ + SessionLine.__struct_fields__)

decode_line = msgspec.json.Decoder(RecordingLine).decode
decode_header = msgspec.json.Decoder(HeaderLine).decode


def attempts_of(lines: Sequence[AttemptLine]) -> tuple[Attempt, ...]:
    """Return the attempts as core types."""
    # Nearly every call is one attempt, and this is most of what loading recordings costs.
    if len(lines) == 1:
        return (_attempt(lines[0]),)
    return tuple([_attempt(line) for line in lines])


def response_of(line: ResponseLine) -> Response:
    """Return the response as a core type."""
    logprobs = line.logprobs
    return Response(
        line.text,
        _tool_calls(line.tool_calls) if line.tool_calls else (),
        line.finish_reason,
        None if logprobs is None else tuple([TokenLogprob(each.token, each.logprob) for each in logprobs]),
        line.vector,
    )


def digest_of(line: RecordingLine) -> str:
    """Return the digest of a line's request.

    The request is read by the standard library's parser, which keeps integers of any size and lone
    surrogates as they are, so that a line hashes to what was sent.

    Raises:
        msgspec.ValidationError: the request is not of the recorded form.

    """
    request = msgspec.convert(json.loads(bytes(line.request)), RequestLine)
    identity = {
        "provider": request.provider,
        "model": request.model,
        "revision": request.revision,
        "quantization": request.quantization,
    }
    messages = [
        Message(each.role, each.content, each.name, _tool_calls(each.tool_calls), each.tool_call_id)
        for each in request.messages
    ]
    return DigestFrame(line.kind, identity, request.params).digest(messages, line.trial, line.sample)


def _attempt(line: AttemptLine) -> Attempt:
    return Attempt(
        line.latency_s,
        line.error,
        line.status,
        line.at,
        line.ttft_s,
        line.retry_after_s,
        None if line.usage is None else _usage(line.usage),
        line.model_served,
        line.fingerprint,
        line.reported_cost_usd,
        line.billing,
        queued_s=line.queued_s,
        lag_s=line.lag_s,
        body_digest=line.body_digest,
        gateway=None if line.gateway is None else _gateway(line.gateway),
        turnaround_s=line.turnaround_s,
    )


def _gateway(line: GatewayLine) -> Gateway:
    return Gateway(line.model_id, line.cache_hit, line.retries, line.fallbacks)


def _usage(line: UsageLine) -> Usage:
    return Usage(
        line.input_tokens,
        line.cached_input_tokens,
        line.cache_write_tokens,
        line.output_tokens,
        line.reasoning_tokens,
    )


def _tool_calls(lines: Iterable[ToolCallLine]) -> tuple[ToolCall, ...]:
    return tuple([ToolCall(line.function.name, line.function.arguments, line.id) for line in lines])
