"""What litellm's exceptions say: which of them came from the vendor, and which from litellm itself.

It dresses every failure as an answer of HTTP: a connection that broke, a page of HTML and a torn body all
arrive as a 500. What really came back is told by the headers, which only a real answer has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDict

from evalgate.providers.openai_errors import Complaint, complaint_about

NOT_SENT = "not_sent"
# httpx says ConnectError of a connection that was reset, too; the system's own words are exact.
_NEVER_CONNECTED = frozenset({"ConnectionRefusedError", "ClientConnectorError", "ClientConnectorDNSError"})
_BROKE = frozenset(
    {
        "ConnectError",
        "ConnectionResetError",
        "ServerDisconnectedError",
        "ClientOSError",
        "ReadError",
        "RemoteProtocolError",
        "WriteError",
    }
)
_TORN = frozenset(
    {"ClientPayloadError", "DecodingError", "JSONDecodeError", "BadStatusLine", "ClientResponseError"}
)
_KINDS = {
    "ContextWindowExceededError": "context_window",
    "ContentPolicyViolationError": "content_filter",
    "UnsupportedParamsError": NOT_SENT,
}


@dataclass(frozen=True, slots=True)
class Told:
    """A failure in our words. ``kind`` is an error kind where the exception alone tells it.

    Without one, ``status`` and ``complaint`` tell, as they do of any answer over HTTP.
    """

    status: int | None
    complaint: Complaint
    kind: str | None = None
    never_connected: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


def told(error: Exception) -> Told:
    """Return what a failed ``acompletion`` says."""
    headers: CIMultiDict[str] = CIMultiDict(getattr(error, "litellm_response_headers", None) or {})
    complaint = _complaint(error)
    status = getattr(error, "status_code", None)
    kind = _KINDS.get(type(error).__name__)
    if "LLM Provider NOT provided" in complaint.message:
        kind = NOT_SENT
    if headers:
        return Told(status if isinstance(status, int) else 200, complaint, kind, headers=headers)
    causes = {type(each).__name__ for each in _chain(error)}
    if kind is None and isinstance(status, int) and 400 <= status < 500 and status != 408:
        # Some vendors' handlers keep no headers, but no failure of the wire looks like this.
        return Told(status, complaint)
    if kind is None and isinstance(status, str):
        # A 200 whose body holds an error: its code stands where the status should.
        return Told(200, complaint)
    return Told(
        None, complaint, kind or _kind_on_the_wire(causes, complaint.message), bool(causes & _NEVER_CONNECTED)
    )


def _kind_on_the_wire(causes: set[str], message: str) -> str:
    if not causes & _TORN and (
        causes & (_NEVER_CONNECTED | _BROKE) or "onnection error" in message or "Timeout" in causes
    ):
        return "connection"
    return "bad_response"


def _complaint(error: Exception) -> Complaint:
    body: Any = getattr(error, "body", None)
    found = complaint_about(body)
    named = (getattr(error, "status_code", None), getattr(error, "code", None), getattr(error, "type", None))
    codes = tuple(each.lower() for each in named if isinstance(each, str) and not each.isdigit())
    message = found.message or str(getattr(error, "message", "") or error)
    return Complaint((*found.codes, *codes), found.status, message)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
