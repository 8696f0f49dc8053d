"""The verb ``load``: a policy and its baseline under traffic, simulated from recordings."""

from dataclasses import replace

from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.load import LoadComparison, Traffic
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy import Policy
from evalgate.core.progress import Progress
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.load.project import load_project
from evalgate.pipeline.comparing.bench import Bench
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.project.settings import LoadSettings
from evalgate.pricing.prices import resolve_prices
from evalgate.scoring.load.metrics import under_load

_DEFAULT_BURSTINESS = 2.0


def load(settings: LoadSettings, progress: Progress) -> tuple[LoadComparison, ...]:
    """Return a policy beside its baseline under each suite's traffic; nothing is called.

    Raises:
        BadInput: something a person wrote is wrong, or nothing says how many requests come.
        CannotJudge: calls are not recorded, or did not tell what the simulation needs.

    """
    project = load_project(settings.start, settings.suites, (settings.policy,), settings.baseline)
    suites = [suite for suite in project.suites if suite.proposals]
    return tuple(_of_suite(project, suite, settings, progress) for suite in suites)


def _of_suite(project: Project, suite: Suite, settings: LoadSettings, progress: Progress) -> LoadComparison:
    candidate, baseline = suite.proposals[0], suite.baseline
    if baseline is not None and baseline.file == candidate.file:
        baseline = None
    policies = [policy for policy in (baseline, candidate) if policy is not None]
    prices = {
        policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)
        for policy in policies
    }
    bench = Bench(project, suite, prices, committed_and_local(project, suite), "replay", keep=False)
    progress.start(f"{suite.name}: under load", len(policies) + 1)
    runs = [_measured(bench, policy, progress) for policy in policies]
    before = runs[0] if len(runs) == 2 else None
    traffic, within_s = _traffic(suite, settings), settings.p95_within_s
    found = under_load(before, runs[-1], traffic, suite.rules, within_s=within_s, curves=True)
    progress.done()
    if isinstance(found, Unmeasured):
        raise CannotJudge(f"suite {suite.name}: {found.reason}")
    return found


def _measured(bench: Bench, policy: Policy, progress: Progress) -> Run:
    run = bench.measured(policy)
    progress.advance()
    return run


def _traffic(suite: Suite, settings: LoadSettings) -> Traffic:
    known = suite.traffic
    if settings.rps is None and known is None:
        cure = "add traffic: {rps: 20} to suite.yaml, or give --rps 20"
        raise BadInput([Problem("nothing says how many requests come", cure, suite.file)])
    traffic = known or Traffic(settings.rps or 1.0, _DEFAULT_BURSTINESS)
    if settings.rps is not None:
        traffic = replace(traffic, rps=settings.rps)
    if settings.burstiness is not None:
        traffic = replace(traffic, burstiness=settings.burstiness, arrived_s=(), sizes=())
    return traffic
