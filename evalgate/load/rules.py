"""From the budgets of a suite and its project to the limits that the gate judges."""

from collections.abc import Iterator

from evalgate.core.budgets import (
    BudgetsFile,
    CostBudget,
    FailureBudget,
    FalseHitBudget,
    FlipBudget,
    LatencyBudget,
    LengthBudget,
    Limit,
    OnInconclusive,
    Rules,
    ShareBudget,
    SliceBudgets,
    ThroughputBudget,
    TurnaroundBudget,
    Waiver,
)
from evalgate.core.errors import Problem
from evalgate.core.metrics import METRICS, LimitName, Metric
from evalgate.core.project_file import ProjectFile
from evalgate.core.quantities import Quantity
from evalgate.core.suite_file import SuiteFile
from evalgate.load.syntax.documents import Document

_Budget = (
    ShareBudget
    | CostBudget
    | LatencyBudget
    | FailureBudget
    | FalseHitBudget
    | ThroughputBudget
    | TurnaroundBudget
    | FlipBudget
    | LengthBudget
)
_LIMITS: tuple[LimitName, ...] = ("max_drop", "max_rise", "min", "max")
EVERY_SLICE = "*"


def build_rules(suite: SuiteFile, project: ProjectFile, waivers: tuple[Waiver, ...] = ()) -> Rules:
    """Return the rules of a suite: each metric's budget is the suite's own, else the project's.

    A budget is taken whole: a suite that states ``accuracy`` states all of it.
    """
    limits: list[Limit] = []
    for metric in METRICS:
        budget = getattr(suite.budgets, metric) or getattr(project.budgets, metric)
        if budget is not None:
            limits.extend(_limits(metric, budget, project.on_inconclusive))
    slices = suite.budgets.slices or project.budgets.slices
    if slices is not None and slices.accuracy is not None:
        limits.extend(_slice_limits(slices, slices.accuracy, project.on_inconclusive))
    return Rules(
        limits=tuple(limits),
        alpha=project.alpha,
        slice_by=slices.by if slices is not None else None,
        inference=suite.inference,
        cleanup_usd_per_wrong=suite.cleanup_usd_per_wrong,
        trials_pass=suite.trials_pass,
        waivers=waivers,
        prompt_cache=suite.prompt_cache,
    )


def check_budgets(document: Document[ProjectFile] | Document[SuiteFile]) -> Iterator[Problem]:
    """Yield limits that no share can reach."""
    budgets: BudgetsFile = document.value.budgets
    shares: dict[tuple[str, ...], tuple[_Budget | None, str]] = {
        ("budgets", metric): (getattr(budgets, metric), terms.of)
        for metric, terms in METRICS.items()
        if terms.unit == "share"
    }
    if budgets.slices is not None:
        shares["budgets", "slices", "accuracy"] = budgets.slices.accuracy, "cases"
    for key, (budget, of) in shares.items():
        for name in ("max_drop", "max_rise", "min", "max"):
            quantity: Quantity | None = getattr(budget, name, None)
            if quantity is not None and quantity.value > 1:
                shown = f"{quantity.value * 100:g}{quantity.written}"
                yield document.problem((*key, name), f"{shown} is more than all {of}", "write at most 100")


def _slice_limits(slices: SliceBudgets, budget: ShareBudget, default: OnInconclusive) -> Iterator[Limit]:
    """Yield the tripwire over every slice, then each critical slice's own full budget."""
    yield from _limits("accuracy", budget, default, EVERY_SLICE)
    for name in dict.fromkeys(slices.critical):
        yield from _limits("accuracy", budget, default, name)


def _limits(
    metric: Metric, budget: _Budget, default: OnInconclusive, slice_name: str | None = None
) -> Iterator[Limit]:
    for name in _LIMITS:
        quantity: Quantity | None = getattr(budget, name, None)
        if quantity is not None:
            relative = name in {"max_drop", "max_rise"} and quantity.written != "pp"
            yield Limit(
                metric=metric,
                limit=name,
                allowance=quantity.value,
                # A ratio minus one is a share of the baseline, whatever the metric itself is counted in.
                unit="share" if relative else METRICS[metric].unit,
                scale="relative" if relative else "absolute",
                on_inconclusive=budget.on_inconclusive or default,
                slice=slice_name,
                critical=slice_name not in {None, EVERY_SLICE},
            )
