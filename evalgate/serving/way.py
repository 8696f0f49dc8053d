"""The way of one case along its deployments: past those that cool down, with a call beside a slow one.

A hedge is a second call that is sent where the first has no answer yet (Dean and Barroso, "The Tail at
Scale", Communications of the ACM 56, 2013). Whoever answers first is served, and the other one is paid for
what was sent. The first call and its fallbacks go on meanwhile, so nobody waits longer than without a hedge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalgate.core.calls import Attempt, Call, Caller, Request, Response
from evalgate.core.cases import Case
from evalgate.core.outcome import Failure, Role, Step
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import HEDGE_SAMPLE, Reliability
from evalgate.serving.ask import ask
from evalgate.serving.generated import Generated, Ready, batched, failure_of, step_of, turnaround_s
from evalgate.serving.moment import Moment, in_turn, postponed
from evalgate.serving.requests import fill_request


@dataclass(frozen=True, slots=True)
class _Hedge:
    """The second call; ``at`` is where it stands among the steps, seconds count from the case's beginning."""

    alias: str
    call: Call
    began_s: float
    at: int

    @property
    def ends_s(self) -> float:
        return self.began_s + self.call.latency_s

    @property
    def answers(self) -> bool:
        return self.call.response is not None


class Way:
    """One walk along a chain of deployments."""

    def __init__(
        self,
        case: Case,
        trial: int,
        chain: Sequence[Ready],
        rules: Reliability,
        caller: Caller,
        role: Role,
    ) -> None:
        """Stand before the first deployment of ``chain``; ``role`` is that of a call to it."""
        self._case, self._trial, self._chain = case, trial, chain
        self._rules, self._caller, self._role = rules, caller, role
        self._now_s = 0.0
        self._steps: list[Step] = []
        self._skipped: list[str] = []
        self._hedge: _Hedge | None = None
        self._window_s: float | None = None

    async def walk(self) -> Generated:
        """Ask until somebody answers or nobody is left."""
        for place, (deployment, _) in enumerate(self._chain):
            alias, hedge = deployment.alias, self._hedge
            if hedge is not None and hedge.answers and hedge.ends_s <= self._now_s:
                break
            if hedge is not None and hedge.alias == alias:
                # It was asked beside the first one already, so that call is the one to wait for.
                self._now_s = max(self._now_s, hedge.ends_s)
                continue
            if self._is_cooling(alias, self._now_s):
                self._skipped.append(alias)
                continue
            response = await self._ask(place)
            if response is not None:
                return self._answered(response, alias)
        return self._ended()

    async def _ask(self, place: int) -> Response | None:
        """Ask one deployment; None where it fails, or the hedge answers before it does."""
        deployment, began_s = self._chain[place][0], self._now_s
        alias, batch = deployment.alias, deployment.batch
        at = len(self._steps)
        call = await self._made(place)
        ends_s = began_s + (call.latency_s if batch is None else turnaround_s(call, batch))
        hedge = self._hedge
        if hedge is not None and hedge.answers and hedge.ends_s < ends_s:
            self._steps[at] = _lost(self._steps[at], hedge.ends_s - began_s)
            ends_s = hedge.ends_s
            call = replace(call, response=None)
        self._note(alias, began_s, self._steps[at].attempts)
        self._now_s = ends_s
        return call.response

    async def _made(self, place: int) -> Call:
        """Make the call to a deployment; beside the very first one, a hedge where it is slow."""
        deployment = self._chain[place][0]
        role: Role = "fallback" if place else self._role
        target = None if self._steps else self._hedge_target(place)
        if target is None:
            call = await self._call(deployment, self._request(place), self._now_s)
            if deployment.batch is not None:
                call = batched(call, deployment.batch)
                self._window_s = max(self._window_s or 0.0, deployment.batch.window_s)
            self._steps.append(step_of(call, deployment.alias, role))
            return call
        after_s = self._rules.hedge_after_s
        assert after_s is not None
        began_s = self._now_s + after_s
        other, request = target
        race = self._caller.race if isinstance(self._caller, Moment) else in_turn
        call, beside = await race(
            lambda: self._call(deployment, self._request(place), self._now_s),
            lambda: self._call(other, request, began_s),
            after_s,
        )
        self._steps.append(step_of(call, deployment.alias, role))
        if beside is not None:
            self._hedge = _Hedge(other.alias, beside, began_s, len(self._steps))
            self._steps.append(step_of(beside, other.alias, "hedge"))
        return call

    def _hedge_target(self, place: int) -> tuple[Deployment, Request] | None:
        """Return whom a slow call gets beside it, and what they are asked; a batch is slow by agreement."""
        after_s = self._rules.hedge_after_s
        if after_s is None or self._chain[place][0].batch is not None:
            return None
        if self._rules.hedges_same:
            return self._chain[place][0], self._request(place, HEDGE_SAMPLE)
        for other in range(place + 1, len(self._chain)):
            deployment = self._chain[other][0]
            if deployment.batch is None and not self._is_cooling(deployment.alias, self._now_s + after_s):
                return deployment, self._request(other)
        return None

    def _request(self, place: int, sample: int = 0) -> Request:
        return fill_request(self._case, *self._chain[place], self._trial, sample)

    async def _call(self, deployment: Deployment, request: Request, at_s: float) -> Call:
        return await ask(deployment, request, self._rules, postponed(self._caller, at_s))

    def _answered(self, response: Response, alias: str) -> Generated:
        """The chain answered: a hedge that is still under way has lost."""
        hedge = self._hedge
        if hedge is not None and hedge.ends_s >= self._now_s:
            self._steps[hedge.at] = _lost(self._steps[hedge.at], self._now_s - hedge.began_s)
        self._note_hedge()
        return self._generated(response, alias, self._now_s)

    def _ended(self) -> Generated:
        """The chain has no answer: the hedge's, if it has one."""
        hedge = self._hedge
        self._note_hedge()
        if hedge is not None and hedge.call.response is not None:
            return self._generated(hedge.call.response, hedge.alias, hedge.ends_s)
        now_s = self._now_s if hedge is None else max(self._now_s, hedge.ends_s)
        last = self._steps[-1].deployment if self._steps else self._chain[-1][0].alias
        return self._generated(failure_of(self._steps, self._skipped), last, now_s)

    def _generated(self, result: Response | Failure, alias: str, at_s: float) -> Generated:
        return Generated(tuple(self._steps), result, alias, at_s, self._window_s, tuple(self._skipped))

    def _is_cooling(self, alias: str, at_s: float) -> bool:
        caller = self._caller
        if not isinstance(caller, Moment) or caller.health is None:
            return False
        return caller.health.is_cooling(alias, caller.at_s + at_s)

    def _note(self, alias: str, at_s: float, attempts: Sequence[Attempt]) -> None:
        caller = self._caller
        if isinstance(caller, Moment) and caller.health is not None:
            caller.health.note(alias, caller.at_s + at_s, attempts)

    def _note_hedge(self) -> None:
        if self._hedge is not None:
            self._note(self._hedge.alias, self._hedge.began_s, self._steps[self._hedge.at].attempts)


def _lost(step: Step, until_s: float) -> Step:
    """Return the step with the attempts that were sent before ``until_s`` seconds had passed."""
    sent: list[Attempt] = []
    at_s = 0.0
    for attempt in step.attempts:
        at_s += attempt.wait_s
        if sent and at_s >= until_s:
            break
        sent.append(attempt)
        at_s += attempt.latency_s
    return replace(step, attempts=tuple(sent), lost=True)
