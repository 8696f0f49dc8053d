"""The verb ``judge-check``: the judge of a suite beside people, beside itself, and between two policies."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from evalgate.core.errors import BadInput, Problem
from evalgate.core.judge_check import SuiteJudgeCheck, ToLabel
from evalgate.core.labels import answer_digest
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Answer
from evalgate.core.policy import Policy
from evalgate.core.progress import Progress
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.core.suite_file import JudgeGrader
from evalgate.grading.needs import has_judge, suite_judging
from evalgate.load.project import load_project
from evalgate.pipeline.comparing.bench import Bench
from evalgate.pipeline.live.judging_again import Answers, answers_of
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.project.places import store_file
from evalgate.pipeline.project.settings import JudgeCheckSettings
from evalgate.pipeline.project.texts import question_of
from evalgate.pricing.prices import resolve_prices
from evalgate.scoring.judge_check import judge_check as check_runs
from evalgate.store.recordings import Recordings


def judge_check(settings: JudgeCheckSettings, progress: Progress) -> tuple[SuiteJudgeCheck, ...]:
    """Return how the judges of the suites fare, one entry a suite and proposal.

    Raises:
        BadInput: something a person wrote is wrong, or no suite has a judge.
        CannotJudge: the answers or their grades are not recorded, or a provider refuses.

    """
    policies = () if settings.policy is None else (settings.policy,)
    project = load_project(settings.start, settings.suites, policies, calling=settings.times > 0)
    judged = [each for each in project.suites if has_judge(each) and not suite_judging(each).pairwise]
    if not judged:
        names = ", ".join(suite.name for suite in project.suites)
        cure = "name a suite whose grader is of kind `judge`, and not pairwise: labels are about one answer"
        raise BadInput([Problem(f"no model judges the answers of {names} one by one", cure)])
    return tuple(
        _of_pair(project, suite, pair, settings, progress) for suite in judged for pair in _pairs(suite)
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where grades are replayed from, after the judge was asked again."""

    recordings: Recordings
    made: int = 0
    spend_usd: float | Unmeasured = 0.0


def _pairs(suite: Suite) -> Iterator[tuple[Policy, Policy]]:
    baseline = suite.baseline
    others = suite.proposals or (() if baseline is None else (baseline,))
    for policy in others:
        yield (policy if baseline is None else baseline), policy


def _of_pair(
    project: Project,
    suite: Suite,
    pair: tuple[Policy, Policy],
    settings: JudgeCheckSettings,
    progress: Progress,
) -> SuiteJudgeCheck:
    prices = {
        policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)
        for policy in pair
    }
    suite = replace(suite, baseline=pair[0], proposals=(pair[1],))
    progress.start(f"{suite.name}: replaying", 1)
    recordings = committed_and_local(project, suite)
    bench = Bench(project, suite, prices, recordings, "replay", keep=False)
    runs = [bench.measured(policy) for policy in pair]
    progress.done()
    answers = answers_of(suite, runs)
    asked = _ask(project, answers, recordings, settings, progress)
    budget = _budget(suite) if settings.budget is None else settings.budget
    found = check_runs(runs[0], runs[1], tuple(answers.grades(asked.recordings)), budget)
    return SuiteJudgeCheck(
        suite=suite.name,
        judge=_judges(suite),
        baseline=pair[0].name,
        candidate=pair[1].name,
        budget=budget,
        found=found,
        to_label=tuple(_to_label(suite, runs, found.next)),
        made=asked.made,
        spend_usd=asked.spend_usd,
    )


def _ask(
    project: Project,
    answers: Answers,
    recordings: Recordings,
    settings: JudgeCheckSettings,
    progress: Progress,
) -> _Asked:
    if not settings.times:
        return _Asked(recordings)
    # asyncio and sqlite only when calling
    from evalgate.pipeline.live.calling import Calling, make_calls  # noqa: PLC0415
    from evalgate.pipeline.live.calling_suite import purpose_of  # noqa: PLC0415
    from evalgate.pipeline.planning.paying import bound_judges  # noqa: PLC0415
    from evalgate.store.local.store import LocalStore  # noqa: PLC0415

    suite = answers.suite
    bound_judges(project, suite, settings.spending)
    rounds = answers.rounds(settings.times)
    with LocalStore(store_file(project.root)) as store:
        calling = Calling(
            project,
            suite,
            (),
            {},
            store,
            purpose_of("judge-check", suite, ()),
            recordings,
            rounds=lambda _, __: rounds,
            cap_usd=settings.spending.cap_usd,
        )
        calls = make_calls(calling, progress)
    if calls.broken_off is not None:
        raise calls.broken_off
    return _Asked(committed_and_local(project, suite), len(calls.digests), calls.spend.at_most_usd)


def _budget(suite: Suite) -> float | None:
    return next(
        (
            limit.allowance
            for limit in suite.rules.limits
            if limit.metric == "accuracy"
            and limit.limit == "max_drop"
            and limit.slice is None
            and limit.allowance
        ),
        None,
    )


def _judges(suite: Suite) -> str:
    judges = [each for each in suite_judging(suite).graders if isinstance(each.spec, JudgeGrader)]
    return ", ".join(each.deployment.model for each in judges if each.deployment is not None)


def _to_label(suite: Suite, runs: list[Run], case_ids: tuple[str, ...]) -> Iterator[ToLabel]:
    """Yield the unlabelled answers of these cases; which policy gave them is not told."""
    questions = {case.id: question_of(case) for case in suite.cases}
    known = {(label.case, label.answer) for label in suite.labels}
    said: dict[str, dict[str, str]] = {}
    for graded in (each for run in runs for each in run.results if each.outcome.trial == 0):
        result = graded.outcome.result
        if isinstance(result, Answer):
            tools = [f"{call.name}({call.arguments})" for call in result.tool_calls]
            text = "\n".join([result.text, *tools] if result.text else tools)
            said.setdefault(graded.outcome.case_id, {})[answer_digest(result)] = text
    for case_id in case_ids:
        for digest in sorted(said.get(case_id, {})):
            if (case_id, digest) not in known:
                yield ToLabel(case_id, digest, questions[case_id], said[case_id][digest])
