"""Grading what was served, with the calls that a judge among the graders needs."""

from evalgate.core.calls import Call, Caller
from evalgate.core.outcome import Grade, Outcome
from evalgate.core.suite import Suite
from evalgate.grading.judge_error import JudgeError, check_judge_errors
from evalgate.grading.needs import JUDGE_RELIABILITY, suite_judging
from evalgate.pipeline.replaying import run_now
from evalgate.serving.serve import Asked


class SuiteJudge:
    """The graders of a suite over one pass; each of a judge's calls is replayed once."""

    def __init__(self, suite: Suite) -> None:
        """Start with nothing judged."""
        self._judging = suite_judging(suite)
        self._calls: dict[str, Call] = {}
        self._results: list[Grade | JudgeError | None] = []

    def grade(self, asked: Asked, outcome: Outcome, caller: Caller) -> Grade | None:
        """Return the grade of one outcome; None for a case without target, or that the judge failed on.

        Raises:
            MissingRecordings: a call of the judge was never recorded.
            GraderCrash: a grader raised.

        """
        if self._judging.needs_calls:
            for request in self._judging.requests(asked.case, outcome):
                if request.digest not in self._calls:
                    self._calls[request.digest] = run_now(caller(request, JUDGE_RELIABILITY))
        result = self._judging.grade(asked.case, outcome, self._calls)
        if self._judging.needs_calls:
            self._results.append(result)
        return None if isinstance(result, JudgeError) else result

    def check(self) -> None:
        """Refuse to go on when the judge failed too often.

        Raises:
            CannotJudge: its unusable replies exceed the graders' ``max_error_share``.

        """
        check_judge_errors(self._results, self._judging.graders)


async def ask_judges(suite: Suite, asked: Asked, outcome: Outcome, caller: Caller) -> None:
    """Make the calls that grading this outcome needs; each is recorded like any other."""
    judging = suite_judging(suite)
    if judging.needs_calls:
        for request in judging.requests(asked.case, outcome):
            await caller(request, JUDGE_RELIABILITY)
