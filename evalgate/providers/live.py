"""The Caller that reaches models: attempts, waits between them, and one Call at the end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, perf_counter
from types import TracebackType
from typing import Self

from evalgate.core.attempt_log import AttemptLog
from evalgate.core.calls import Attempt, Call, Request
from evalgate.core.errors import ProviderRefused
from evalgate.core.policy_file import Limits, Reliability
from evalgate.core.providers_file import (
    FunctionProvider,
    HttpProvider,
    LitellmProvider,
    OpenAIProvider,
    ProviderFile,
)
from evalgate.core.retry import DEFAULT_TIMEOUT_S, Again, Stop, next_step
from evalgate.providers.function import FunctionModel
from evalgate.providers.limits import MOMENTS, START, Gate
from evalgate.providers.loop import running_watch
from evalgate.providers.moments import Moments, SharedMoments
from evalgate.providers.tokens import most_tokens, tokens_used
from evalgate.providers.tried import Model, Tried, within

# Below this, or this share of the latency, being late ourselves changes no figure that anybody judges.
_LATE_S = 0.001
_LATE_SHARE = 0.05

Identity = tuple[str, str, str | None, str | None]
_log = logging.getLogger(__name__)


@dataclass(slots=True, repr=False)
class _Line:
    """The way to one provider. ``reached`` once anything answered there, be it with an error."""

    model: Model
    reached: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to ask: what each deployment allows, by its identity, and how many attempts are in flight.

    ``concurrency`` is for each deployment; None finds it by trying, and keeps it low enough to time by.
    Processes that name the same folder as ``shared`` keep to the rates together.
    """

    limits: Mapping[Identity, Limits] = field(default_factory=dict)
    concurrency: int | None = None
    shared: Path | None = None


def utc_now() -> datetime:
    """Return the current moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Time:
    """The doors to time: waiting, the date for people, and seconds that only ever grow."""

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    clock: Callable[[], datetime] = utc_now
    now: Callable[[], float] = monotonic


class LiveCaller:
    """Calls providers for real. Use it as an async context manager; leaving closes every connection.

    Each deployment is asked at the ``pace`` it allows; waiting for that is ours, and stands in ``queued_s``.
    All the while the lateness of our own event loop is measured, and kept with each attempt as ``lag_s``.
    The first failure of each kind per provider is logged with its reason.
    """

    def __init__(
        self,
        providers: Mapping[str, ProviderFile],
        functions: Mapping[str, Callable[..., object]],
        environ: Mapping[str, str],
        attempt_log: AttemptLog,
        pace: Pace = Pace(),
        time: Time = Time(),
    ) -> None:
        """Prepare to call; nothing is opened and no key is read before a provider is first asked."""
        self._providers = providers
        self._functions = functions
        self._environ = environ
        self._attempt_log = attempt_log
        self._time = time
        self._pace = pace
        self._gates: dict[Identity, Gate] = {}
        self._lines: dict[str, _Line] = {}
        self._told: set[tuple[str, str | None]] = set()
        self._stack = AsyncExitStack()
        # Off where no text may be written anywhere: a provider's reason may quote the question.
        self.says_why = True

    async def __aenter__(self) -> Self:
        """Begin; needs a loop that knows how late it is."""
        self._watch = running_watch()
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
            attempts.append(replace(tried.attempt, wait_s=wait_s) if wait_s else tried.attempt)
            self._tell(request.provider, tried)
            match next_step(rules, request.digest, attempts):
                case Stop():
                    self._refuse_if_unreachable(line, request.provider, tried)
                    return Call(
                        request, tuple(attempts), tried.response, self._attempt_log.session, replayed=False
                    )
                case Again(wait_s=wait_s):
                    await self._time.sleep(wait_s)

    def under_way(self) -> int:
        """Return how many calls to have under way, so that every place is used as far as it is known.

        A call is claimed before it is made ready, which takes about as long: so twice as many are ahead.
        While the very first answers are awaited there is time to claim all the next.
        """
        gates = self._gates.values()
        places = sum(int(gate.places.limit) for gate in gates)
        chosen = self._pace.concurrency or places or START
        if not any(gate.knows for gate in gates):
            return 2 * chosen
        return chosen + 2 * (sum(gate.under_way for gate in gates) - places)

    async def _try(self, line: _Line, request: Request, limit_s: float) -> Tried:
        gate = self._gate(request)
        tokens = most_tokens(request) if gate.counts_tokens else 0
        queued_s = await gate.enter(tokens)
        entered = self._time.now()
        try:
            ticket = await self._attempt_log.before(request, limit_s)
        except BaseException:
            gate.turn_back(tokens)
            raise
        ready_s = self._time.now() - entered
        try:
            queued_s += await gate.go()
        except BaseException:
            self._attempt_log.never_sent(ticket)
            gate.turn_back(tokens)
            raise
        tried = await self._send(gate, line.model, request, limit_s, (ticket, queued_s))
        await self._watch.calm()
        gate.learn(ready_s, tried.attempt.latency_s)
        gate.settle(tokens, tokens_used(tried.attempt))
        # An attempt that is cancelled has no end: nobody knows whether it was billed.
        self._attempt_log.after(ticket, tried.attempt)
        line.reached = line.reached or not _never_connected(tried)
        return tried

    async def _send(
        self, gate: Gate, model: Model, request: Request, limit_s: float, ready: tuple[int, float]
    ) -> Tried:
        """Send an attempt that is ready: its ticket, and how long it was held back."""
        ticket, queued_s = ready
        attempt: Attempt | None = None
        late = False
        try:
            self._attempt_log.sending(ticket)
            try:
                tried = await self._timed(model, request, limit_s, queued_s)
            except ProviderRefused:
                self._attempt_log.after(ticket, None)
                raise
            attempt = tried.attempt
            # To open connections makes us late for a moment only, however many places there are.
            opened = tried.times is not None and tried.times.opened
            late = not opened and (attempt.lag_s or 0.0) > max(_LATE_S, _LATE_SHARE * attempt.latency_s)
            return tried
        finally:
            # Before anything else, so that the next is on its way at once.
            gate.leave(attempt, late=late)

    async def _timed(self, model: Model, request: Request, limit_s: float, queued_s: float) -> Tried:
        started = perf_counter()
        tried = within(await model.attempt(request, limit_s), limit_s)
        attempt = tried.attempt
        lag_s = (
            self._watch.late_between(started, perf_counter()) if tried.times is None else tried.times.lag_s
        )
        # No clock here is truer than a microsecond, and recordings are read by people too.
        latency_s = round(attempt.latency_s, 6)
        lag = round(min(lag_s, latency_s), 6) or None
        queued = round(queued_s, 6) if queued_s >= _LATE_S else None
        if (latency_s, lag, queued) == (attempt.latency_s, attempt.lag_s, attempt.queued_s):
            return tried
        return replace(tried, attempt=replace(attempt, latency_s=latency_s, lag_s=lag, queued_s=queued))

    def _gate(self, request: Request) -> Gate:
        identity = (request.provider, request.model, request.revision, request.quantization)
        gate = self._gates.get(identity)
        if gate is None:
            limits, folder = self._pace.limits.get(identity, Limits()), self._pace.shared
            moments: Moments | None = None
            if folder is not None:
                moments = SharedMoments(MOMENTS, folder, identity)
                self._stack.callback(moments.close)
            gate = self._gates[identity] = Gate(
                limits, self._pace.concurrency, self._time.now, self._time.sleep, moments
            )
        return gate

    def _line(self, request: Request) -> _Line:
        line = self._lines.get(request.provider)
        if line is None:
            line = _Line(self._model(request))
            self._stack.push_async_callback(line.model.close)
            self._lines[request.provider] = line
        return line

    def _model(self, request: Request) -> Model:
        name = request.provider
        match self._providers.get(name):
            case OpenAIProvider() as spec if request.kind in {"chat", "embed"}:
                # aiohttp costs 0.2 s to import, which a run on functions alone need not pay.
                from evalgate.providers.openai_http import OpenAIEndpoint  # noqa: PLC0415

                return OpenAIEndpoint(name, spec, self._environ, self._time.clock)
            case LitellmProvider() as spec if request.kind == "chat":
                from evalgate.providers.litellm_model import LitellmModel  # noqa: PLC0415  takes seconds

                return LitellmModel(name, spec, self._environ, self._time.clock)
            case HttpProvider() as spec if request.kind == "http":
                from evalgate.providers.http_app import HttpApp  # noqa: PLC0415

                return HttpApp(name, spec, self._environ, self._time.clock)
            case FunctionProvider() as spec if request.kind in {"function", "embed"}:
                if name not in self._functions:
                    raise ProviderRefused(f"provider {name!r}: its function {spec.path} is not loaded")
                return FunctionModel(name, self._functions[name], self._time.clock)
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
                tried.detail if self.says_why else "its reason may hold texts, and is not shown",
            )


def _never_connected(tried: Tried) -> bool:
    return tried.attempt.error == "connection" and tried.attempt.billing == "free"
