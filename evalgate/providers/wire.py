"""One exchange over HTTP, timed where the bytes come in.

Only the trusted configuration decides where a request goes and which key it carries. Redirects, proxy
variables, ``.netrc`` and cookies are off: each would send the key or the question somewhere else.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from evalgate.core.calls import Attempt, Billing
from evalgate.core.providers_file import Reached
from evalgate.providers.addresses import SafeResolver
from evalgate.providers.loop import running_watch
from evalgate.providers.openai_reply import UnreadableReply
from evalgate.providers.openai_stream import StreamedReply
from evalgate.providers.origin import key_from
from evalgate.providers.retry_after import retry_after_s
from evalgate.providers.stamps import Sockets, StampedSocket
from evalgate.providers.tried import Times, Tried, one_line, timed_out, timestamp

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
_CONNECT_TIMEOUT_S = 10
# uvicorn, under most self-hosted servers, drops idle connections after 5 s; reusing one just then would
# look like the provider's failure.
_KEEP_IDLE_S = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over the wire; ``times`` are up to the last byte.

    ``raw`` is the body as it came; ``streamed`` the completion that was put together of a stream.
    """

    status: int
    headers: Mapping[str, str]
    raw: bytes
    at: str
    times: Times
    retry_after_s: float | None = None
    streamed: dict[str, Any] | None = None
    ttft_s: float | None = None


class _Handler(ResponseHandler):
    """A connection that knows the socket under it."""

    socket: StampedSocket | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop, sockets: Sockets) -> None:
        super().__init__(loop)
        self._sockets = sockets

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.socket = self._sockets.behind(transport.get_extra_info)
        if self.socket is not None:
            self.socket.opened()
        super().connection_made(transport)


class Wire:
    """The connections to one provider's origin, with its key."""

    def __init__(
        self, name: str, spec: Reached, environ: Mapping[str, str], clock: Callable[[], datetime]
    ) -> None:
        """Prepare to ask the provider called ``name``; needs a running event loop.

        Raises:
            ProviderRefused: the key is missing, or it must not be sent to this origin.

        """
        self.key = key_from(name, spec, environ)
        self._clock = clock
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self.key is not None and spec.key_header is not None:
            headers[spec.key_header] = self.key
        elif self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        self._watch = running_watch()
        sockets = self._sockets = Sockets(self._watch)
        connector = aiohttp.TCPConnector(
            # The caller bounds how many attempts are in flight: a queue in here would count as latency.
            limit=0,
            keepalive_timeout=_KEEP_IDLE_S,
            resolver=SafeResolver(name),
            socket_factory=sockets.open,
        )
        # aiohttp has no public door for this; without it times are taken where the answer is awaited.
        handler: partial[Any] = partial(_Handler, asyncio.get_running_loop(), sockets)
        connector._factory = handler  # noqa: SLF001
        self._client = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()
        self._sockets.close()

    async def post(
        self, url: str, payload: bytes, limit_s: float, *, streaming: bool = False
    ) -> Reply | Tried:
        """Return the reply, or the failed attempt where none came whole within ``limit_s`` seconds.

        With ``streaming`` a reply of server-sent events is read as a chat completion.

        Raises:
            ProviderRefused: the origin's name leads to an address that is never asked.

        """
        at = timestamp(self._clock())
        started = perf_counter()
        scope = asyncio.timeout(limit_s)
        try:
            async with (
                scope,
                self._client.post(url, data=payload, allow_redirects=False) as response,
            ):
                if streaming and response.status == 200 and response.content_type == "text/event-stream":
                    return await self._streamed(response, at, started)
                raw = await _read_whole(response)
                times = self._times(response, started)
                again_s = retry_after_s(response.headers, self._clock())
                return Reply(response.status, response.headers, raw, at, times, again_s)
        except (aiohttp.ClientError, OSError, UnreadableReply) as error:
            latency_s = perf_counter() - started
            if scope.expired():
                return timed_out(at, limit_s)
            kind, billing, detail = _broken(error)
            return Tried(Attempt(latency_s, kind, at=at, billing=billing), None, one_line(detail, self.key))

    async def _streamed(self, response: aiohttp.ClientResponse, at: str, started: float) -> Reply:
        """Read a stream to its end: the token counts come last, after the answer is finished."""
        reply, size, ttft_s = StreamedReply(), 0, None
        times = Times(0.0, 0.0, opened=False)
        async for piece in response.content.iter_any():
            times = self._times(response, started)
            size += len(piece)
            if size > MAX_RESPONSE_BYTES:
                raise UnreadableReply(f"the reply is larger than {MAX_RESPONSE_BYTES} bytes")
            reply.feed(piece)
            if reply.spoke and ttft_s is None:
                ttft_s = times.latency_s
            if reply.done:
                break
        body, headers = reply.body(), response.headers
        return Reply(response.status, headers, b"", at, times, streamed=body, ttft_s=ttft_s)

    def _times(self, response: aiohttp.ClientResponse, started: float) -> Times:
        """Return the times from the question's first byte to the last one read.

        A connection that was opened for the question is part of its time: its round trips, and where nobody
        can tell them, all the time until the question went out.
        """
        socket = getattr(getattr(response, "_protocol", None), "socket", None)
        if not isinstance(socket, StampedSocket) or socket.arrived_s < started:
            now = perf_counter()
            return Times(now - started, self._watch.late_between(started, now), opened=False)
        began = max(started, socket.sent_s)
        # A question that went out in pieces was not yet asked while we did something else between them.
        ours_s = socket.waited_s + self._watch.work_between(began, max(began, socket.last_sent_s))
        if socket.opened_s < started:
            return Times(socket.arrived_s - began, ours_s, opened=False)
        if socket.opening_s is not None:
            return Times(socket.opening_s + socket.arrived_s - began, ours_s, opened=True)
        ours_s += self._watch.work_between(started, began)
        return Times(socket.arrived_s - started, ours_s, opened=True)


async def _read_whole(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for piece in response.content.iter_any():
        read += piece
        if len(read) > MAX_RESPONSE_BYTES:
            raise UnreadableReply(f"the reply is larger than {MAX_RESPONSE_BYTES} bytes")
    return bytes(read)


def _broken(error: Exception) -> tuple[str, Billing, str]:
    """Return kind, billing and detail of an exchange that did not end in a whole reply."""
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return "connection", "free", str(error)
        case UnreadableReply():
            return "bad_response", "possible", str(error)
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            # A ClientResponseError's own text holds the headers of the request, key included.
            return "bad_response", "possible", "the reply is torn or not HTTP"
        case _:
            return "connection", "possible", f"the connection broke ({type(error).__name__})"
