"""A model that is a function in this process: a team's own classifier or app."""

import asyncio
import copy
import inspect
import math
from collections.abc import Callable
from datetime import datetime
from time import perf_counter

from evalgate.core.calls import Attempt, Request, Response, TokenLogprob, Usage
from evalgate.core.digest import valid_text
from evalgate.core.errors import EvalgateError, ProviderRefused
from evalgate.core.functions import FunctionReply, FunctionRequest
from evalgate.core.messages import ToolCall, last_user_text
from evalgate.core.vectors import numbers_in, pack
from evalgate.providers.loop import running_watch
from evalgate.providers.tried import Times, Tried, one_line, timed_out, timestamp


class FunctionModel:
    """A callable that takes a FunctionRequest and returns text, a vector or a FunctionReply, now or awaited.

    A plain function runs on the event loop's own thread: its time is then its own, without a hop between
    threads, and nothing else runs meanwhile. It cannot be interrupted; it is timed out afterwards.
    """

    def __init__(self, name: str, function: Callable[..., object], clock: Callable[[], datetime]) -> None:
        """Wrap the function of the provider called ``name``."""
        self._name = name
        self._function = function
        self._clock = clock

    async def close(self) -> None:
        """Do nothing: the function belongs to whoever wrote it."""

    async def attempt(self, request: Request, limit_s: float) -> Tried:
        """Call the function once; what it raises is a failed attempt, as it would be in production.

        Raises:
            ProviderRefused: the function returned something that is not an answer.

        """
        asked = FunctionRequest(
            request.model,
            request.messages,
            copy.deepcopy(dict(request.params)),
            last_user_text(request.messages),
            request.sample,
        )
        at = timestamp(self._clock())
        scope = asyncio.timeout(None)
        started = perf_counter()
        try:
            returned = self._function(asked)
            if inspect.isawaitable(returned):
                async with scope:
                    scope.reschedule(asyncio.get_running_loop().time() + limit_s)
                    returned = await returned
        except EvalgateError:
            raise
        except Exception as crash:  # noqa: BLE001  whatever the team's code raises, its user got no answer
            times = _times(started)
            if scope.expired():
                return timed_out(at, limit_s)
            # The function's own TimeoutError is none of ours: with more patience it would fail all the same.
            attempt = Attempt(times.latency_s, "server_error", at=at, billing="possible")
            return Tried(attempt, None, one_line(f"{type(crash).__name__}: {crash}"), times)
        times = _times(started)
        reply, response = self._embedded(returned) if request.kind == "embed" else self._said(returned)
        attempt = Attempt(
            times.latency_s, at=at, usage=reply.usage, reported_cost_usd=reply.cost_usd, billing="billed"
        )
        return Tried(attempt, response, times=times)

    def _said(self, returned: object) -> tuple[FunctionReply, Response]:
        reply = FunctionReply(returned) if isinstance(returned, str) else returned
        if not isinstance(reply, FunctionReply):
            raise ProviderRefused(
                f"the function of provider {self._name!r} returned {type(returned).__name__}\n"
                "    return str or evalgate.core.functions.FunctionReply"
            )
        text: object = reply.text
        calls: object = reply.tool_calls
        reason: object = reply.finish_reason
        self._refuse_first(
            (not isinstance(text, str | None), f"whose text is {type(text).__name__}, not str"),
            (not _are_tool_calls(calls), "whose tool_calls is not a tuple of ToolCall"),
            (text is None and not calls, "with neither text nor tool_calls"),
            (not _are_logprobs(reply.logprobs), "whose logprobs is not a tuple of TokenLogprob"),
            (not isinstance(reason, str | None), f"whose finish_reason is {type(reason).__name__}, not str"),
            *_price_faults(reply),
        )
        said = None if reply.text is None else valid_text(reply.text)
        return reply, Response(said, reply.tool_calls, reply.finish_reason, reply.logprobs)

    def _embedded(self, returned: object) -> tuple[FunctionReply, Response]:
        reply = returned if isinstance(returned, FunctionReply) else FunctionReply()
        try:
            packed = pack(numbers_in(returned if reply is not returned else reply.vector) or ())
        except ValueError:
            raise ProviderRefused(
                f"the function of provider {self._name!r} was asked for an embedding and returned "
                f"{type(returned).__name__} without a vector\n"
                "    return a list of finite numbers, or FunctionReply(vector=…)"
            ) from None
        self._refuse_first(*_price_faults(reply))
        return reply, Response(None, vector=packed)

    def _refuse_first(self, *faults: tuple[bool, str]) -> None:
        """Refuse a reply for the first fault it has: its types are promises of code that nobody checked."""
        wrong = next((sentence for is_so, sentence in faults if is_so), None)
        if wrong is not None:
            raise ProviderRefused(f"the function of provider {self._name!r} returned a FunctionReply {wrong}")


def _times(started: float) -> Times:
    """Return the times of a call until now. What the function itself does on the loop is no lag of ours."""
    ended = perf_counter()
    return Times(ended - started, running_watch().longest_inside(started, ended), opened=False)


def _price_faults(reply: FunctionReply) -> tuple[tuple[bool, str], ...]:
    usage: object = reply.usage
    cost: object = reply.cost_usd
    return (
        (not isinstance(usage, Usage | None), f"whose usage is {type(usage).__name__}, not Usage"),
        (
            cost is not None and not _is_usd(cost),
            f"whose cost_usd is {cost!r}: it is a number of USD from 0 on, or None where it is not known",
        ),
    )


def _are_tool_calls(calls: object) -> bool:
    return isinstance(calls, tuple) and all(isinstance(call, ToolCall) for call in calls)


def _are_logprobs(tokens: object) -> bool:
    # JSON has no infinity, so no recording could keep one.
    return tokens is None or (
        isinstance(tokens, tuple)
        and all(isinstance(each, TokenLogprob) and math.isfinite(each.logprob) for each in tokens)
    )


def _is_usd(cost: object) -> bool:
    return isinstance(cost, int | float) and not isinstance(cost, bool) and math.isfinite(cost) and cost >= 0
