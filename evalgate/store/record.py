"""Callers that make calls and keep them: each call is made once, written down, then handed out."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

from evalgate.core.calls import Attempt, Call, Caller, Request, Response, TokenLogprob
from evalgate.core.digest import valid_text
from evalgate.core.messages import ToolCall
from evalgate.core.policy_file import Reliability
from evalgate.store.recordings import Recorded
from evalgate.store.replay import MissingCall, ReplayCaller, replay, with_waits


class Keeping(Protocol):
    """Where finished calls go."""

    def write(self, call: Call) -> str:
        """Keep one call and return the id of the session that now holds it."""
        ...


class Claims(Protocol):
    """Who makes which call, where several processes might."""

    def making(self, digest: str) -> AbstractAsyncContextManager[None]:
        """Hold the claim to a call; entering waits while another process makes it."""
        ...


class RecordingCaller:
    """A Caller that makes each call once a session, however often and however many at once ask for it.

    Who asks later, or meanwhile, gets the same call. Who asks by other retry rules gets it as those rules
    would have had it; where it does not tell, the attempts that are missing are made and kept as well.
    """

    def __init__(self, inner: Caller, writer: Keeping) -> None:
        """Make calls through ``inner`` and keep them with ``writer``."""
        self._inner = inner
        self._writer = writer
        self._made: dict[str, list[tuple[Reliability, Call]]] = {}
        self._pending: dict[str, asyncio.Future[None]] = {}

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        """Return the call, made now or earlier in this session."""
        return await self.go_on(request, rules, None)

    async def go_on(self, request: Request, rules: Reliability, missing: MissingCall | None) -> Call:
        """Return the call; what ``missing`` knows of it from earlier recordings is not asked again."""
        digest = request.digest
        while (pending := self._pending.get(digest)) is not None:
            await asyncio.wait([pending])
        known = () if missing is None else missing.known
        made = self.made(request, rules, known)
        if isinstance(made, Call):
            return made
        pending = self._pending[digest] = asyncio.get_running_loop().create_future()
        try:
            call = self._kept(await self._make(request, rules, made))
            self._made.setdefault(digest, []).append((rules, call))
        finally:
            del self._pending[digest]
            pending.set_result(None)
        return call

    def take(self, call: Call, rules: Reliability) -> Call:
        """Keep a call that others have made whole, and return it."""
        kept = self._kept(call)
        self._made.setdefault(call.request.digest, []).append((rules, kept))
        return kept

    def made(
        self, request: Request, rules: Reliability, known: tuple[Attempt, ...] = ()
    ) -> Call | tuple[Attempt, ...]:
        """Return the call as made in this session, or those of its attempts that are ``known``."""
        for made_by, call in self._made.get(request.digest, ()):
            if made_by == rules:
                return call
            recorded = Recorded(request.digest, call.session, call.attempts, call.response)
            try:
                return replace(replay(recorded, request, rules), replayed=False)
            except MissingCall as too_short:
                known = max(known, too_short.known, key=len)
        return known

    async def _make(self, request: Request, rules: Reliability, known: tuple[Attempt, ...]) -> Call:
        left = (
            rules if not known else rules.model_copy(update={"num_retries": rules.num_retries - len(known)})
        )
        call = await self._inner(request, left)
        if known:
            call = replace(call, attempts=with_waits(known + call.attempts, request.digest, rules))
        if call.response is None or (response := _valid_response(call.response)) == call.response:
            return call
        return replace(call, response=response)

    def _kept(self, call: Call) -> Call:
        return replace(call, session=self._writer.write(call))


class AutoCaller:
    """A Caller that replays what is recorded and makes the rest.

    Several processes may do so at once: what one of them makes, the others wait for and replay.
    """

    def __init__(
        self,
        replayed: ReplayCaller,
        recording: RecordingCaller,
        claims: Claims,
        begun: Mapping[str, tuple[Attempt, ...]] = MappingProxyType({}),
    ) -> None:
        """Ask ``replayed`` first, then ``recording``, holding the claim to each call that it makes.

        ``begun`` are the attempts of calls that were broken off; they are gone on with.
        """
        self._replayed = replayed
        self._recording = recording
        self._claims = claims
        self._begun = begun

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        """Return the call, replayed when the recordings settle it."""
        made = self._recording.made(request, rules)
        if isinstance(made, Call):
            return made
        found = await self._replay(request, rules)
        if isinstance(found, Call):
            return found
        # It is to be made, here or by whoever is about to.
        async with self._claims.making(request.digest):
            found = await self._replay(request, rules)
            return found if isinstance(found, Call) else await self._go_on(request, rules, found)

    async def _replay(self, request: Request, rules: Reliability) -> Call | MissingCall | None:
        """Return the recorded call, what is missing of it, or None where nothing of it is recorded."""
        if not self._replayed.holds(request.digest):
            return None
        try:
            return await self._replayed(request, rules)
        except MissingCall as missing:
            return missing

    async def _go_on(self, request: Request, rules: Reliability, missing: MissingCall | None) -> Call:
        begun = self._begun.get(request.digest)
        if begun is not None and (missing is None or not missing.known):
            try:
                call = replay(Recorded(request.digest, "", begun, None), request, rules)
            except MissingCall as broken_off:
                missing = broken_off
            else:
                return self._recording.take(replace(call, replayed=False), rules)
        return await self._recording.go_on(request, rules, missing)


def _valid_response(response: Response) -> Response:
    """Return the response with lone surrogates replaced: a replay must give the very text that was served."""
    tokens = response.logprobs
    return Response(
        None if response.text is None else valid_text(response.text),
        tuple(
            ToolCall(
                valid_text(call.name),
                valid_text(call.arguments),
                None if call.id is None else valid_text(call.id),
            )
            for call in response.tool_calls
        ),
        None if response.finish_reason is None else valid_text(response.finish_reason),
        None if tokens is None else tuple(TokenLogprob(valid_text(t.token), t.logprob) for t in tokens),
        response.vector,
    )
