"""The Caller that reaches models: attempts, waits between them, and one Call at the end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from evalgate.core.attempt_log import AttemptLog
from evalgate.core.calls import Attempt, Call, Request
from evalgate.core.errors import ProviderRefused
from evalgate.core.policy_file import Reliability
from evalgate.core.providers_file import FunctionProvider, OpenAIProvider, ProviderFile
from evalgate.core.retry import DEFAULT_TIMEOUT_S, Again, Stop, next_step
from evalgate.providers.function import FunctionModel
from evalgate.providers.tried import Model, Tried, within

ATTEMPTS_IN_FLIGHT = 20

_log = logging.getLogger(__name__)


@dataclass(slots=True, repr=False)
class _Line:
    """The way to one provider. ``reached`` once anything answered there, be it with an error."""

    model: Model
    gate: asyncio.Semaphore
    reached: bool = False


def utc_now() -> datetime:
    """Return the current moment."""
    return datetime.now(UTC)


class LiveCaller:
    """Calls providers for real. Use it as an async context manager; leaving closes every connection.

    At most ``ATTEMPTS_IN_FLIGHT`` attempts per provider run at once; waiting for a free place is ours and
    counts nowhere. The first failure of each kind per provider is logged with its reason.
    """

    def __init__(
        self,
        providers: Mapping[str, ProviderFile],
        functions: Mapping[str, Callable[..., object]],
        environ: Mapping[str, str],
        attempt_log: AttemptLog,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare to call; nothing is opened and no key is read before a provider is first asked."""
        self._providers = providers
        self._functions = functions
        self._environ = environ
        self._attempt_log = attempt_log
        self._sleep = sleep
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._told: set[tuple[str, str | None]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Return the caller itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        self._lines.clear()
        await self._stack.aclose()

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        """Ask, retrying by ``rules`` and really waiting between attempts.

        Raises:
            ProviderRefused: the provider is unknown, unreachable from the start, or refuses key or model.
            SpendCapReached, Interrupted, CannotJudge: the attempt log lets nothing more be sent.

        """
        line = self._line(request)
        attempts: list[Attempt] = []
        wait_s = 0.0
        while True:
            tried = await self._try(line, request, rules.request_timeout_s or DEFAULT_TIMEOUT_S)
            # No clock here is truer than a microsecond, and recordings are read by people too.
            latency_s = round(tried.attempt.latency_s, 6)
            attempts.append(replace(tried.attempt, latency_s=latency_s, wait_s=wait_s))
            self._tell(request.provider, tried)
            match next_step(rules, request.digest, attempts):
                case Stop():
                    self._refuse_if_unreachable(line, request.provider, tried)
                    return Call(
                        request, tuple(attempts), tried.response, self._attempt_log.session, replayed=False
                    )
                case Again(wait_s=wait_s):
                    await self._sleep(wait_s)

    async def _try(self, line: _Line, request: Request, limit_s: float) -> Tried:
        async with line.gate:
            ticket = await self._attempt_log.before(request, limit_s)
            try:
                tried = within(await line.model.attempt(request, limit_s), limit_s)
            except ProviderRefused:
                self._attempt_log.after(ticket, None)
                raise
        # An attempt that is cancelled has no end: nobody knows whether it was billed.
        self._attempt_log.after(ticket, tried.attempt)
        line.reached = line.reached or not _never_connected(tried)
        return tried

    def _line(self, request: Request) -> _Line:
        line = self._lines.get(request.provider)
        if line is None:
            line = _Line(self._model(request), asyncio.Semaphore(ATTEMPTS_IN_FLIGHT))
            self._stack.push_async_callback(line.model.close)
            self._lines[request.provider] = line
        return line

    def _model(self, request: Request) -> Model:
        name = request.provider
        match self._providers.get(name):
            case OpenAIProvider() as spec if request.kind in {"chat", "embed"}:
                # aiohttp costs 0.2 s to import, which a run on functions alone need not pay.
                from evalgate.providers.openai_http import OpenAIEndpoint  # noqa: PLC0415

                return OpenAIEndpoint(name, spec, self._environ, self._clock)
            case FunctionProvider() as spec if request.kind in {"function", "embed"}:
                if name not in self._functions:
                    raise ProviderRefused(f"provider {name!r}: its function {spec.path} is not loaded")
                return FunctionModel(name, self._functions[name], self._clock)
            case None:
                known = ", ".join(sorted(self._providers)) or "none"
                raise ProviderRefused(
                    f"provider {name!r} is not in evalgate.yaml (there: {known})\n"
                    "    add it under providers, or correct the deployment's provider"
                )
            case spec:
                raise ProviderRefused(
                    f"provider {name!r} is of kind {spec.kind!r} and cannot answer {request.kind} calls"
                )

    def _refuse_if_unreachable(self, line: _Line, name: str, tried: Tried) -> None:
        # Counting every case as wrong because of a mistyped port would be a verdict about the port.
        if not line.reached and _never_connected(tried):
            raise ProviderRefused(
                f"provider {name!r} cannot be reached: {tried.detail}\n"
                "    start it, or correct its origin in evalgate.yaml"
            )

    def _tell(self, name: str, tried: Tried) -> None:
        """Log the first failure of each kind: recordings keep the kind, only this says why."""
        first = (name, tried.attempt.error) not in self._told
        if tried.attempt.error is not None and first:
            self._told.add((name, tried.attempt.error))
            _log.warning(
                "provider %r: first %s: %s (further ones are counted, not shown)",
                name,
                tried.attempt.error,
                tried.detail,
            )


def _never_connected(tried: Tried) -> bool:
    return tried.attempt.error == "connection" and tried.attempt.billing == "free"
