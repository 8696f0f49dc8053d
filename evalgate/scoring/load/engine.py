"""A continuous-batching engine, iteration by iteration.

Each iteration decodes a token for every running request and takes in the prompts of those that just joined.

The step time is linear in both (the model class of Vidur, Agrawal et al., MLSys 2024, with the attention term
left out), so what a request takes depends on what else is running; that is why times recorded alone may not
be replayed under load.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from math import ceil, inf

from evalgate.core.load import StepTime


@dataclass(slots=True)
class Engine:
    """The state of one engine between two iterations.

    ``clock_s`` is the end of the last iteration; ``busy_s`` adds up running requests times seconds.
    """

    step: StepTime
    clock_s: float = 0.0
    busy_s: float = 0.0
    _iteration: int = 0
    _running: list[tuple[int, int]] = field(default_factory=list)
    _waiting: deque[tuple[float, int, int, int]] = field(default_factory=deque)
    _joined: list[tuple[int, float]] = field(default_factory=list)

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits."""
        return not self._running and not self._waiting

    def arrive(self, at_s: float, request: int, prompt_tokens: int, output_tokens: int) -> None:
        """Queue a request, none earlier than those before; it joins the next iteration that has room."""
        self._waiting.append((at_s, request, prompt_tokens, max(1, output_tokens)))

    def begun(self) -> list[tuple[int, float]]:
        """Return, once, who has joined since the last time and when."""
        joined, self._joined = self._joined, []
        return joined

    def advance(self, until_s: float) -> list[int]:
        """Run until ``until_s``, or until a request is done; return who was done at ``clock_s``.

        The iteration in which ``until_s`` falls is run to its end, as an engine would.
        """
        while self.clock_s < until_s and not self.idle:
            if not self._running and self._waiting[0][0] > self.clock_s:
                self.clock_s = self._waiting[0][0]
                continue
            prompt_tokens = self._join()
            running = len(self._running)
            step_s = self.step.step_s + self.step.per_running_s * running
            ahead = 1 if prompt_tokens else self._quiet(step_s, until_s)
            takes_s = ahead * step_s + self.step.per_prefill_token_s * prompt_tokens
            self.clock_s += takes_s
            self.busy_s += takes_s * running
            self._iteration += ahead
            if self._running[0][0] <= self._iteration:
                return self._done()
        return []

    def _join(self) -> int:
        prompt_tokens = 0
        while self._waiting and len(self._running) < self.step.max_running:
            if self._waiting[0][0] > self.clock_s:
                break
            _, request, prompt, output = self._waiting.popleft()
            heapq.heappush(self._running, (self._iteration + output, request))
            self._joined.append((request, self.clock_s))
            prompt_tokens += prompt
        return prompt_tokens

    def _quiet(self, step_s: float, until_s: float) -> int:
        """How many iterations pass before anything changes: a request done, or time is up."""
        left = self._running[0][0] - self._iteration
        if self._waiting and len(self._running) < self.step.max_running:
            until_s = min(until_s, self._waiting[0][0])
        if until_s == inf or step_s <= 0:
            return left
        return max(1, min(left, ceil((until_s - self.clock_s) / step_s)))

    def _done(self) -> list[int]:
        done = []
        while self._running and self._running[0][0] <= self._iteration:
            done.append(heapq.heappop(self._running)[1])
        return done
