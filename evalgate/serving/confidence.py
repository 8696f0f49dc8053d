"""How sure of its answer a deployment of a cascade is, and what asking that costs and takes."""

import math
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from evalgate.core.calls import Call, Caller, Response
from evalgate.core.cascade_file import (
    ANSWER,
    CascadeFile,
    ColumnConfidence,
    FunctionConfidence,
    MeanLogprob,
    SelfConsistency,
    Verifier,
    confidence_range,
)
from evalgate.core.cases import Case
from evalgate.core.digest import canonical_json
from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.outcome import Answer, Step
from evalgate.core.policy import Cascade, ConfidenceFunction
from evalgate.core.policy_file import Reliability
from evalgate.serving.ask import ask
from evalgate.serving.generated import Generated, Ready, step_of
from evalgate.serving.requests import fill_request

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer whose confidence is asked: who gave it to which case and trial, and by which calls."""

    case: Case
    trial: int
    ready: Ready
    made: Generated
    response: Response


@dataclass(frozen=True, slots=True)
class Assessed:
    """How sure the answer is; ``response`` is what would be served, ``steps`` the calls that it took to know.

    ``latency_s`` is what the user waits beyond the answer itself.
    """

    confidence: float
    response: Response
    steps: tuple[Step, ...] = ()
    latency_s: float = 0.0


Assess = Callable[[Answered, Caller], Awaitable[Assessed]]
Serve = Callable[[Response], Answer]


def compile_confidence(
    cascade: Cascade, ready: Mapping[str, Ready], rules: Reliability, served: Serve
) -> Assess:
    """Return the function from an answer to how sure it is; ``served`` applies the response rules."""
    spec = cascade.spec
    match spec.confidence:
        case SelfConsistency() as voting:
            return _Vote(voting, rules, served)
        case MeanLogprob():
            return _mean_logprob
        case Verifier() as verifier:
            return _Verify(verifier, ready[verifier.deployment], rules, served)
        case FunctionConfidence() as asked:
            assert cascade.function is not None
            return _Function(asked, cascade.function, served)
        case ColumnConfidence():
            return _Column(spec)


@dataclass(frozen=True, slots=True)
class _Vote:
    spec: SelfConsistency
    rules: Reliability
    served: Serve

    async def __call__(self, asked: Answered, caller: Caller) -> Assessed:
        """Draw the other samples; a draw that failed agrees with nobody.

        They are made one after another also where they count as parallel: a recording is of one call at a
        time, and what a server makes of many at once is measured under load.
        """
        deployment, prompt = asked.ready
        calls = [
            await ask(
                deployment,
                fill_request(asked.case, deployment, prompt, asked.trial, sample),
                self.rules,
                caller,
            )
            for sample in range(1, self.spec.samples)
        ]
        drawn = [asked.response, *(call.response for call in calls if call.response is not None)]
        votes = [self._vote(response) for response in drawn]
        # Of equally common answers the one drawn first wins, as Counter keeps the order of drawing.
        (winner, agreeing), *_ = Counter(votes).most_common(1)
        chosen = drawn[votes.index(winner)]
        return Assessed(
            confidence=0.0 if _says_nothing(chosen) else agreeing / self.spec.samples,
            response=chosen,
            steps=tuple(step_of(call, deployment.alias, "sample") for call in calls),
            latency_s=self._waited_s(asked.made, calls),
        )

    def _vote(self, response: Response) -> str:
        answer = self.served(response)
        tools = [[call.name, call.arguments] for call in answer.tool_calls]
        return canonical_json([answer.text.strip().casefold(), tools])

    def _waited_s(self, made: Generated, calls: list[Call]) -> float:
        times = [call.latency_s for call in calls]
        if not self.spec.parallel:
            return math.fsum(times)
        # All start at once; after a fallback, once it was known who answers.
        fell_back = len(made.steps) > 1
        return max(times) if fell_back else max(0.0, max(times) - made.latency_s)


async def _mean_logprob(asked: Answered, _caller: Caller) -> Assessed:
    tokens = asked.response.logprobs
    if not tokens:
        if _says_nothing(asked.response):
            return Assessed(0.0, asked.response)
        raise CannotJudge(
            f"case {asked.case.id!r}: deployment {asked.ready[0].alias!r} answered without the probabilities "
            "of its tokens, which the cascade's confidence needs\n"
            "    ask for them (params: {logprobs: true}) and record anew, or choose another confidence"
        )
    mean = math.fsum(token.logprob for token in tokens) / len(tokens)
    return Assessed(min(1.0, math.exp(mean)), asked.response)


@dataclass(frozen=True, slots=True)
class _Verify:
    spec: Verifier
    ready: Ready
    rules: Reliability
    served: Serve

    async def __call__(self, asked: Answered, caller: Caller) -> Assessed:
        """Ask the verifier; no usable number from it is no confidence, as it would be in production."""
        shown = self.served(asked.response).text
        case = asked.case.model_copy(update={"vars": {**asked.case.vars, ANSWER: shown}})
        call = await ask(self.ready[0], fill_request(case, *self.ready, asked.trial), self.rules, caller)
        found = _NUMBER.findall(call.response.text or "") if call.response is not None else []
        low, high = self.spec.range
        said = float(found[-1]) if found else low
        return Assessed(
            confidence=said if low <= said <= high else low,
            response=asked.response,
            steps=(step_of(call, self.ready[0].alias, "check"),),
            latency_s=call.latency_s,
        )


@dataclass(frozen=True, slots=True)
class _Function:
    spec: FunctionConfidence
    function: ConfidenceFunction
    served: Serve

    async def __call__(self, asked: Answered, _caller: Caller) -> Assessed:
        low, high = self.spec.range
        if _says_nothing(asked.response):
            return Assessed(low, asked.response)
        where = f"the cascade's function {self.spec.path}, asked about case {asked.case.id!r},"
        try:
            said: object = self.function(asked.case, self.served(asked.response))
        except Exception as error:  # the user's own code may raise anything
            raise CannotJudge(f"{where} raised {type(error).__name__}: {error}") from error
        if isinstance(said, bool) or not isinstance(said, int | float) or not low <= said <= high:
            raise CannotJudge(f"{where} returned {said!r}, which is no number from {low:g} to {high:g}")
        return Assessed(float(said), asked.response)


@dataclass(frozen=True, slots=True)
class _Column:
    spec: CascadeFile

    async def __call__(self, asked: Answered, _caller: Caller) -> Assessed:
        if problem := confidence_column_problem(self.spec, asked.case, asked.ready[0].alias):
            raise BadInput([problem])
        column = self.spec.column_of(asked.ready[0].alias)
        assert column is not None
        return Assessed(float(asked.case.vars[column]), asked.response)


def confidence_column_problem(spec: CascadeFile, case: Case, alias: str) -> Problem | None:
    """Return why the column with the confidence of ``alias`` is not usable, or None when it is."""
    column = spec.column_of(alias)
    low, high = confidence_range(spec.confidence)
    if column is None:
        message = f"the cascade has no column for the confidence of {alias!r}, which answered"
        return Problem(message, f"add one under column, as in column: {{{alias}: confidence}}")
    value = case.vars.get(column)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if usable:
        return None
    said = f"is {value!r}" if column in case.vars else "is missing"
    message = f"column {column!r} of case {case.id!r} {said}, and the cascade reads a confidence from it"
    return Problem(message, f"every case needs a number from {low:g} to {high:g} there", key=f"vars.{column}")


def _says_nothing(response: Response) -> bool:
    """Tell an empty answer, of which nobody can be sure."""
    return not (response.text or "").strip() and not response.tool_calls
