"""The verb ``aa``: one policy against itself, from recorded trials or from calls made for it."""

from dataclasses import dataclass, replace

from evalgate.core.aa import SuiteAa, TrialPair
from evalgate.core.errors import BadInput, MissingRecordings, Problem
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.policy import Policy
from evalgate.core.power import BudgetPower
from evalgate.core.progress import Progress
from evalgate.core.suite import Project, Suite
from evalgate.gate.judge import judge
from evalgate.load.project import load_project
from evalgate.pipeline.comparing.bench import Bench
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.planning.budget_power import budgets_of
from evalgate.pipeline.planning.power_warnings import graded_cases, independent_cases
from evalgate.pipeline.project.places import store_file
from evalgate.pipeline.project.settings import AaSettings, PlanSettings
from evalgate.pricing.prices import resolve_prices
from evalgate.scoring.aa import Aa
from evalgate.scoring.aa import aa as compare_trials
from evalgate.store.recordings import Recordings


def aa(settings: AaSettings, progress: Progress) -> tuple[SuiteAa, ...]:
    """Return what repeating a policy shows of its noise, suite by suite.

    Raises:
        BadInput: something a person wrote is wrong.
        CannotJudge: trials are not recorded, a provider refuses, a grader crashed.

    """
    policies = () if settings.policy is None else (settings.policy,)
    calling = settings.mode != "replay"
    project = load_project(settings.start, settings.suites, policies, calling=calling)
    return tuple(_of_suite(project, suite, settings, progress) for suite in project.suites)


@dataclass(frozen=True, slots=True)
class _Trials:
    """Where the trials come from, and what it took."""

    recordings: Recordings
    made: int = 0
    spend_usd: float | Unmeasured = 0.0


def _of_suite(project: Project, suite: Suite, settings: AaSettings, progress: Progress) -> SuiteAa:
    policy = _policy(suite, settings)
    repeated = replace(suite, trials=max(suite.trials, settings.trials), baseline=policy, proposals=())
    prices = {policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)}
    trials = _called(project, repeated, policy, settings, progress)
    bench = Bench(project, repeated, prices, trials.recordings, settings.mode, keep=False)
    progress.start(f"{suite.name}: replaying {repeated.trials} trials", 1)
    try:
        run = bench.measured(policy)
    except MissingRecordings as missing:
        raise MissingRecordings(_how_to_repeat(str(missing), suite, settings)) from None
    found = compare_trials(run)
    progress.done()
    return SuiteAa(
        suite=suite.name,
        policy=policy.name,
        cases=len(suite.cases),
        trials=found.trials,
        flip_rate=found.flip_rate,
        pairs=tuple(_pairs(found, repeated)),
        budgets=_budgets(found, suite),
        made=trials.made,
        spend_usd=trials.spend_usd,
    )


def _policy(suite: Suite, settings: AaSettings) -> Policy:
    policy = suite.baseline if settings.policy is None else next(iter(suite.proposals), None)
    if policy is None:
        message = f"suite {suite.name} has no policy in production to repeat"
        raise BadInput([Problem(message, "name one with --policy", key="--policy")])
    return policy


def _called(
    project: Project, suite: Suite, policy: Policy, settings: AaSettings, progress: Progress
) -> _Trials:
    if settings.mode == "replay":
        return _Trials(committed_and_local(project, suite))
    # asyncio and sqlite only when calling
    from evalgate.pipeline.live.calling import Calling, make_calls  # noqa: PLC0415
    from evalgate.pipeline.live.calling_suite import known_before  # noqa: PLC0415
    from evalgate.pipeline.planning.paying import before_paying  # noqa: PLC0415
    from evalgate.store.local.store import LocalStore  # noqa: PLC0415

    prices = {policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)}
    plan, spending = PlanSettings(settings.start, mode=settings.mode), settings.spending
    before_paying(project, suite, [policy], prices, plan, spending)
    with LocalStore(store_file(project.root)) as store:
        known = known_before(project, suite, [policy], store, settings.mode)
        calling = Calling(
            project,
            suite,
            [policy],
            prices,
            store,
            known.purpose,
            known.recordings,
            concurrency=settings.concurrency,
            cap_usd=spending.cap_usd,
            going_on=known.going_on if settings.mode == "live" else None,
        )
        calls = make_calls(calling, progress)
    if calls.broken_off is not None:
        raise calls.broken_off
    return _Trials(known.after(project, suite, calls), len(calls.digests), calls.spend.at_most_usd)


def _pairs(found: Aa, suite: Suite) -> list[TrialPair]:
    pairs = []
    for number, comparison in enumerate(found.comparisons):
        ruling = judge(comparison, suite.rules)
        pairs.append(
            TrialPair(
                before=number,
                after=number + 1,
                # How often answers flip is told of all trials together.
                changes=tuple(each for each in comparison.changes if each.metric != "flip_rate"),
                verdict=ruling.verdict,
                blocked=ruling.blocked,
                headline=ruling.headline,
                checks=ruling.checks,
            )
        )
    return pairs


def _budgets(found: Aa, suite: Suite) -> tuple[BudgetPower, ...]:
    flips = found.flip_rate.value if isinstance(found.flip_rate, Estimate) else 0.0
    return budgets_of(suite, independent_cases(graded_cases(suite)), flips, found.comparisons[0], {})


def _how_to_repeat(missing: str, suite: Suite, settings: AaSettings) -> str:
    first = missing.split("\n", maxsplit=1)[0]
    policy = f" --policy {settings.policy}" if settings.policy else ""
    return (
        f"{first}\n    An A/A comparison needs {max(suite.trials, settings.trials)} trials of every case. "
        f"Call what is missing with `evalgate aa {suite.file.rsplit('/', 1)[0]}{policy} --mode auto`, "
        "or set trials in suite.yaml and record them."
    )
