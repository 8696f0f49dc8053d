"""What was served for one case and trial, what it cost, and how it was judged."""

from dataclasses import dataclass
from typing import Literal

from evalgate.core.calls import Attempt
from evalgate.core.messages import ToolCall
from evalgate.core.numbers import Unmeasured
from evalgate.core.prompt_cache import PromptCacheUse

Role = Literal["generate", "fallback", "hedge", "embed", "verify", "escalate", "sample", "check"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user got, after response rules."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the user got nothing.

    ``kind`` is the last attempt's error kind (:mod:`evalgate.core.retry`), or ``cooldown`` where every
    deployment was left alone because of earlier failures.
    """

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """One call made while serving a case, as it counts in the policy's ledger.

    ``digest`` and ``session`` are empty where faults stood in for all of it, so that nothing is recorded. A
    call is ``lost`` where another one that ran beside it answered first; its attempts are those sent until
    then.
    """

    role: Role
    deployment: str
    digest: str
    session: str
    attempts: tuple[Attempt, ...]
    lost: bool = False

    @property
    def answers(self) -> bool:
        """Whether it gave an answer, and in time."""
        return not self.lost and self.attempts[-1].error is None

    @property
    def recorded(self) -> bool:
        """Whether anything of it was really called, once."""
        return bool(self.digest)


@dataclass(frozen=True, slots=True)
class CacheTrace:
    """What the policy's cache did; ``source`` is the case whose answer a hit served.

    ``question`` names what was asked as it was asked: equal for two cases whose conversations differ in
    nothing but composed characters and whitespace at the ends. ``similarity`` is set where a hit was found
    by meaning, ``waited_s`` where it waited for an identical question that was being answered.
    ``near_miss`` tells of a golden near-miss whether the cache would answer it with the answer to the case
    that it must not be mistaken for, asked right before.
    """

    key: str
    hit: bool
    source: str | None = None
    question: str = ""
    similarity: float | None = None
    waited_s: float = 0.0
    near_miss: bool | None = None


@dataclass(frozen=True, slots=True)
class RouteTrace:
    """Where the router sent the case, and why."""

    score: float
    strong: bool
    deployment: str


@dataclass(frozen=True, slots=True)
class CascadeStage:
    """One answer of a cascade: how sure it was (None where nobody asked), and whether it was served."""

    deployment: str
    confidence: float | None
    accepted: bool


@dataclass(frozen=True, slots=True)
class TokenTimes:
    """When the tokens of an answer came, as its user saw them.

    ``ttft_s`` is the time to the first token, from the user's question on; ``tpot_s`` the mean time of an
    output token after the first. ``unknown_because`` says why one of them is None though there is such a
    time. Without it, ``tpot_s`` is None because nothing came bit by bit: a cached answer, a failure, a single
    token, an answer held back until it was whole.
    """

    ttft_s: float | None
    tpot_s: float | None = None
    unknown_because: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one case and trial got under a policy. Every case and trial has exactly one, also failed ones.

    ``deployment`` answered (None for a failure; for a cache hit, the one that answered the source).
    ``latency_s`` is what the user waits: lookup, routing, every attempt, backoff, fallback and escalation in
    sequence. ``stages`` are the answers of a cascade in turn; empty without one, and where nothing answered.
    ``tokens`` is None where no deployment of the policy says whether it streams. ``batch_window_s`` is set
    where a batch API answered, which promises no more than that; ``latency_s`` is no wait of a user's then.
    ``skipped`` are the deployments that would have been asked and were left alone after failures.
    """

    case_id: str
    trial: int
    result: Answer | Failure
    deployment: str | None
    latency_s: float
    steps: tuple[Step, ...]
    cache: CacheTrace | None = None
    route: RouteTrace | None = None
    stages: tuple[CascadeStage, ...] = ()
    tokens: TokenTimes | None = None
    batch_window_s: float | None = None
    skipped: tuple[str, ...] = ()

    @property
    def failed_by_design(self) -> bool:
        """Whether nothing was served and a fault is why: such a failure leaves no question open."""
        if not isinstance(self.result, Failure):
            return False
        met = any(attempt.fault_at_s is not None for step in self.steps for attempt in step.attempts)
        return met or bool(self.skipped)


@dataclass(frozen=True, slots=True)
class Cost:
    """USD of one outcome: all attempts of all calls that may have been billed.

    ``retries_usd`` is the part of attempts that did not produce the answer of their call, ``fallbacks_usd``
    the part of calls made as fallbacks, ``escalations_usd`` that of a cascade's later stages and
    ``confidence_usd`` that of samples and verifiers (retries included). ``hedges_usd`` is the part of calls
    sent beside a slow one, and ``wasted_usd`` what gave nothing: attempts that failed, and calls that
    answered after another one. All are inside ``total_usd``.
    """

    total_usd: float
    retries_usd: float = 0.0
    fallbacks_usd: float = 0.0
    escalations_usd: float = 0.0
    confidence_usd: float = 0.0
    hedges_usd: float = 0.0
    wasted_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Grade:
    """How one answer was judged. ``label`` is the class that was read from it, where there are classes.

    ``readable`` says whether the answer has the form that the grader reads (a label, a number, JSON); None
    for a grader that takes any text.
    """

    score: float
    correct: bool
    reason: str = ""
    label: str | None = None
    readable: bool | None = None


HitKind = Literal["right", "merged", "stale", "wrong", "neutral", "unlabelled"]
FALSE_HITS: frozenset[HitKind] = frozenset({"merged", "stale", "wrong"})


@dataclass(frozen=True, slots=True)
class Hit:
    """What a cache hit did to its case.

    It is false where it ``merged`` two questions that may not share an answer (``same_answer`` differs),
    served an answer that was right when it was stored (``stale``), or is ``wrong`` in another way.
    ``neutral`` is a wrong answer where a fresh one is wrong too; ``unlabelled``, one that nothing tells
    about. ``pair`` names the question that was answered when the answer was stored, and the one it served.
    ``fresh_correct`` is how a fresh answer grades, looked up only where the served one is wrong; None where
    it was not, or no call for it is recorded.
    """

    kind: HitKind
    pair: tuple[str, str]
    fresh_correct: bool | None = None

    @property
    def false(self) -> bool:
        """Whether the cache did harm."""
        return self.kind in FALSE_HITS


@dataclass(frozen=True, slots=True)
class Graded:
    """One line of a run: an outcome with its cost, its grade and what statistics need of the case.

    ``grade`` is None only for a case without ``target``; a failed case is graded wrong. ``hit`` is set
    exactly when the policy's cache answered. ``prompt_cache`` is set where a prediction of the provider's
    cache took the place of the cached tokens in the calls' usage, and so in ``cost``.
    """

    outcome: Outcome
    cost: Cost | Unmeasured
    grade: Grade | None
    slices: dict[str, str]
    group: str | None = None
    weight: float = 1.0
    target: str | None = None
    hit: Hit | None = None

    @property
    def unreadable(self) -> bool:
        """Whether nothing can be made of the answer.

        The grader looked for a form and did not find it; or, where it takes any text, there is no text, or
        the answer was cut off by its limit of tokens. A call that failed has no answer that could be.
        """
        answer = self.outcome.result
        if not isinstance(answer, Answer):
            return False
        if self.grade is not None and self.grade.readable is not None:
            return not self.grade.readable
        return answer.finish_reason == "length" or not (answer.tool_calls or answer.text.strip())

    prompt_cache: PromptCacheUse | None = None
