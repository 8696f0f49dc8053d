"""Core types as the lines of a recordings file, ``evalgate/recordings@1``."""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping

from evalgate.core.calls import Attempt, Call, Response
from evalgate.core.digest import valid_text
from evalgate.core.messages import Message, message_json
from evalgate.core.run import Session
from evalgate.store.lines import RECORDINGS_SCHEMA, AttemptLine, GatewayLine, Texts, UsageLine

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_NESTED: Mapping[str, tuple[str, ...]] = {
    "usage": UsageLine.__struct_fields__,
    "gateway": GatewayLine.__struct_fields__,
}
_PLAIN = tuple(name for name in AttemptLine.__struct_fields__ if name not in _NESTED)


def header_bytes(sessions: Iterable[Session], made_by: str, texts: Texts) -> bytes:
    """Return the first line of a recordings file that holds these sessions."""
    header: dict[str, object] = {
        "schema": RECORDINGS_SCHEMA,
        "made_by": made_by,
        "sessions": [_session_json(session) for session in sessions],
    }
    if texts == "none":
        header["texts"] = texts
    return _line_bytes(header)


def session_bytes(session: Session, texts: Texts) -> bytes:
    """Return a session as the local store describes it, with the rule about its texts."""
    return _line_bytes(_session_json(session) | ({} if texts == "all" else {"texts": texts}))


def attempt_bytes(attempt: Attempt) -> bytes:
    """Return one attempt, as it stands in the line of its call."""
    return _line_bytes(_attempt_json(attempt))


def call_bytes(call: Call, session: str, texts: Texts) -> bytes:
    """Return the line of one call; what nobody knows is left out, texts too when they may not be kept.

    Raises:
        ValueError: a number is NaN or infinite.

    """
    request = call.request
    line: dict[str, object] = {"digest": request.digest, "kind": request.kind}
    if texts == "all":
        line["request"] = {
            "provider": request.provider,
            "model": request.model,
            "revision": request.revision,
            "quantization": request.quantization,
            "messages": [message_json(message) for message in request.messages],
            "params": dict(request.params),
        }
    line |= {"trial": request.trial, "sample": request.sample, "session": session}
    line["attempts"] = [_attempt_json(attempt) for attempt in call.attempts]
    if call.response is not None:
        line["response"] = _response_json(call.response, texts)
    return _line_bytes(line)


def _line_bytes(value: Mapping[str, object]) -> bytes:
    return valid_text(_ENCODER.encode(value)).encode() + b"\n"


def _session_json(session: Session) -> dict[str, object]:
    return {
        "id": session.id,
        "interleaved": session.interleaved,
        "seed": session.seed,
        "started_at": session.started_at,
        "origin": session.origin,
    }


def _attempt_json(attempt: Attempt) -> dict[str, object]:
    body = {name: value for name in _PLAIN if (value := getattr(attempt, name)) is not None}
    for name, fields in _NESTED.items():
        part = getattr(attempt, name)
        if part is not None:
            body[name] = {field: known for field in fields if (known := getattr(part, field)) is not None}
    return body


def _response_json(response: Response, texts: Texts) -> dict[str, object]:
    body: dict[str, object] = {}
    if texts == "all":
        body["text"] = response.text
        if response.tool_calls:
            said = Message("assistant", tool_calls=response.tool_calls)
            body["tool_calls"] = message_json(said)["tool_calls"]
        if response.logprobs is not None:
            body["logprobs"] = [{"token": each.token, "logprob": each.logprob} for each in response.logprobs]
        if response.vector is not None:
            body["vector"] = b64encode(response.vector).decode()
    if response.finish_reason is not None:
        body["finish_reason"] = response.finish_reason
    return body
