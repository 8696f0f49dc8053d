"""Requests and callers for the tests of this room."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from evalgate.core.attempt_log import Unlogged
from evalgate.core.calls import Call, Request
from evalgate.core.messages import Message
from evalgate.core.policy_file import Reliability
from evalgate.core.providers_file import FunctionProvider, OpenAIProvider
from evalgate.providers.live import LiveCaller, Pace, Time
from evalgate.providers.loop import run_loop

KEY = "sk-evalgate-canary-0123456789"
NOW = datetime(2026, 11, 1, 12, 0, 0, 5000, tzinfo=UTC)
ONCE = Reliability()
EASY = Pace()


def request(text="Where is my parcel?", *, kind="chat", provider="local", params=None, messages=None):
    return Request(
        kind=kind,
        provider=provider,
        model="m-1",
        revision=None,
        quantization=None,
        messages=messages or (Message("system", "Be brief."), Message("user", text)),
        params={"temperature": 0} if params is None else params,
        digest="d" * 64,
    )


def openai(
    origin,
    *,
    environ: Mapping[str, str] | None = None,
    key_env=None,
    log=None,
    spec=None,
    pace=EASY,
    **doors,
) -> LiveCaller:
    spec = OpenAIProvider(kind="openai", origin=origin, key_env=key_env, **(spec or {}))
    return LiveCaller(
        {"local": spec},
        {},
        environ or {},
        log or Unlogged("s-1"),
        pace,
        Time(**{"clock": lambda: NOW, **doors}),
    )


def ask(origin, rules: Reliability = ONCE, params=None, asked=None, **named) -> Call:
    """Ask once from a fresh caller, and close it."""

    async def go() -> Call:
        async with openai(origin, **named) as caller:
            return await caller(asked or request(params=params), rules)

    return run_loop(go())


def ask_function(
    function: Callable[..., object], rules: Reliability = ONCE, kind="function", **fields
) -> Call:
    async def go() -> Call:
        spec = FunctionProvider(kind="function", path="app:answer")
        async with LiveCaller(
            {"app": spec}, {"app": function}, {}, Unlogged("s-1"), time=Time(clock=lambda: NOW)
        ) as caller:
            return await caller(request(kind=kind, provider="app", **fields), rules)

    return run_loop(go())
