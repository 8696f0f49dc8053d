"""The verb ``power``: what each suite can see, from what is recorded; nothing is called."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from evalgate.core.comparison import Change, Comparison, units_to_resolve
from evalgate.core.errors import CannotJudge
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.power import Basis, BudgetPower, SuitePower
from evalgate.core.progress import Progress
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.load.project import load_project
from evalgate.pipeline.bench import Bench
from evalgate.pipeline.power_warnings import graded_cases, independent_cases
from evalgate.pipeline.recorded import committed_and_local
from evalgate.pipeline.run import run_for_report
from evalgate.pipeline.settings import RunSettings
from evalgate.pricing.prices import resolve_prices
from evalgate.scoring.aa import flip_rate
from evalgate.scoring.columns import columns_of
from evalgate.scoring.compare import compare
from evalgate.scoring.power import (
    POWER,
    mde,
    normal_chances,
    smallest_effect,
    tango_chances,
    tango_power,
    tango_required_n,
)
from evalgate.scoring.repeats import repeats_plan

ASSUMED = 0.05
_FEW_DISCORDANT = 30
_OTHERS: tuple[Metric, ...] = ("cost_per_correct", "latency_p95")
_NOT_COMPARED = Unmeasured("no recorded comparison shows how much it varies")


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
    resolves: dict[Metric, float | Unmeasured] = {"accuracy": _resolved(cases, flips, alpha)}
    for metric in _OTHERS:
        change = None if compared is None else compared.find(metric)
        resolves[metric] = _NOT_COMPARED if change is None else smallest_effect(change, alpha)
    rows = budgets_of(suite, cases, flips, compared, budgets)
    return SuitePower(suite.name, cases, alpha, flips, basis, text, resolves, rows)


def budgets_of(
    suite: Suite, cases: int, flips: float, compared: Comparison | None, budgets: Mapping[Metric, float]
) -> tuple[BudgetPower, ...]:
    """Return what each relative limit needs under no change, ``budgets`` over the suite's own.

    Accuracy's part follows from how often answers flip, the others' from the spread in ``compared``.
    """
    alpha = suite.rules.alpha
    wanted = {
        limit.metric: limit.allowance
        for limit in suite.rules.limits
        if limit.slice is None and limit.limit in {"max_drop", "max_rise"} and limit.allowance > 0
    } | dict(budgets)
    return tuple(
        _drop(cases, flips, allowance, alpha)
        if metric == "accuracy"
        else _other(metric, compared, allowance, alpha)
        for metric, allowance in wanted.items()
    )


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


def _resolved(cases: int, flips: float, alpha: float) -> float | Unmeasured:
    """Return the smallest drop budget passed under no change, exactly where the formula is off."""
    if not cases:
        return Unmeasured("no case has a target, so nothing is graded")
    formula = mde(math.sqrt(flips), cases, alpha)
    if flips * cases >= _FEW_DISCORDANT:
        return formula
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if tango_power(cases, flips, middle, alpha) >= POWER else (middle, high)
    return high


def _drop(cases: int, flips: float, allowance: float, alpha: float) -> BudgetPower:
    needed = tango_required_n(flips, allowance, alpha)
    if not cases:
        nothing = Unmeasured("no case has a target, so nothing is graded")
        return BudgetPower("accuracy", allowance, needed, nothing)
    advice = repeats_plan(flips, cases, allowance, alpha)
    chances = tango_chances(cases, flips, allowance, alpha)
    row = BudgetPower("accuracy", allowance, needed, chances.inconclusive)
    if advice.trials > 1 and advice.cases_repeated < needed:
        return replace(row, trials=advice.trials, cases_repeated=advice.cases_repeated)
    return row


def _other(metric: Metric, compared: Comparison | None, allowance: float, alpha: float) -> BudgetPower:
    change = None if compared is None else compared.find(metric)
    unknown = _not_known(change)
    if change is None or change.sd is None or unknown is not None:
        missing = unknown or _NOT_COMPARED
        return BudgetPower(metric, allowance, missing, missing)
    gap = math.log1p(allowance) if change.scale == "relative" else allowance
    needed = units_to_resolve(change.sd, gap, alpha)
    chances = normal_chances(change.sd, change.clusters, gap, alpha)
    return BudgetPower(metric, allowance, math.ceil(needed), chances.inconclusive)


def _not_known(change: Change | None) -> Unmeasured | None:
    if change is None:
        return _NOT_COMPARED
    if isinstance(change.change, Unmeasured):
        return change.change
    if change.change.method == "identical":
        return Unmeasured("it did not differ at all between the runs compared")
    if change.sd is None or change.clusters == 0:
        return Unmeasured("the interval is unbounded, so its width says nothing")
    return None
