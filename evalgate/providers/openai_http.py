"""Any server with OpenAI-compatible chat completions or embeddings, one attempt at a time.

A gateway in front of models is such a server too, which says in its headers what it did.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from evalgate.core.calls import Attempt, Billing, Request
from evalgate.core.digest import valid_text
from evalgate.core.errors import ProviderRefused
from evalgate.core.messages import message_json
from evalgate.core.providers_file import OpenAIProvider
from evalgate.providers.gateway import cost_said, gateway_of
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
from evalgate.providers.origin import chat_url, endpoint_url
from evalgate.providers.tried import Tried, body_digest, one_line
from evalgate.providers.wire import Reply, Wire

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
CURES = {
    401: "check the key",
    402: "the account has no credit left",
    403: "check what the key is allowed to use",
    404: "check the deployment's model and the provider's origin in evalgate.yaml",
    405: "check the provider's origin in evalgate.yaml",
}


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
        self._spec = spec
        self._embeddings_url = endpoint_url(name, spec, "embeddings")
        self._chat_urls: dict[str, str] = {}
        self._wire = Wire(name, spec, environ, clock)

    async def close(self) -> None:
        """Close every connection."""
        await self._wire.close()

    async def attempt(self, request: Request, limit_s: float) -> Tried:
        """Ask once, giving up after ``limit_s`` seconds.

        Raises:
            ProviderRefused: the key or the model is refused, or the origin sends us elsewhere.

        """
        if request.kind == "embed":
            url, payload, streaming = self._embeddings_url, _encoded(embedding_body(request)), False
        else:
            url, (payload, streaming) = self._chat_url(request.model), _chat_payload(request)
        reply = await self._wire.post(url, payload, limit_s, streaming=streaming)
        if isinstance(reply, Tried):
            return reply
        return self._read(request, reply)

    def _chat_url(self, model: str) -> str:
        url = self._chat_urls.get(model)
        if url is None:
            url = self._chat_urls[model] = chat_url(self._name, self._spec, model)
        return url

    def _read(self, request: Request, reply: Reply) -> Tried:
        """Turn a reply that arrived whole into an attempt: an answer, an error, or a refusal."""
        body: object = None
        try:
            body = parse_json(reply.raw) if reply.streamed is None else reply.streamed
            if reply.status == 200 and complaint_in(body) is None:
                read = embedding_of if request.kind == "embed" else response_of
                return Tried(self._attempt(request, reply, body, None), read(body), times=reply.times)
        except FilteredReply as error:
            filtered = self._attempt(request, reply, body, "content_filter")
            return Tried(filtered, None, str(error), reply.times)
        except UnreadableReply as error:
            if reply.status == 200:
                unreadable = self._attempt(request, reply, body, "bad_response")
                return Tried(unreadable, None, str(error), reply.times)
        complaint = complaint_about(body)
        meant = meaning(reply.status, complaint)
        said = one_line(complaint.message, self._wire.key)
        if isinstance(meant, Refusal):
            raise ProviderRefused(self._refusal(meant, request.model, said))
        return Tried(
            self._attempt(request, reply, body, meant),
            None,
            f"HTTP {reply.status}: {said}".removesuffix(": "),
            reply.times,
        )

    def _attempt(self, request: Request, reply: Reply, body: object, error: str | None) -> Attempt:
        usage = embedding_usage(body) if request.kind == "embed" else usage_of(body)
        billing: Billing = "billed" if usage or error is None else billing_of(reply.status, error)
        cost_usd, gateway, names = reported_cost_usd(body), None, self._spec.gateway
        if names is not None:
            gateway = gateway_of(names, reply.headers)
            said_usd = cost_said(names, reply.headers, gateway, usage)
            cost_usd = cost_usd if said_usd is None else said_usd
        return Attempt(
            latency_s=round(reply.times.latency_s, 6),
            error=error,
            status=reply.status,
            at=reply.at,
            ttft_s=reply.ttft_s,
            retry_after_s=reply.retry_after_s if error else None,
            usage=usage,
            model_served=text_field(body, "model"),
            fingerprint=text_field(body, "system_fingerprint"),
            reported_cost_usd=cost_usd,
            billing=billing,
            body_digest=body_digest(reply.raw) if error and reply.status >= 500 else None,
            gateway=gateway,
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
            key = (
                f"the key in {self._spec.key_env}" if self._spec.key_env else "the missing key (set key_env)"
            )
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
    return valid_text(_ENCODER.encode(body)).encode()
