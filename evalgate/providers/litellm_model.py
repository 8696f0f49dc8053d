"""Every vendor that litellm knows, one attempt at a time.

litellm would retry, cache, report and look up prices by itself; all of that is off, as evalgate counts
attempts and money. Importing it takes seconds, so this module is imported only when a policy needs it.
"""

import asyncio
import importlib
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from time import perf_counter
from types import ModuleType
from typing import Any

from evalgate.core.calls import Attempt, Billing, Request
from evalgate.core.errors import ProviderRefused
from evalgate.core.messages import message_json
from evalgate.core.providers_file import LitellmProvider, steers_litellm
from evalgate.providers.addresses import check_name
from evalgate.providers.litellm_errors import NOT_SENT, Told, told
from evalgate.providers.openai_errors import Refusal, billing_of, meaning
from evalgate.providers.openai_reply import (
    FilteredReply,
    UnreadableReply,
    response_of,
    text_field,
    usage_of,
)
from evalgate.providers.openai_stream import StreamedReply
from evalgate.providers.origin import key_from, plain_origin
from evalgate.providers.retry_after import retry_after_s
from evalgate.providers.tried import Tried, body_digest, one_line, timed_out, timestamp

# litellm's own clock must never be the one that ends an attempt: its timeouts look like other failures.
_GRACE_S = 30


class LitellmModel:
    """One vendor, reached through ``litellm.acompletion``."""

    def __init__(
        self, name: str, spec: LitellmProvider, environ: Mapping[str, str], clock: Callable[[], datetime]
    ) -> None:
        """Prepare to ask the provider called ``name``.

        Raises:
            ProviderRefused: litellm is not installed, the key is missing, or the environment would send
                what is asked somewhere else.

        """
        self._name = name
        self._spec = spec
        self._clock = clock
        self._key = key_from(name, spec, environ)
        self._base = None if spec.origin is None else plain_origin(name, spec)
        self._checked = spec.origin is None
        if spec.origin is None:
            _refuse_detours(name, spec, environ)
        self._litellm = quiet_litellm(name)

    async def close(self) -> None:
        """Close litellm's connections, which belong to this event loop."""
        cleanup = importlib.import_module("litellm.llms.custom_httpx.async_client_cleanup")
        await cleanup.close_litellm_async_clients()
        self._litellm.in_memory_llm_clients_cache.flush_cache()
        session = self._litellm.aclient_session
        self._litellm.aclient_session = None  # type: ignore[attr-defined]
        if session is not None:
            await session.aclose()

    async def attempt(self, request: Request, limit_s: float) -> Tried:
        """Ask once, giving up after ``limit_s`` seconds.

        Raises:
            ProviderRefused: the key or the model is refused, or the params would steer litellm elsewhere.

        """
        if steering := sorted(filter(steers_litellm, request.params)):
            raise ProviderRefused(
                f"provider {self._name!r}: the param {steering[0]!r} would steer litellm itself\n"
                "    write it under settings of the provider in evalgate.yaml"
            )
        if not self._checked and self._base is not None:
            await check_name(self._name, self._base)
            self._checked = True
        at = timestamp(self._clock())
        started = perf_counter()
        scope = asyncio.timeout(limit_s)
        try:
            async with scope:
                body, ttft_s = await self._exchange(request, limit_s, started)
        except UnreadableReply as error:
            attempt = Attempt(perf_counter() - started, "bad_response", 200, at, billing="possible")
            return Tried(attempt, None, str(error))
        except Exception as error:  # noqa: BLE001  litellm raises its vendors' errors, whatever they are
            latency_s = perf_counter() - started
            return timed_out(at, limit_s) if scope.expired() else self._failed(error, request, at, latency_s)
        return self._read(body, at, perf_counter() - started, ttft_s)

    async def _exchange(
        self, request: Request, limit_s: float, started: float
    ) -> tuple[dict[str, Any], float | None]:
        """Return the completion as JSON, and when its first token came where it was streamed."""
        spec, vendor = self._spec, self._spec.vendor
        streaming = request.params.get("stream") is True
        asked: dict[str, Any] = {
            **request.params,
            **spec.settings,
            "model": request.model if vendor is None else f"{vendor}/{request.model}",
            "messages": [message_json(message) for message in request.messages],
            "max_retries": 0,
            "num_retries": 0,
            "timeout": limit_s + _GRACE_S,
            "caching": False,
        }
        if self._key is not None:
            asked["api_key"] = self._key
        if self._base is not None:
            asked["api_base"] = self._base
        if streaming:
            asked["stream_options"] = {"include_usage": True}
        answered = await self._litellm.acompletion(**asked)
        if not streaming:
            return dict(answered.model_dump()), None
        reply, ttft_s = StreamedReply(), None
        async for chunk in answered:
            reply.take(chunk.model_dump())
            if reply.spoke and ttft_s is None:
                ttft_s = perf_counter() - started
        return reply.body(), ttft_s

    def _read(self, body: dict[str, Any], at: str, latency_s: float, ttft_s: float | None) -> Tried:
        # litellm fills in counts of 0 and a cost of 0 where a vendor counts nothing; usage_of knows that, and
        # its cost, which comes from a table and not from the vendor, is left alone.
        usage = usage_of(body)
        error, detail, response = None, "", None
        try:
            response = response_of(body)
        except FilteredReply as filtered:
            error, detail = "content_filter", str(filtered)
        except UnreadableReply as unreadable:
            error, detail = "bad_response", str(unreadable)
        billing: Billing = "billed" if usage or error is None else billing_of(200, error)
        attempt = Attempt(
            latency_s=latency_s,
            error=error,
            status=200,
            at=at,
            ttft_s=ttft_s,
            usage=usage,
            model_served=text_field(body, "model"),
            fingerprint=text_field(body, "system_fingerprint"),
            billing=billing,
        )
        return Tried(attempt, response, detail)

    def _failed(self, error: Exception, request: Request, at: str, latency_s: float) -> Tried:
        found = told(error)
        said = one_line(found.complaint.message, self._key)
        if found.kind == NOT_SENT:
            raise ProviderRefused(
                f"provider {self._name!r}: litellm cannot ask model {request.model!r}: {said}\n"
                "    correct the deployment's model or params, or the provider's vendor in evalgate.yaml"
            ) from None
        kind = found.kind
        if kind is None:
            assert found.status is not None
            meant = meaning(found.status, found.complaint)
            if isinstance(meant, Refusal):
                raise ProviderRefused(self._refusal(meant, request.model, said)) from None
            kind = meant
        attempt = Attempt(
            latency_s=latency_s,
            error=kind,
            status=found.status,
            at=at,
            retry_after_s=retry_after_s(found.headers, self._clock()),
            billing=_billing(found, kind),
            body_digest=body_digest(said.encode()) if (found.status or 0) >= 500 else None,
        )
        return Tried(attempt, None, said)

    def _refusal(self, refusal: Refusal, model: str, said: str) -> str:
        refused = f"provider {self._name!r} refused model {model!r} with HTTP {refusal.status}"
        if refusal.status == 401:
            # The vendor's own words on a bad key often quote a part of it.
            key = (
                f"the key in {self._spec.key_env}" if self._spec.key_env else "the missing key (set key_env)"
            )
            return f"{refused}: it does not accept {key}"
        return f"{refused}: {said or 'no reason given'}\n    check the account, the key and the model"


def _billing(found: Told, kind: str) -> Billing:
    if found.never_connected:
        return "free"
    return "possible" if found.status is None else billing_of(found.status, kind)


def _refuse_detours(name: str, spec: LitellmProvider, environ: Mapping[str, str]) -> None:
    """Refuse to send a key where a variable of the environment says instead of to its vendor."""
    vendors = {"OPENAI", "LITELLM", *(() if spec.vendor is None else (spec.vendor.upper(),))}
    for variable in (f"{vendor}_{end}" for vendor in sorted(vendors) for end in ("API_BASE", "BASE_URL")):
        if environ.get(variable):
            raise ProviderRefused(
                f"provider {name!r}: the environment variable {variable} would send calls and key elsewhere\n"
                "    unset it, or write its address as the provider's origin in evalgate.yaml"
            )


def quiet_litellm(name: str) -> ModuleType:
    """Return litellm with everything off that calls, keeps or tells something by itself.

    Raises:
        ProviderRefused: it is not installed.

    """
    # Read at import: without it, litellm downloads its price map.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ.setdefault("LITELLM_LOG", "CRITICAL")
    try:
        litellm = importlib.import_module("litellm")
        handlers = importlib.import_module("litellm.llms.custom_httpx.http_handler")
        httpx = importlib.import_module("httpx")
    except ImportError:
        raise ProviderRefused(
            f"provider {name!r} is of kind 'litellm', which is not installed\n"
            "    in your checkout of evalgate, run: uv sync --extra live"
        ) from None
    for setting in (
        "callbacks",
        "success_callback",
        "failure_callback",
        "input_callback",
        "service_callback",
    ):
        setattr(litellm, setting, [])
    litellm.telemetry = False  # type: ignore[attr-defined]
    litellm.cache = None  # type: ignore[attr-defined]
    litellm.suppress_debug_info = True  # type: ignore[attr-defined]
    litellm.turn_off_message_logging = True  # type: ignore[attr-defined]
    litellm.disable_streaming_logging = True  # type: ignore[attr-defined]
    litellm.drop_params = False  # type: ignore[attr-defined]
    _stay_at_home(litellm, handlers, httpx)
    return litellm


def _stay_at_home(litellm: ModuleType, handlers: ModuleType, httpx: ModuleType) -> None:
    """Follow no redirect: it would take the key along, as vendors' own key headers are not cut off."""
    handler = handlers.AsyncHTTPHandler
    if litellm.aclient_session is None:
        litellm.aclient_session = httpx.AsyncClient(  # type: ignore[attr-defined]
            transport=handler.create_async_transport(), follow_redirects=False, trust_env=False
        )
    if getattr(handler, "follows_no_redirects", False):
        return
    make = handler.create_client

    def create_client(self: object, *args: Any, **named: Any) -> Any:
        client = make(self, *args, **named)
        client.follow_redirects = False
        return client

    handler.create_client = create_client
    handler.follows_no_redirects = True
