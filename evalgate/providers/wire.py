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
from evalgate.providers.openai_reply import UnreadableReply
from evalgate.providers.openai_stream import StreamedReply
from evalgate.providers.origin import key_from
from evalgate.providers.retry_after import retry_after_s
from evalgate.providers.tried import Tried, one_line, timed_out, timestamp

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
_CONNECT_TIMEOUT_S = 10
# uvicorn, under most self-hosted servers, drops idle connections after 5 s; reusing one just then would
# look like the provider's failure.
_KEEP_IDLE_S = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over the wire; ``latency_s`` is up to the last byte, which came at ``ended``.

    ``raw`` is the body as it came; ``streamed`` the completion that was put together of a stream.
    """

    status: int
    headers: Mapping[str, str]
    raw: bytes
    at: str
    latency_s: float
    ended: float
    retry_after_s: float | None = None
    streamed: dict[str, Any] | None = None
    ttft_s: float | None = None


class _Stamped(ResponseHandler):
    """A connection that notes when bytes came in.

    The code that waits for them runs only after everything else that became ready with them, which on a busy
    loop is milliseconds later.
    """

    last_s = 0.0

    def data_received(self, data: bytes) -> None:
        self.last_s = perf_counter()
        super().data_received(data)


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
        # The caller bounds how many attempts are in flight: a queue in here would count as latency.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_IDLE_S, resolver=SafeResolver(name))
        # aiohttp has no public door for this; without it times are taken where the answer is awaited.
        stamped: partial[Any] = partial(_Stamped, loop=asyncio.get_running_loop())
        connector._factory = stamped  # noqa: SLF001
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
                ended = _last_byte(response)
                return Reply(
                    response.status,
                    response.headers,
                    raw,
                    at,
                    ended - started,
                    ended,
                    retry_after_s(response.headers, self._clock()),
                )
        except (aiohttp.ClientError, OSError, UnreadableReply) as error:
            latency_s = perf_counter() - started
            if scope.expired():
                return timed_out(at, limit_s)
            kind, billing, detail = _broken(error)
            return Tried(Attempt(latency_s, kind, at=at, billing=billing), None, one_line(detail, self.key))

    async def _streamed(self, response: aiohttp.ClientResponse, at: str, started: float) -> Reply:
        """Read a stream to its end: the token counts come last, after the answer is finished."""
        reply, size, first_s, ended = StreamedReply(), 0, None, perf_counter()
        async for piece in response.content.iter_any():
            ended = _last_byte(response)
            size += len(piece)
            if size > MAX_RESPONSE_BYTES:
                raise UnreadableReply(f"the reply is larger than {MAX_RESPONSE_BYTES} bytes")
            reply.feed(piece)
            if reply.spoke and first_s is None:
                first_s = ended
            if reply.done:
                break
        ttft_s = None if first_s is None else first_s - started
        body, headers = reply.body(), response.headers
        return Reply(response.status, headers, b"", at, ended - started, ended, streamed=body, ttft_s=ttft_s)


async def _read_whole(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for piece in response.content.iter_any():
        read += piece
        if len(read) > MAX_RESPONSE_BYTES:
            raise UnreadableReply(f"the reply is larger than {MAX_RESPONSE_BYTES} bytes")
    return bytes(read)


def _last_byte(response: aiohttp.ClientResponse) -> float:
    connection = getattr(response, "_protocol", None)
    return connection.last_s if isinstance(connection, _Stamped) and connection.last_s else perf_counter()


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
