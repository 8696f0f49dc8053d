"""Any service that answers over HTTP: a question posted as JSON, and an answer somewhere in the reply."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from evalgate.core.calls import Attempt, Billing, Request, Response, Usage
from evalgate.core.digest import canonical_json, valid_text
from evalgate.core.errors import ProviderRefused
from evalgate.core.messages import last_user_text, message_json
from evalgate.core.providers_file import SLOT, HttpProvider
from evalgate.providers.openai_errors import Complaint, Refusal, billing_of, meaning
from evalgate.providers.openai_reply import UnreadableReply, parse_json
from evalgate.providers.origin import plain_origin
from evalgate.providers.tried import Tried, body_digest
from evalgate.providers.wire import Reply, Wire

_CURES = {
    401: "check the key",
    402: "the account has no credit left",
    403: "check what the key is allowed to use",
}


class HttpApp:
    """One app at a trusted origin."""

    def __init__(
        self, name: str, spec: HttpProvider, environ: Mapping[str, str], clock: Callable[[], datetime]
    ) -> None:
        """Prepare to ask the provider called ``name``; needs a running event loop.

        Raises:
            ProviderRefused: the key is missing, or it must not be sent to this origin.

        """
        self._name = name
        self._spec = spec
        self._url = plain_origin(name, spec) + (spec.path or "/")
        self._wire = Wire(name, spec, environ, clock)

    async def close(self) -> None:
        """Close every connection."""
        await self._wire.close()

    async def attempt(self, request: Request, limit_s: float) -> Tried:
        """Ask once, giving up after ``limit_s`` seconds.

        Raises:
            ProviderRefused: the key is refused, nothing answers at the path, or the app sends us elsewhere.

        """
        payload = json.dumps(filled(self._spec.body, request), ensure_ascii=False, allow_nan=False)
        reply = await self._wire.post(self._url, valid_text(payload).encode(), limit_s)
        if isinstance(reply, Tried):
            return reply
        return replace(self._read(reply), times=reply.times)

    def _read(self, reply: Reply) -> Tried:
        if not 200 <= reply.status < 300:
            return self._failed(reply)
        try:
            body = parse_json(reply.raw) if self._needs_json() else None
            response = Response(self._answer(body, reply.raw))
        except UnreadableReply as error:
            attempt = self._attempt(reply, None, "bad_response", "possible")
            return Tried(attempt, None, str(error))
        return Tried(self._attempt(reply, body, None, "billed"), response)

    def _needs_json(self) -> bool:
        spec = self._spec
        return any((spec.answer, spec.cost_usd, *spec.usage.model_dump().values()))

    def _answer(self, body: object, raw: bytes) -> str:
        if self._spec.answer is None:
            try:
                return raw.decode()
            except UnicodeDecodeError:
                raise UnreadableReply("the reply is not text in UTF-8") from None
        found = pointed(body, self._spec.answer)
        if found is None:
            raise UnreadableReply(f"the reply has no answer at {self._spec.answer}")
        return valid_text(found) if isinstance(found, str) else canonical_json(found)

    def _failed(self, reply: Reply) -> Tried:
        meant = meaning(reply.status, Complaint())
        if isinstance(meant, Refusal):
            cure = _CURES.get(reply.status, "check origin and path in evalgate.yaml")
            raise ProviderRefused(f"provider {self._name!r} refused with HTTP {reply.status}\n    {cure}")
        attempt = self._attempt(reply, None, meant, billing_of(reply.status, meant))
        return Tried(attempt, None, f"HTTP {reply.status}")

    def _attempt(self, reply: Reply, body: object, error: str | None, billing: Billing) -> Attempt:
        spec, header = self._spec, self._spec.build_header
        build = reply.headers.get(header) if header is not None else None
        return Attempt(
            latency_s=reply.times.latency_s,
            error=error,
            status=reply.status,
            at=reply.at,
            retry_after_s=reply.retry_after_s if error else None,
            usage=_usage(body, spec),
            fingerprint=valid_text(build) if build else None,
            reported_cost_usd=_cost(pointed(body, spec.cost_usd)) if spec.cost_usd else None,
            billing=billing,
            body_digest=body_digest(reply.raw) if error and reply.status >= 500 else None,
        )


def filled(template: Any, request: Request) -> Any:
    """Return the body with its slots filled; a text that is nothing but a slot becomes that very value."""
    match template:
        case str():
            whole = SLOT.fullmatch(template)
            if whole is not None:
                return _value(whole[1], request)
            return SLOT.sub(lambda slot: _text(_value(slot[1], request)), template)
        case dict():
            return {key: filled(value, request) for key, value in template.items()}
        case list():
            return [filled(value, request) for value in template]
        case _:
            return template


def pointed(body: object, pointer: str) -> object:
    """Return the value at a JSON pointer (RFC 6901), None where there is none."""
    found = body
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(key)
        elif isinstance(found, list) and key.isascii() and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found


def _value(name: str, request: Request) -> object:
    match name:
        case "input":
            return last_user_text(request.messages)
        case "messages":
            return [message_json(message) for message in request.messages]
        case "model":
            return request.model
        case "params":
            return dict(request.params)
        case _:
            return request.params.get(name.removeprefix("params."))


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical_json(value)


def _usage(body: object, spec: HttpProvider) -> Usage | None:
    pointers = spec.usage.model_dump(exclude_none=True)
    counts = {name: _count(pointed(body, pointer)) for name, pointer in pointers.items()}
    return Usage(**counts) if any(count is not None for count in counts.values()) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _cost(value: object) -> float | None:
    try:
        usd = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
        )
    except ValueError:
        return None
    return usd if 0 <= usd < math.inf else None
