"""The seam between grading and whoever makes calls: which calls does a grade need, and what is it then?

Grading itself calls nobody. Whoever measures a suite does this::

    judging = suite_judging(suite)
    for case, outcome in measured:
        for request in judging.requests(case, outcome, other):
            if request.digest not in calls:
                calls[request.digest] = await caller(request, JUDGE_RELIABILITY)
    results = [judging.grade(case, outcome, calls, other) for case, outcome in measured]
    check_judge_errors(results, judging.graders)     # CannotJudge above max_error_share

- ``requests`` is empty unless ``judging.needs_calls``; it may be skipped for every other suite, and ``calls``
  left out. Equal requests have equal digests, over outcomes, trials and policies.
- ``other`` is the baseline's result for the same case and trial, wanted only where ``judging.pairwise``.
  For the baseline itself leave it out: its answers tie with themselves (score 0.5).
- ``grade`` returns None for a case that is not graded (no target), and a ``JudgeError`` where the judge
  failed. A JudgeError is no grade: leave the case and trial out of both sides of a comparison.
- What these calls cost is not the policy's: ``judging.deployments`` says by which models to price them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from evalgate.core.calls import Call, Request
from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, Failure, Grade, Outcome
from evalgate.core.policy import Deployment
from evalgate.core.policy_file import Reliability
from evalgate.core.suite import Grader, Suite
from evalgate.core.suite_file import JudgeGrader, SimilarityGrader
from evalgate.grading.grade import grade, needs_target, no_answer
from evalgate.grading.judge import grade_by_judge, judge_requests
from evalgate.grading.judge_error import JudgeError
from evalgate.grading.several import weighted
from evalgate.grading.similarity import grade_similarity, similarity_requests

# How judges and embedders are asked: their failures are the harness's, so it tries harder than production.
JUDGE_RELIABILITY = Reliability(num_retries=4, request_timeout_s=180.0)
NO_CALLS: Mapping[str, Call] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Judging:
    """The graders of one suite, and from which score on an answer is correct."""

    graders: tuple[Grader, ...]
    correct_at: float
    needs_calls: bool = field(init=False)

    def __post_init__(self) -> None:
        """Find out once whether any call is needed."""
        asks = any(each.deployment is not None for each in self.graders)
        object.__setattr__(self, "needs_calls", asks)

    @property
    def pairwise(self) -> bool:
        """Whether a grade depends on the baseline's answer to the same case and trial."""
        specs = [each.spec for each in self.graders]
        return any(isinstance(spec, JudgeGrader) and spec.pairwise for spec in specs)

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """The judges and embedders that are asked."""
        return tuple(each.deployment for each in self.graders if each.deployment is not None)

    def requests(
        self, case: Case, outcome: Outcome, other: Answer | Failure | None = None
    ) -> tuple[Request, ...]:
        """Return the calls that ``grade`` needs for this outcome; none for a Failure or an ungraded case."""
        answer = outcome.result
        if not self.needs_calls or isinstance(answer, Failure) or not self.grades(case):
            return ()
        return tuple(request for each in self.graders for request in _requests(case, answer, each, other))

    def grade(
        self,
        case: Case,
        outcome: Outcome,
        calls: Mapping[str, Call] = NO_CALLS,
        other: Answer | Failure | None = None,
    ) -> Grade | JudgeError | None:
        """Judge one outcome, with ``calls`` by digest and the same ``other`` that ``requests`` was given.

        Raises:
            GraderCrash: the user's function or embedder failed.
            BadInput: a target cannot be read by its grader.
            MissingRecordings: a call that ``requests`` asked for is not among ``calls``.

        """
        if len(self.graders) == 1 and not self.needs_calls:
            one = self.graders[0]
            if one.embed is None:
                return grade(case, outcome.result, one.spec, self.correct_at, one.function)
        if not self.grades(case):
            return None
        if isinstance(outcome.result, Failure):
            return no_answer(outcome.result)
        parts: list[tuple[Grader, Grade]] = []
        for each in self.graders:
            part = self._part(case, outcome, each, calls, other)
            if not isinstance(part, Grade):
                return part
            parts.append((each, part))
        return weighted(parts, self.correct_at) if len(parts) > 1 else self._final(parts[0][1])

    def grades(self, case: Case) -> bool:
        """Tell whether ``case`` is graded: one without the target that some grader needs is not."""
        return case.target is not None or not any(needs_target(each.spec) for each in self.graders)

    def _part(
        self,
        case: Case,
        outcome: Outcome,
        grader: Grader,
        calls: Mapping[str, Call],
        other: Answer | Failure | None,
    ) -> Grade | JudgeError | None:
        answer = outcome.result
        assert isinstance(answer, Answer)
        match grader.spec:
            case JudgeGrader() as spec:
                requests = judge_requests(case, answer, grader, spec, other)
                return grade_by_judge(case, outcome, requests, spec, calls, other)
            case SimilarityGrader():
                return grade_similarity(case, outcome, answer, grader, calls)
            case spec:
                return grade(case, answer, spec, self.correct_at, grader.function)

    def _final(self, part: Grade) -> Grade:
        return Grade(part.score, part.score >= self.correct_at, part.reason, part.label, part.readable)


def suite_judging(suite: Suite) -> Judging:
    """Return how the answers of ``suite`` are judged."""
    graders = suite.graders or (Grader(suite.grader, suite.grade_function),)
    return Judging(graders, suite.correct_at)


def has_judge(suite: Suite) -> bool:
    """Tell whether a model's opinion is among what grades ``suite``."""
    return any(isinstance(each.spec, JudgeGrader) for each in suite_judging(suite).graders)


def _requests(
    case: Case, answer: Answer, grader: Grader, other: Answer | Failure | None
) -> tuple[Request, ...]:
    match grader.spec:
        case JudgeGrader() as spec:
            return judge_requests(case, answer, grader, spec, other)
        case SimilarityGrader():
            return similarity_requests(case, answer, grader)
        case _:
            return ()
