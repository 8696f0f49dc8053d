"""Any server with OpenAI-compatible chat completions or embeddings, one attempt at a time.

Only the trusted configuration decides where a request goes and which key it carries. Redirects, proxy
variables, ``.netrc`` and cookies are off: each would send the key or the question somewhere else.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

import aiohttp

from evalgate.core.calls import Attempt, Billing, Request
from evalgate.core.digest import valid_text
from evalgate.core.errors import ProviderRefused
from evalgate.core.messages import message_json
from evalgate.core.providers_file import OpenAIProvider
from evalgate.providers.openai_embeddings import embedding_body, embedding_of, embedding_usage
from evalgate.providers.openai_errors import (
    Refusal,
    billing_of,
    complaint_about,
    complaint_in,
    meaning,
)
from evalgate.providers.openai_reply import (
    FilteredReply,
    UnreadableReply,
    parse_json,
    reported_cost_usd,
    response_of,
    text_field,
    usage_of,
)
from evalgate.providers.openai_stream import StreamedReply
from evalgate.providers.origin import endpoint_url, key_from
from evalgate.providers.retry_after import retry_after_s
from evalgate.providers.tried import Tried, one_line, timed_out, timestamp

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
_CONNECT_TIMEOUT_S = 10
# uvicorn, under most self-hosted servers, drops idle connections after 5 s; reusing one just then would
# look like the provider's failure.
_KEEP_IDLE_S = 4
CURES = {
    401: "check the key",
    402: "the account has no credit left",
    403: "check what the key is allowed to use",
    404: "check the deployment's model and the provider's origin in evalgate.yaml",
    405: "check the provider's origin in evalgate.yaml",
}


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came over the wire; ``latency_s`` is up to the last byte."""

    status: int
    retry_after_s: float | None
    body: bytes | dict[str, Any]
    latency_s: float
    ttft_s: float | None = None


class OpenAIEndpoint:
    """One trusted origin with its connections and its key."""

    def __init__(
        self, name: str, spec: OpenAIProvider, environ: Mapping[str, str], clock: Callable[[], datetime]
    ) -> None:
        """Prepare to ask the provider called ``name``; needs a running event loop.

        Raises:
            ProviderRefused: the key is missing, or it must not be sent to this origin.

        """
        self._name = name
        self._key_env = spec.key_env
        self._chat_url = endpoint_url(name, spec, "chat/completions")
        self._embeddings_url = endpoint_url(name, spec, "embeddings")
        self._key = key_from(name, spec, environ)
        self._clock = clock
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        self._client = aiohttp.ClientSession(
            # The caller bounds how many attempts are in flight: a queue in here would count as latency.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_IDLE_S),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def attempt(self, request: Request, limit_s: float) -> Tried:
        """Ask once, giving up after ``limit_s`` seconds.

        Raises:
            ProviderRefused: the key or the model is refused, or the origin sends us elsewhere.

        """
        if request.kind == "embed":
            url, payload, streaming = self._embeddings_url, _encoded(embedding_body(request)), False
        else:
            url, (payload, streaming) = self._chat_url, _chat_payload(request)
        at = timestamp(self._clock())
        started = perf_counter()
        scope = asyncio.timeout(limit_s)
        try:
            async with scope:
                reply = await self._exchange(url, payload, streaming, started)
        except (aiohttp.ClientError, OSError, UnreadableReply) as error:
            latency_s = perf_counter() - started
            if scope.expired():
                return timed_out(at, limit_s)
            kind, billing, detail = _broken(error)
            return Tried(Attempt(latency_s, kind, at=at, billing=billing), None, one_line(detail, self._key))
        return self._read(request, reply, at)

    async def _exchange(self, url: str, payload: bytes, streaming: bool, started: float) -> _Reply:
        async with self._client.post(url, data=payload, allow_redirects=False) as response:
            wait_s = retry_after_s(response.headers, self._clock())
            if streaming and response.status == 200 and response.content_type == "text/event-stream":
                streamed, first_s, last_s = await _read_stream(response)
                ttft_s = None if first_s is None else first_s - started
                return _Reply(response.status, wait_s, streamed, last_s - started, ttft_s)
            raw = await _read_whole(response)
            return _Reply(response.status, wait_s, raw, perf_counter() - started)

    def _read(self, request: Request, reply: _Reply, at: str) -> Tried:
        """Turn a reply that arrived whole into an attempt: an answer, an error, or a refusal."""
        body: object = None
        try:
            body = parse_json(reply.body) if isinstance(reply.body, bytes) else reply.body
            if reply.status == 200 and complaint_in(body) is None:
                read = embedding_of if request.kind == "embed" else response_of
                return Tried(_attempt(request, reply, at, body, None), read(body))
        except FilteredReply as error:
            return Tried(_attempt(request, reply, at, body, "content_filter"), None, str(error))
        except UnreadableReply as error:
            if reply.status == 200:
                return Tried(_attempt(request, reply, at, body, "bad_response"), None, str(error))
        complaint = complaint_about(body)
        meant = meaning(reply.status, complaint)
        said = one_line(complaint.message, self._key)
        if isinstance(meant, Refusal):
            raise ProviderRefused(self._refusal(meant, request.model, said))
        return Tried(
            _attempt(request, reply, at, body, meant), None, f"HTTP {reply.status}: {said}".removesuffix(": ")
        )

    def _refusal(self, refusal: Refusal, model: str, said: str) -> str:
        told = f"provider {self._name!r} refused model {model!r} with HTTP {refusal.status}"
        if refusal.status < 400 and not refusal.codes:
            return (
                f"provider {self._name!r} sent us elsewhere (HTTP {refusal.status}), which is not followed\n"
                "    write the address it leads to as the origin in evalgate.yaml"
            )
        if refusal.status == 401:
            # The server's own words on a bad key often quote a part of it.
            key = f"the key in {self._key_env}" if self._key_env else "the missing key (set key_env)"
            return f"{told}: it does not accept {key}"
        cure = CURES.get(refusal.status, "check the account, the key and the model")
        return f"{told}: {said or 'no reason given'}\n    {cure}"


def _chat_payload(request: Request) -> tuple[bytes, bool]:
    """Return the bytes to send, and whether they ask for a stream."""
    body: dict[str, object] = {
        **request.params,
        "model": request.model,
        "messages": [message_json(message) for message in request.messages],
    }
    streaming = body.get("stream") is True
    if streaming:
        wished = body.get("stream_options")
        body["stream_options"] = {**(wished if isinstance(wished, Mapping) else {}), "include_usage": True}
    return _encoded(body), streaming


def _encoded(body: Mapping[str, object]) -> bytes:
    # The digest replaces lone surrogates in the same way, so it names exactly what is sent.
    return valid_text(json.dumps(body, ensure_ascii=False, allow_nan=False)).encode()


async def _read_whole(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for piece in response.content.iter_any():
        read += piece
        if len(read) > MAX_RESPONSE_BYTES:
            raise UnreadableReply(f"the reply is larger than {MAX_RESPONSE_BYTES} bytes")
    return bytes(read)


async def _read_stream(response: aiohttp.ClientResponse) -> tuple[dict[str, Any], float | None, float]:
    """Return the completion, when its first token came, and when its last byte did."""
    reply, size, first_s, last_s = StreamedReply(), 0, None, perf_counter()
    async for piece in response.content.iter_any():
        last_s = perf_counter()
        size += len(piece)
        if size > MAX_RESPONSE_BYTES:
            raise UnreadableReply(f"the reply is larger than {MAX_RESPONSE_BYTES} bytes")
        reply.feed(piece)
        if reply.spoke and first_s is None:
            first_s = last_s
        if reply.done:
            break
    return reply.body(), first_s, last_s


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


def _attempt(request: Request, reply: _Reply, at: str, body: object, error: str | None) -> Attempt:
    usage = embedding_usage(body) if request.kind == "embed" else usage_of(body)
    billing: Billing = "billed" if usage or error is None else billing_of(reply.status, error)
    return Attempt(
        latency_s=reply.latency_s,
        error=error,
        status=reply.status,
        at=at,
        ttft_s=reply.ttft_s,
        retry_after_s=reply.retry_after_s if error else None,
        usage=usage,
        model_served=text_field(body, "model"),
        fingerprint=text_field(body, "system_fingerprint"),
        reported_cost_usd=reported_cost_usd(body),
        billing=billing,
    )
