"""The verb ``power``: what each suite can see, from what is recorded; nothing is called."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from evalgate.core.comparison import Comparison
from evalgate.core.errors import CannotJudge
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.power import Basis, SuitePower
from evalgate.core.progress import Progress
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.load.project import load_project
from evalgate.pipeline.comparing.bench import Bench
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.planning.budget_power import ASSUMED, NOT_COMPARED, budgets_of, resolved
from evalgate.pipeline.planning.power_warnings import graded_cases, independent_cases
from evalgate.pipeline.project.settings import RunSettings
from evalgate.pipeline.run import run_for_report
from evalgate.pricing.prices import resolve_prices
from evalgate.scoring.aa import flip_rate
from evalgate.scoring.columns import columns_of
from evalgate.scoring.compare import compare
from evalgate.scoring.power import (
    smallest_effect,
)

_OTHERS: tuple[Metric, ...] = ("cost_per_correct", "latency_p95")


def power(
    start: Path, suites: tuple[str, ...], budgets: Mapping[Metric, float], progress: Progress
) -> tuple[SuitePower, ...]:
    """Return what each suite can see; ``budgets`` stand in for, or add to, those of the suites.

    Raises:
        BadInput: something a person wrote is wrong.

    """
    project = load_project(start, suites)
    return tuple(_of_suite(project, suite, budgets, progress) for suite in project.suites)


def _of_suite(
    project: Project, suite: Suite, budgets: Mapping[Metric, float], progress: Progress
) -> SuitePower:
    runs = _recorded(project.root, suite, progress)
    compared = compare(runs[0], runs[1]) if len(runs) == 2 else None
    cases, alpha = independent_cases(graded_cases(suite)), suite.rules.alpha
    flips, basis, text = _flips(_repeated(project, suite), compared)
    resolves: dict[Metric, float | Unmeasured] = {"accuracy": resolved(cases, flips, alpha)}
    for metric in _OTHERS:
        change = None if compared is None else compared.find(metric)
        resolves[metric] = NOT_COMPARED if change is None else smallest_effect(change, alpha)
    rows = budgets_of(suite, cases, flips, compared, budgets)
    return SuitePower(suite.name, cases, alpha, flips, basis, text, resolves, rows)


def _recorded(start: Path, suite: Suite, progress: Progress) -> tuple[Run, ...]:
    """Return the recorded baseline and first proposal, or what there is of them."""
    # A limit beyond every suite shows without gating, so no run files are written.
    settings = RunSettings(start, suites=(str(suite.folder),), limit=len(suite.cases))
    try:
        ran = run_for_report(settings, progress)
    except CannotJudge:
        return ()
    return ran.runs[0] if ran.runs else ()


def _repeated(project: Project, suite: Suite) -> Run | None:
    """Return the baseline's recorded trials, those of the suite or more that ``aa`` made; None without."""
    if suite.baseline is None:
        return None
    policy, suite = suite.baseline, replace(suite, trials=max(suite.trials, 2), proposals=())
    prices = {policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)}
    try:
        recordings = committed_and_local(project, suite)
        return Bench(project, suite, prices, recordings, "replay", keep=False).measured(policy)
    except CannotJudge:
        return None


def _flips(run: Run | None, compared: Comparison | None) -> tuple[float, Basis, str]:
    if run is not None:
        found = flip_rate(columns_of(run), run.manifest.rules.alpha)
        if isinstance(found, Estimate):
            return found.value, "repeats", f"{run.manifest.trials} recorded trials of {run.manifest.policy}"
    change = None if compared is None else compared.find("accuracy")
    if compared is not None and change is not None and change.losses is not None and change.n:
        share = (change.losses + (change.gains or 0)) / change.n
        return (
            share,
            "comparison",
            f"the recorded comparison of {compared.baseline} with {compared.candidate}",
        )
    return ASSUMED, "assumed", "an assumption, as nothing recorded tells"
