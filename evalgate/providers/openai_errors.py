"""What an OpenAI-compatible server means when it does not answer.

Servers agree on the status codes and little else: the error object stands under ``error``, is the whole
body, or is a bare string, and its code is a word or another status. Codes are read before messages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from evalgate.core.calls import Billing
from evalgate.core.retry import kind_of_status

_KIND_BY_CODE = {
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "responsibleaipolicyviolation": "content_filter",
    "data_inspection_failed": "content_filter",
    "moderation": "content_filter",
    "context_length_exceeded": "context_window",
    "exceed_context_size_error": "context_window",
    "model_context_window_exceeded": "context_window",
    "rate_limit_exceeded": "rate_limit",
    "rate_limit_error": "rate_limit",
    "too_many_requests": "rate_limit",
    "overloaded": "overloaded",
    "overloaded_error": "overloaded",
    "engine_overloaded": "overloaded",
    "server_error": "server_error",
    "internal_error": "server_error",
    "internal_server_error": "server_error",
    "api_error": "server_error",
}
# An account without credit fails every case alike: that says nothing about the policy under test.
_REFUSING_CODES = frozenset(
    {
        "invalid_api_key",
        "authentication_error",
        "account_deactivated",
        "insufficient_quota",
        "billing_hard_limit_reached",
        "model_not_found",
        "invalid_model",
    }
)
_ABOUT_THE_INPUT = frozenset({"content_filter", "context_window"})
_CONTEXT_MESSAGE = re.compile(
    r"maximum context length|context[ _](?:window|length|size)|prompt is too long|reduce the length",
    re.IGNORECASE,
)
_REFUSING_STATUSES = frozenset({401, 402, 403, 404, 405})
# The server turned the request away before doing any work; other 5xx may come after the tokens were made.
_FREE_STATUSES = frozenset({503, 529})


@dataclass(frozen=True, slots=True)
class Complaint:
    """The error a body speaks of: its codes in lower case, a status named inside it, its message."""

    codes: tuple[str, ...] = ()
    status: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The provider cannot be used at all; ``status`` is the one that says so."""

    status: int
    codes: tuple[str, ...]


def complaint_in(body: object) -> Complaint | None:
    """Return the error inside a reply's body, or None where the body speaks of none."""
    if not isinstance(body, Mapping):
        return None
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    # A gateway that loses its upstream half-way reports that inside the choice.
    for holder in (body, first):
        if isinstance(holder, Mapping) and (error := holder.get("error")):
            return _complaint(error)
    return _complaint(body) if body.get("object") == "error" else None


def complaint_about(body: object) -> Complaint:
    """Return what the body of a failed status says, as far as it says anything."""
    found = complaint_in(body)
    return found or (_complaint(body) if isinstance(body, Mapping) else Complaint())


def meaning(status: int, complaint: Complaint) -> str | Refusal:
    """Return the error kind of a reply (:mod:`evalgate.core.retry`), or that the provider cannot be used."""
    kind = next((_KIND_BY_CODE[code] for code in complaint.codes if code in _KIND_BY_CODE), None)
    if any(code in _REFUSING_CODES for code in complaint.codes):
        return Refusal(status, complaint.codes)
    if 200 <= status < 300:
        if kind is None and complaint.status is not None:
            return meaning(complaint.status, complaint)
        return kind or "bad_response"
    if kind in _ABOUT_THE_INPUT and status < 500:
        return kind
    return _meaning_of_status(status, kind, complaint)


def billing_of(status: int, kind: str) -> Billing:
    """Return whether a failed reply that counts no tokens may have been billed."""
    if status in _FREE_STATUSES or 400 <= status < 500 or kind == "rate_limit":
        return "free"
    return "possible"


def _meaning_of_status(status: int, kind: str | None, complaint: Complaint) -> str | Refusal:
    if status < 400 or status in _REFUSING_STATUSES:
        return Refusal(status, complaint.codes)
    of_status = kind_of_status(status)
    if of_status != "bad_request":
        return of_status
    if kind is None and _CONTEXT_MESSAGE.search(complaint.message):
        return "context_window"
    return kind or of_status


def _complaint(error: object) -> Complaint:
    if not isinstance(error, Mapping):
        return Complaint(message=str(error))
    inner = error.get("innererror") or error.get("inner_error")
    named = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, Mapping) else None]
    codes = [value.lower() for value in named if isinstance(value, str)]
    metadata = error.get("metadata")
    if isinstance(metadata, Mapping) and "flagged_input" in metadata:
        codes.append("moderation")
    message = error.get("message") or error.get("detail") or ""
    return Complaint(
        tuple(codes), _status_among(named), message if isinstance(message, str) else str(message)
    )


def _status_among(values: list[object]) -> int | None:
    for value in values:
        written = int(value) if isinstance(value, str) and re.fullmatch(r"[45]\d\d", value) else value
        if isinstance(written, int) and 400 <= written < 600:
            return written
    return None
