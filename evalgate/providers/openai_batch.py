"""The batch API of OpenAI-compatible servers: a file of requests in, a file of answers out, hours later."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import aiohttp

from evalgate.core.calls import Attempt, Call, Request, Response
from evalgate.core.digest import valid_text
from evalgate.core.errors import CannotJudge, ProviderRefused
from evalgate.core.messages import message_json
from evalgate.core.providers_file import OpenAIProvider
from evalgate.providers.addresses import SafeResolver
from evalgate.providers.openai_embeddings import embedding_body, embedding_of, embedding_usage
from evalgate.providers.openai_errors import Refusal, billing_of, complaint_about, meaning
from evalgate.providers.openai_reply import (
    FilteredReply,
    UnreadableReply,
    parse_json,
    reported_cost_usd,
    response_of,
    text_field,
    usage_of,
)
from evalgate.providers.origin import endpoint_url, key_from
from evalgate.providers.tried import one_line

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_TIMEOUT_S = 300.0
_FIRST_LOOK_S, _LATEST_LOOK_S = 0.2, 60.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What the server says of a batch: seconds of its own clock, and the files it has ready."""

    id: str
    status: str
    created_s: float
    ended_s: float | None
    files: tuple[str, ...]
    complaint: str = ""


class BatchEndpoint:
    """One trusted origin with its key, for as long as the context is open."""

    def __init__(self, name: str, spec: OpenAIProvider, environ: Mapping[str, str]) -> None:
        """Prepare to ask the provider called ``name``; needs a running event loop.

        Raises:
            ProviderRefused: the key is missing or may not be sent, or the origin has paths of its own.

        """
        if spec.path is not None or spec.query:
            raise ProviderRefused(
                f"provider {name!r} has a path or query of its own; batches are asked at /v1/batches alone\n"
                "    record without --batch"
            )
        self._name, self._spec = name, spec
        self._key = key_from(name, spec, environ)
        headers = {"Accept-Encoding": "identity"}
        if self._key is not None and spec.key_header is not None:
            headers[spec.key_header] = self._key
        elif self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=SafeResolver(name)),
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Return the endpoint."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._client.close()

    async def submit(self, requests: Sequence[Request], window: str) -> str:
        """Hand in requests of one kind to one model; return the batch's id.

        Raises:
            ProviderRefused: the server does not take it.
            CannotJudge: the server cannot be reached.

        """
        path = "/v1/embeddings" if requests[0].kind == "embed" else "/v1/chat/completions"
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        lines = "".join(_line(request, path) for request in requests).encode()
        form.add_field("file", lines, filename="requests.jsonl", content_type="application/jsonl")
        uploaded = await self._json("post", "files", data=form)
        asked = {
            "input_file_id": text_field(uploaded, "id"),
            "endpoint": path,
            "completion_window": window,
        }
        made = text_field(await self._json("post", "batches", json=asked), "id")
        if made is None:
            raise CannotJudge(f"provider {self._name!r} took the batch and gave it no id")
        return made

    async def ended(self, batch_id: str) -> Batch:
        """Wait until a batch has ended, looking every minute at most. Raises as ``submit``."""
        pause_s = _FIRST_LOOK_S
        while (batch := _batch_of(await self._json("get", f"batches/{batch_id}"))).status not in _ENDED:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LATEST_LOOK_S)
        return batch

    async def answers(self, batch: Batch, requests: Iterable[Request], window_s: float) -> list[Call]:
        """Return the calls of an ended batch; what it did not answer timed out. Raises as ``submit``."""
        replies: dict[str, Mapping[str, object]] = {}
        for file in batch.files:
            for line in (await self._raw("get", f"files/{file}/content")).splitlines():
                reply = parse_json(line) if line.strip() else None
                if isinstance(reply, Mapping):
                    replies[str(reply.get("custom_id"))] = reply
        took_s = window_s if batch.ended_s is None else max(0.0, batch.ended_s - batch.created_s)
        return [_call(each, replies.get(each.digest), took_s, window_s) for each in requests]

    async def _json(self, method: str, path: str, **more: object) -> object:
        try:
            return parse_json(await self._raw(method, path, **more))
        except UnreadableReply as error:
            raise CannotJudge(f"provider {self._name!r} answered {path}: {error}") from error

    async def _raw(self, method: str, path: str, **more: object) -> bytes:
        url = endpoint_url(self._name, self._spec, path)
        try:
            async with self._client.request(method, url, allow_redirects=False, **more) as reply:  # type: ignore[arg-type]
                raw = await reply.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CannotJudge(
                f"provider {self._name!r} cannot be reached ({type(error).__name__}); what was handed in "
                "goes on, and the same command fetches it"
            ) from error
        if reply.status == 200:
            return raw
        try:
            said = complaint_about(parse_json(raw)).message
        except UnreadableReply:
            said = ""
        told = one_line(said, self._key) or "no reason given"
        raise ProviderRefused(
            f"provider {self._name!r} answered {path.partition('/')[0]} with HTTP {reply.status}: {told}\n"
            "    record without --batch where it has no batch API"
        )


def _line(request: Request, path: str) -> str:
    body: Mapping[str, object]
    if request.kind == "embed":
        body = embedding_body(request)
    else:
        params = {name: value for name, value in request.params.items() if name != "stream"}
        messages = [message_json(message) for message in request.messages]
        body = {**params, "model": request.model, "messages": messages}
    asked = {"custom_id": request.digest, "method": "POST", "url": path, "body": body}
    return valid_text(json.dumps(asked, ensure_ascii=False, allow_nan=False)) + "\n"


def _batch_of(body: object) -> Batch:
    said = body if isinstance(body, Mapping) else {}
    ends = [said.get(name) for name in ("completed_at", "expired_at", "cancelled_at", "failed_at")]
    times = [float(end) for end in ends if isinstance(end, int | float)]
    created = said.get("created_at")
    files = [said.get(name) for name in ("output_file_id", "error_file_id")]
    return Batch(
        id=str(said.get("id")),
        status=str(said.get("status")),
        created_s=float(created) if isinstance(created, int | float) else 0.0,
        ended_s=times[0] if times and isinstance(created, int | float) else None,
        files=tuple(file for file in files if isinstance(file, str) and file),
        complaint="; ".join(_complaints(said.get("errors"))),
    )


def _complaints(errors: object) -> Iterator[str]:
    listed = errors.get("data") if isinstance(errors, Mapping) else None
    for each in listed if isinstance(listed, list) else []:
        said = text_field(each, "message")
        if said is not None:
            yield one_line(said, None)


def _call(request: Request, reply: Mapping[str, object] | None, took_s: float, window_s: float) -> Call:
    response = reply.get("response") if reply is not None else None
    if not isinstance(response, Mapping):
        expired = Attempt(window_s, "timeout", billing="free", turnaround_s=window_s)
        return Call(request, (expired,), None, session="", replayed=False)
    status = response.get("status_code")
    body = response.get("body")
    answer, error = _read(request, status if isinstance(status, int) else 0, body)
    usage = embedding_usage(body) if request.kind == "embed" else usage_of(body)
    attempt = Attempt(
        took_s,
        error,
        status if isinstance(status, int) else None,
        usage=usage,
        model_served=text_field(body, "model"),
        fingerprint=text_field(body, "system_fingerprint"),
        reported_cost_usd=reported_cost_usd(body),
        billing="billed" if usage or error is None else billing_of(int(status or 0), error),
        turnaround_s=took_s,
    )
    return Call(request, (attempt,), answer, session="", replayed=False)


def _read(request: Request, status: int, body: object) -> tuple[Response | None, str | None]:
    if status == 200:
        try:
            return (embedding_of if request.kind == "embed" else response_of)(body), None
        except FilteredReply:
            return None, "content_filter"
        except UnreadableReply:
            return None, "bad_response"
    meant = meaning(status, complaint_about(body))
    return None, "bad_request" if isinstance(meant, Refusal) else meant
