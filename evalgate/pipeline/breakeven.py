"""The verb ``breakeven``: what two policies cost a month over traffic, from recordings."""

from dataclasses import replace

from evalgate.core.breakeven import Breakeven
from evalgate.core.errors import BadInput, CannotJudge, Problem
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Cost
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.load.project import load_project
from evalgate.pipeline.comparing.bench import Bench
from evalgate.pipeline.comparing.utilisation import hosted
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.project.settings import BreakevenSettings
from evalgate.pricing.cost import cost_of
from evalgate.pricing.hosting import served
from evalgate.pricing.prices import resolve_prices
from evalgate.scoring.breakeven import Served, breakeven

_FREE = Price()


def find_breakeven(settings: BreakevenSettings, progress: Progress) -> tuple[Breakeven, ...]:
    """Return both policies over traffic on each suite; nothing is called.

    Raises:
        BadInput: something a person wrote is wrong, or neither policy has machines of its own.
        CannotJudge: calls are not recorded, or a cost is not known.

    """
    project = load_project(settings.start, settings.suites, (settings.policy,), settings.against)
    suites = [suite for suite in project.suites if suite.proposals]
    return tuple(_of_suite(project, suite, progress) for suite in suites)


def _of_suite(project: Project, suite: Suite, progress: Progress) -> Breakeven:
    policy, against = suite.proposals[0], suite.baseline
    if against is None or against.file == policy.file:
        cure = "name the policy to compare with: --against production"
        raise BadInput([Problem(f"{policy.name} has nothing to break even with", cure, suite.file)])
    prices = {
        each.name: resolve_prices(each.deployments.values(), project.prices, project.price_at)
        for each in (policy, against)
    }
    bench = Bench(project, suite, prices, committed_and_local(project, suite), "replay", keep=False)
    progress.start(f"{suite.name}: break-even", 3)
    runs = []
    for each in (policy, against):
        runs.append(bench.measured(each))
        progress.advance()
    if not any(True for run in runs for _ in hosted(run)):
        message = f"neither {policy.name} nor {against.name} asks machines that are paid by the hour"
        cure = "both cost the same per request at any traffic; give a deployment price: {hosting: …}"
        raise BadInput([Problem(message, cure, policy.file)])
    found = breakeven(_served(runs[0]), _served(runs[1]), suite.rules.alpha)
    progress.done()
    if isinstance(found, Unmeasured):
        raise CannotJudge(f"suite {suite.name}: {found.reason}")
    return found


def _served(run: Run) -> Served:
    fleets = tuple((alias, hosting, _in_units(run, alias)) for alias, hosting in hosted(run))
    free = {alias: price if price.hosting is None else _FREE for alias, price in run.manifest.prices.items()}
    calls = tuple(replace(graded, cost=cost_of(graded.outcome, free)) for graded in run.results)
    return Served(run, Run(run.manifest, calls), fleets)


def _in_units(run: Run, alias: str) -> Run:
    """Return the run whose costs are what it takes of a fleet, in units of its goodput."""
    price = run.manifest.prices[alias]
    results = []
    for graded in run.results:
        taken = served(graded.outcome, price, alias)
        results.append(replace(graded, cost=taken if isinstance(taken, Unmeasured) else Cost(taken)))
    return Run(run.manifest, tuple(results))
