"""What suites can see, as text for people and as JSON for scripts."""

import json
from collections.abc import Sequence

from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Unmeasured
from evalgate.core.power import BudgetPower, SuitePower
from evalgate.report.layout import wrap
from evalgate.report.numbers import count, percent, points
from evalgate.report.safe_text import safe_line

SCHEMA = "evalgate/power@1"


def render_text(suites: Sequence[SuitePower], *, width: int = 100) -> str:
    """Return a paragraph a suite, then a line a budget."""
    lines: list[str] = []
    for suite in suites:
        said = (
            f"{safe_line(suite.suite)}: {count(suite.cases, 'case')}, {percent(suite.flip_rate)} of answers"
        )
        said += f" flip ({safe_line(suite.basis_text)})."
        lines += wrap(said, width)
        for metric, smallest in suite.resolves.items():
            lines += wrap(f"{metric}: {_resolved(metric, smallest)}", width, first="  ")
        for budget in suite.budgets:
            lines += wrap(budget_sentence(budget), width, first="  ")
        lines.append("")
    return "\n".join(
        [*lines, *wrap("Smallest effects hold in four of five tries; chances are for no change.", width), ""]
    )


def render_json(suites: Sequence[SuitePower]) -> str:
    """Return the same as indented JSON; shares and ratios minus one are numbers."""
    document = {"schema": SCHEMA, "suites": [_suite_json(suite) for suite in suites]}
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _resolved(metric: str, smallest: float | Unmeasured) -> str:
    if isinstance(smallest, Unmeasured):
        return f"unknown: {safe_line(smallest.reason, 300)}"
    if metric == "accuracy":
        return f"resolves drops of about {points(smallest)}"
    return f"resolves rises of about {percent(smallest)}"


def budget_sentence(budget: BudgetPower) -> str:
    """Return what one budget needs, and the chance of no verdict, in a sentence."""
    share = METRICS[budget.metric].unit == "share"
    allowed = f"{budget.allowance * 100:g}{' pp' if share else '%'}"
    if isinstance(budget.cases, Unmeasured):
        return f"{budget.metric}, for {allowed}: unknown: {safe_line(budget.cases.reason, 300)}"
    said = f"{budget.metric}, for {allowed}: {count(budget.cases, 'case')}"
    if budget.cases_repeated is not None:
        said += f", or {budget.trials} runs each on about {budget.cases_repeated:,}"
    if isinstance(budget.inconclusive, Unmeasured):
        return said
    chance = "under 0.1%" if budget.inconclusive < 0.001 else percent(budget.inconclusive)
    return f"{said}; inconclusive under no change: {chance}"


def _suite_json(suite: SuitePower) -> dict[str, object]:
    return {
        "suite": suite.suite,
        "cases": suite.cases,
        "alpha": suite.alpha,
        "flip_rate": suite.flip_rate,
        "basis": suite.basis,
        "basis_text": suite.basis_text,
        "resolves": {metric: _number(value) for metric, value in suite.resolves.items()},
        "budgets": [budget_json(budget) for budget in suite.budgets],
    }


def budget_json(budget: BudgetPower) -> dict[str, object]:
    """Return what one budget needs."""
    return {
        "metric": budget.metric,
        "allowance": budget.allowance,
        "cases": _number(budget.cases),
        "inconclusive": _number(budget.inconclusive),
        "trials": budget.trials,
        "cases_repeated": budget.cases_repeated,
    }


def _number(value: float | Unmeasured) -> object:
    return {"unmeasured": value.reason} if isinstance(value, Unmeasured) else value
