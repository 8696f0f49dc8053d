"""A call as a team logged it -> a call as evalgate records it: one attempt, and what came of it."""

from dataclasses import replace
from datetime import UTC, datetime

from evalgate.core.calls import Attempt, Call, Request, Response, Usage
from evalgate.core.retry import RETRYABLE
from evalgate.load.log_lines import LoggedCall
from evalgate.providers.openai_errors import Complaint, meaning
from evalgate.providers.openai_reply import (
    FilteredReply,
    UnreadableReply,
    reported_cost_usd,
    response_of,
    text_field,
    usage_of,
)

_KINDS = RETRYABLE | {"content_filter", "context_window", "bad_request"}


class UnusableReply(Exception):
    """What was logged as the reply is neither a text nor a chat completion."""


def call_of(logged: LoggedCall, request: Request) -> Call:
    """Return the logged call as an answer to ``request``; what the log does not say stays unknown.

    Raises:
        UnusableReply: the reply cannot be read.

    """
    attempt = Attempt(
        latency_s=logged.latency_s,
        status=logged.status,
        at=_moment(logged.started_s),
        ttft_s=logged.ttft_s,
        usage=logged.usage,
        model_served=logged.model_served,
        reported_cost_usd=logged.cost_usd,
    )
    if logged.error is not None:
        failed = replace(attempt, error=_error_kind(logged), ttft_s=None)
        return Call(request, (failed,), None, "", replayed=False)
    if isinstance(logged.reply, str):
        response = Response(logged.reply, (), logged.finish_reason)
        return Call(request, (attempt,), response, "", replayed=False)
    return _from_body(logged, attempt, request)


def _from_body(logged: LoggedCall, attempt: Attempt, request: Request) -> Call:
    body = logged.reply
    attempt = replace(
        attempt,
        usage=_merged(logged.usage, usage_of(body)),
        model_served=logged.model_served or text_field(body, "model"),
        fingerprint=text_field(body, "system_fingerprint"),
        reported_cost_usd=logged.cost_usd if logged.cost_usd is not None else reported_cost_usd(body),
    )
    try:
        return Call(request, (attempt,), response_of(body), "", replayed=False)
    except FilteredReply:
        return Call(request, (replace(attempt, error="content_filter"),), None, "", replayed=False)
    except UnreadableReply as unreadable:
        raise UnusableReply(f"the response is no chat completion: {unreadable}") from None


def _merged(said: Usage | None, counted: Usage | None) -> Usage | None:
    """Return the tokens: as a column of the log says, else as the reply itself counts them."""
    if said is None or counted is None:
        return said or counted
    names = Usage.__slots__
    own = {name: value for name in names if (value := getattr(said, name)) is not None}
    return replace(counted, **own)


def _error_kind(logged: LoggedCall) -> str:
    error = logged.error or ""
    if error in _KINDS:
        return error
    if logged.status is not None and logged.status >= 400:
        found = meaning(logged.status, Complaint(message=error))
        return found if isinstance(found, str) else "bad_request"
    said = error.lower()
    return "timeout" if "timeout" in said or "timed out" in said else "server_error"


def _moment(started_s: float | None) -> str | None:
    if started_s is None:
        return None
    return f"{datetime.fromtimestamp(started_s, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
