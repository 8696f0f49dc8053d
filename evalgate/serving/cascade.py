"""The cascade: ask the cheapest deployment first, and a better one while the answer is not sure enough."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evalgate.core.calls import Caller
from evalgate.core.cases import Case
from evalgate.core.outcome import CascadeStage, Failure, Role, Step
from evalgate.core.policy import Cascade
from evalgate.core.policy_file import Reliability
from evalgate.serving.confidence import Answered, Serve, compile_confidence
from evalgate.serving.generate import fallback_chain, generate
from evalgate.serving.generated import Generated, Ready
from evalgate.serving.moment import postponed


@dataclass(frozen=True, slots=True)
class Cascaded:
    """All calls of all stages in ``made``, and what each stage was sure of."""

    made: Generated
    stages: tuple[CascadeStage, ...]

    @property
    def held(self) -> bool:
        """Whether the answer was complete before anyone saw it: it was judged first."""
        return bool(self.stages) and self.stages[-1].confidence is not None


class CompiledCascade:
    """A cascade with everything compiled that its cases share."""

    __slots__ = ("_assess", "_chains", "_order", "_ready", "_rules", "_spec")

    def __init__(
        self, cascade: Cascade, ready: Mapping[str, Ready], rules: Reliability, served: Serve
    ) -> None:
        """Compile the chains of its deployments; ``served`` applies the policy's response rules."""
        self._spec = cascade.spec
        self._order = cascade.spec.asked
        self._ready = ready
        self._rules = rules
        self._chains = {alias: fallback_chain(alias, ready, rules) for alias in self._order}
        self._assess = compile_confidence(cascade, ready, rules, served)

    async def ask(self, case: Case, trial: int, caller: Caller) -> Cascaded:
        """Ask until an answer is sure enough, nobody is left, or a call failed for good.

        A failure is no low confidence: only fallbacks follow it. An answer that a fallback gave stands at
        the fallback's own place in the order, where it has one behind the stage that failed.

        Raises:
            BadInput: a case lacks the column of its confidence.
            CannotJudge: the user's function broke, or a provider did not give the probabilities of tokens.

        """
        steps: list[Step] = []
        stages: list[CascadeStage] = []
        skipped: list[str] = []
        waited_s, at = 0.0, 0
        while True:
            role: Role = "escalate" if at else "generate"
            chain = self._chains[self._order[at]]
            made = await generate(case, trial, chain, self._rules, postponed(caller, waited_s), role)
            steps += made.steps
            skipped += made.skipped
            waited_s += made.latency_s
            if isinstance(made.result, Failure):
                break
            at = max(at, self._place(made.deployment, at))
            if at == len(self._order) - 1:
                stages.append(CascadeStage(made.deployment, None, accepted=True))
                break
            asked = Answered(case, trial, self._ready[made.deployment], made, made.result)
            found = await self._assess(asked, postponed(caller, waited_s))
            steps += found.steps
            waited_s += found.latency_s + self._spec.check_s
            accepted = found.confidence >= self._spec.escalate_below
            stages.append(CascadeStage(made.deployment, found.confidence, accepted))
            if accepted:
                made = replace(made, result=found.response)
                break
            at += 1
        made = replace(made, steps=tuple(steps), latency_s=waited_s, skipped=tuple(skipped))
        return Cascaded(made, tuple(stages))

    def _place(self, alias: str, at: int) -> int:
        return self._order.index(alias) if alias in self._order else at
