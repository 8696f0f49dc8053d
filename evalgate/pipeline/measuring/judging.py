"""Grading what was served, with the calls that a judge or an embedder among the graders needs."""

from collections.abc import Mapping, Sequence

from evalgate.core.calls import Call, Caller
from evalgate.core.errors import CannotJudge
from evalgate.core.outcome import Answer, Failure, Grade, Outcome
from evalgate.core.policy_file import Price
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.core.verdict import JudgeUse
from evalgate.grading.judge_error import JudgeError, check_judge_errors
from evalgate.grading.needs import JUDGE_RELIABILITY, Judging, suite_judging
from evalgate.pipeline.measuring.replaying import run_now
from evalgate.pricing.calls import priced_by, total_usd
from evalgate.pricing.prices import resolve_prices
from evalgate.serving.serve import Asked


def judging_of(suite: Suite) -> Judging:
    """Return how the answers of ``suite`` are judged.

    Raises:
        CannotJudge: its judge compares answers with those of a baseline that there is not.

    """
    judging = suite_judging(suite)
    if judging.pairwise and suite.baseline is None:
        raise CannotJudge(
            f"suite {suite.name}: its judge is pairwise, and the family has no baseline to compare answers "
            "with.\n    Add the policy that serves today, or ask the judge for a score or for labels."
        )
    return judging


class SuiteJudge:
    """The graders of a suite over one policy.

    ``calls`` holds each of a judge's calls once, for all policies: equal answers get one verdict, whatever
    session they come from. ``against`` is the baseline's run, where this policy is another one.
    """

    def __init__(self, suite: Suite, calls: dict[str, Call], against: Run | None = None) -> None:
        """Start with nothing judged.

        Raises:
            CannotJudge: its judge compares answers with those of a baseline that there is not.

        """
        self._judging = judging_of(suite)
        self._calls = calls
        self._others = _served_by(against)
        self.against = against.manifest.policy_digest if self._judging.pairwise and against else None
        self._results: list[Grade | JudgeError | None] = []

    def grade(self, asked: Asked, outcome: Outcome, caller: Caller) -> Grade | None:
        """Return the grade of one outcome; None for a case without target, or that the judge failed on.

        Raises:
            MissingRecordings: a call of the judge was never recorded.
            GraderCrash: a grader raised.

        """
        judging, other = self._judging, self._others.get((outcome.case_id, outcome.trial))
        if judging.needs_calls:
            for request in judging.requests(asked.case, outcome, other):
                if request.digest not in self._calls:
                    self._calls[request.digest] = run_now(caller(request, JUDGE_RELIABILITY))
        result = judging.grade(asked.case, outcome, self._calls, other)
        if judging.needs_calls:
            self._results.append(result)
        return None if isinstance(result, JudgeError) else result

    def check(self) -> None:
        """Refuse to go on when the judge failed too often.

        Raises:
            CannotJudge: its unusable replies exceed the graders' ``max_error_share``.

        """
        check_judge_errors(self._results, self._judging.graders)


def _served_by(run: Run | None) -> Mapping[tuple[str, int], Answer | Failure]:
    """Return what a policy served, by case and trial: what a pairwise judge compares others with."""
    results = () if run is None else run.results
    return {(each.outcome.case_id, each.outcome.trial): each.outcome.result for each in results}


async def ask_judges(
    suite: Suite, asked: Asked, outcomes: Mapping[str, Outcome], baseline: Outcome | None, caller: Caller
) -> None:
    """Make the calls that grading these outcomes, by policy, needs; each is recorded like any other.

    ``baseline`` is the baseline's outcome, which a pairwise judge sees beside those of others.
    """
    judging = judging_of(suite)
    own = None if suite.baseline is None else suite.baseline.name
    for policy, outcome in outcomes.items():
        other = None if policy == own or baseline is None else baseline.result
        for request in judging.requests(asked.case, outcome, other):
            await caller(request, JUDGE_RELIABILITY)


def judge_prices(project: Project, suite: Suite) -> Mapping[str, Price]:
    """Return the price of each model that the graders of ``suite`` ask, by alias.

    Raises:
        BadInput: one has no price.

    """
    return resolve_prices(suite_judging(suite).deployments, project.prices, project.price_at)


def judge_use(
    project: Project, suite: Suite, runs: Sequence[Run], calls: Mapping[str, Call]
) -> JudgeUse | None:
    """Return what grading ``runs`` took, each distinct call once; None where no model is asked.

    ``runs`` is baseline and candidate, or one run alone; ``calls`` is what was replayed for them.
    """
    judging = suite_judging(suite)
    if not judging.needs_calls:
        return None
    cases = {case.id: case for case in suite.cases}
    needed: dict[str, Call] = {}
    errors = 0
    for run in runs:
        others = _served_by(None if run is runs[0] else runs[0])
        for graded in run.results:
            outcome = graded.outcome
            other = others.get((outcome.case_id, outcome.trial))
            requests = judging.requests(cases[outcome.case_id], outcome, other)
            needed |= {request.digest: calls[request.digest] for request in requests}
            errors += bool(requests) and graded.grade is None
    prices = judge_prices(project, suite)
    return JudgeUse(
        models=tuple(dict.fromkeys(f"{each.provider}/{each.model}" for each in judging.deployments)),
        calls=len(needed),
        spend_usd=total_usd(needed.values(), priced_by(judging.deployments, prices)),
        errors=errors,
        digests=frozenset(needed),
    )
