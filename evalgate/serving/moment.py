"""A Caller that knows when it is asked: what fails at that moment, and who is left alone then."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from evalgate.core.calls import Attempt, Call, Caller, Request
from evalgate.core.faults import Befalling, Fault, failed_attempt, slowed_attempt
from evalgate.core.policy_file import Reliability
from evalgate.core.retry import Again, next_step
from evalgate.serving.cooldown import Health

Ask = Callable[[], Awaitable[Call]]
Race = Callable[[Ask, Ask, float], Awaitable[tuple[Call, Call | None]]]
"""Makes a call, and a second one beside it where the first has no answer after so many seconds."""


async def in_turn(first: Ask, second: Ask, after_s: float) -> tuple[Call, Call | None]:
    """Race calls whose times are recorded: whether there is a second follows from how long the first took."""
    call = await first()
    return call, await second() if call.latency_s > after_s else None


@dataclass(frozen=True, slots=True)
class Moment:
    """A Caller at ``at_s`` of the cases' clock. A call that no fault befalls is the inner Caller's own.

    ``drawn_by`` names the case and trial, by which partial faults are drawn: alike for every policy.
    """

    inner: Caller
    at_s: float = 0.0
    befalling: Befalling = field(default_factory=dict)
    drawn_by: str = ""
    health: Health | None = None
    race: Race = in_turn

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        """Ask as the inner Caller does, with what fails now in the place of what was recorded.

        Raises whatever the inner Caller raises.
        """
        identity = (request.provider, request.model, request.revision, request.quantization)
        faults = self.befalling.get(identity)
        if not faults:
            return await self.inner(request, rules)
        return await self._amid(faults, request, rules)

    async def _amid(self, faults: tuple[Fault, ...], request: Request, rules: Reliability) -> Call:
        """Make attempt after attempt. One that a fault stops uses up nothing of what is recorded."""
        done: list[Attempt] = []
        call: Call | None = None
        used, now_s, wait_s = 0, self.at_s, 0.0
        while True:
            drawn_by = f"{self.drawn_by}:{request.provider}:{request.model}:{request.sample}:{len(done)}"
            fault = next((each for each in faults if each.hits(now_s, drawn_by)), None)
            if call is None and (fault is None or fault.answers or fault.billed):
                call = await self.inner(request, _left(rules, len(done)))
            recorded = None if call is None else call.attempts[used]
            attempt = _met(fault, now_s, rules, recorded)
            used += fault is None or (fault.answers and attempt.error == recorded_error(recorded))
            done.append(attempt if attempt.wait_s == wait_s else replace(attempt, wait_s=wait_s))
            step = next_step(rules, request.digest, done)
            # Who gave up on the recorded attempts gives up on these: they took no less time.
            if not isinstance(step, Again) or (call is not None and used == len(call.attempts)):
                break
            wait_s = step.wait_s
            now_s += attempt.latency_s + wait_s
        if call is None:
            # Nothing of it is recorded, so nothing names it.
            return Call(replace(request, digest=""), tuple(done), None, session="", replayed=True)
        response = call.response if done[-1].error is None else None
        return replace(call, attempts=tuple(done), response=response)


def postponed(caller: Caller, seconds: float) -> Caller:
    """Return the same Caller ``seconds`` later, where it has a clock."""
    if seconds and isinstance(caller, Moment):
        return replace(caller, at_s=caller.at_s + seconds)
    return caller


def recorded_error(attempt: Attempt | None) -> str | None:
    """Return the error of what was recorded."""
    return None if attempt is None else attempt.error


def _met(fault: Fault | None, now_s: float, rules: Reliability, recorded: Attempt | None) -> Attempt:
    if fault is not None and not fault.answers:
        return failed_attempt(fault, now_s, rules, recorded)
    assert recorded is not None
    return recorded if fault is None else slowed_attempt(fault, now_s, rules, recorded)


def _left(rules: Reliability, made: int) -> Reliability:
    return rules if not made else rules.model_copy(update={"num_retries": rules.num_retries - made})
