"""A policy against itself, as text for people and as JSON for scripts."""

import json
from collections.abc import Iterator, Sequence

from evalgate.core.aa import SuiteAa, TrialPair
from evalgate.core.comparison import Change
from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.report.json import check_json
from evalgate.report.json_numbers import measured_json, usd_json
from evalgate.report.layout import wrap
from evalgate.report.numbers import (
    MISSING,
    change_kind,
    count,
    level,
    pair,
    usd_or_missing,
    value_kind,
    with_interval,
)
from evalgate.report.power import budget_json, budget_sentence
from evalgate.report.safe_text import safe_line
from evalgate.report.table import Cell, Column, table
from evalgate.report.wording import MARKS

SCHEMA = "evalgate/aa@1"
_INDENT = "  "


def render_text(suites: Sequence[SuiteAa], *, width: int = 100) -> str:
    """Return, suite by suite: flip rate, each metric's change between trials, verdict, what to expect."""
    return "\n".join(line for suite in suites for line in [*_suite(suite, width), ""])


def render_json(suites: Sequence[SuiteAa]) -> str:
    """Return the same as indented JSON; numbers are written as in a result."""
    document = {"schema": SCHEMA, "suites": [_suite_json(suite) for suite in suites]}
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _suite(suite: SuiteAa, width: int) -> Iterator[str]:
    yield from wrap(
        f"{safe_line(suite.suite)}: {safe_line(suite.policy)} against itself, "
        f"{count(suite.trials, 'trial')} of {count(suite.cases, 'case')}",
        width,
    )
    if suite.made:
        spent = f"{count(suite.made, 'call')} made for this, spent {usd_or_missing(suite.spend_usd)}"
        yield from wrap(spent, width, first=_INDENT)
    yield from wrap(f"flip rate: {_flips(suite.flip_rate, suite)}", width, first=_INDENT)
    for each in suite.pairs:
        yield ""
        yield from _pair(each, width)
    if suite.budgets:
        yield ""
        yield from wrap("what an unchanged candidate can expect, given this noise", width, first=_INDENT)
    for budget in suite.budgets:
        yield from wrap(budget_sentence(budget), width, first=_INDENT * 2)


def _flips(rate: Measured, suite: SuiteAa) -> str:
    if isinstance(rate, Unmeasured):
        return f"not measured: {safe_line(rate.reason, 300)}"
    shown = with_interval(rate, "percent", signed=False)
    return f"{shown}, {level(rate.level)} interval, {rate.method}, {count(suite.cases, 'case')}"


def _pair(found: TrialPair, width: int) -> Iterator[str]:
    shape = (
        Column("metric", widest=18),
        Column(f"trial {found.before} → trial {found.after}", widest=28, narrowest=10),
        Column(f"change by noise alone ({level(found.changes[0].level)} interval)", widest=36, narrowest=16),
        Column("rests on", widest=46, narrowest=18),
    )
    # A metric of what a policy lacks, a cache for example, counts no case.
    shown = [change for change in found.changes if change.n]
    rows = [[Cell(text) for text in _cells(change)] for change in shown]
    lines = table(shape, rows, width=width, indent=_INDENT)
    if lines is None:
        lines = [line for row in rows for line in wrap(": ".join(cell.text for cell in row), width)]
    yield from lines
    yield ""
    for why in dict.fromkeys(change.not_gated_because for change in shown if not change.gated):
        names = [METRICS[change.metric].heading for change in shown if change.not_gated_because == why]
        yield from wrap(f"{', '.join(names)}: not gated: {safe_line(why, 300)}", width, first=_INDENT)
    said = f"the gate says of it: {MARKS[found.verdict]} {found.verdict}"
    said += ", blocked" if found.blocked else ", not blocked"
    yield from wrap(f"{said}; {safe_line(found.headline, 400)}", width, first=_INDENT)


def _cells(change: Change) -> tuple[str, str, str, str]:
    if isinstance(change.change, Unmeasured):
        return METRICS[change.metric].heading, MISSING, "not measured", safe_line(change.change.reason, 200)
    moved = with_interval(change.change, change_kind(change), signed=True)
    rests = f"{change.method}, {count(change.n, 'case')}, {change.affected:,} differ"
    if not change.gated:
        rests += "; not gated"
    sides = MISSING
    if isinstance(change.baseline, Estimate) and isinstance(change.candidate, Estimate):
        sides = " → ".join(pair(value_kind(change), change.baseline.value, change.candidate.value))
    return METRICS[change.metric].heading, sides, moved, rests


def _suite_json(suite: SuiteAa) -> dict[str, object]:
    return {
        "suite": suite.suite,
        "policy": suite.policy,
        "cases": suite.cases,
        "trials": suite.trials,
        "flip_rate": measured_json(suite.flip_rate),
        "pairs": [_pair_json(each) for each in suite.pairs],
        "budgets": [budget_json(each) for each in suite.budgets],
        "calls_made": suite.made,
        "spend_usd": usd_json(suite.spend_usd),
    }


def _pair_json(found: TrialPair) -> dict[str, object]:
    return {
        "before": found.before,
        "after": found.after,
        "verdict": found.verdict,
        "blocked": found.blocked,
        "headline": found.headline,
        "metrics": [_change_json(change) for change in found.changes],
        "checks": [check_json(check) for check in found.checks],
    }


def _change_json(change: Change) -> dict[str, object]:
    return {
        "metric": change.metric,
        "scale": change.scale,
        "unit": change.unit,
        "before": measured_json(change.baseline),
        "after": measured_json(change.candidate),
        "change": measured_json(change.change),
        "method": change.method,
        "level": change.level,
        "n": change.n,
        "clusters": change.clusters,
        "affected": change.affected,
        "gated": change.gated,
        "sd": change.sd,
    }
