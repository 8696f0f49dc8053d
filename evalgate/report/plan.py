"""A plan as text for people and as JSON for scripts."""

import json
from collections.abc import Iterable

from evalgate.core.numbers import Unmeasured
from evalgate.core.plan import Plan, PlannedCalls, PlannedJudging, PlannedSide, SuitePlan
from evalgate.report.json_numbers import usd_text
from evalgate.report.layout import wrap
from evalgate.report.numbers import count, usd
from evalgate.report.safe_text import safe_line
from evalgate.report.table import Cell, Column, table

SCHEMA = "evalgate/plan@1"
_CASES_NAMED = 3
_COLUMNS = (
    Column("policy", widest=28, narrowest=10),
    Column("deployment", widest=20, narrowest=10),
    Column("needed", "right"),
    Column("recorded", "right"),
    Column("to call", "right"),
    Column("expected", "right"),
    Column("worst", "right"),
)


def render_text(plan: Plan, *, width: int = 100, color: bool = False) -> str:
    """Return the plan for a terminal."""
    lines: list[str] = []
    for suite in plan.suites:
        lines += [*_suite(plan, suite, width, color=color), ""]
    for sentence in _how_to_read(plan):
        lines += wrap(sentence, width)
    return "\n".join(lines).rstrip("\n") + "\n"


def render_json(plan: Plan) -> str:
    """Return the plan as indented JSON in pure ASCII; amounts are decimal strings."""
    document = {
        "schema": SCHEMA,
        "mode": plan.mode,
        "cover": "deployments" if plan.cover_deployments else None,
        "remeasure": plan.remeasure,
        "suites": [_suite_json(suite) for suite in plan.suites],
    }
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _suite(plan: Plan, suite: SuitePlan, width: int, *, color: bool) -> list[str]:
    said = f"{safe_line(suite.suite)}: {count(suite.needed, 'call')} needed, {suite.reused:,} recorded"
    said += f", {suite.to_make:,} to make"
    if plan.mode == "live":
        said = f"{safe_line(suite.suite)}: {count(suite.needed, 'call')} needed, all to make anew"
    elif plan.mode == "replay":
        said = f"{safe_line(suite.suite)}: {count(suite.needed, 'call')} needed, {suite.reused:,} recorded"
        said += f", {suite.missing:,} missing, none to make"
    lines = wrap(said, width)
    if suite.to_make or suite.worst_usd:
        lines += wrap(
            f"spend: {_amount(suite.expected_usd)} expected, {_amount(suite.worst_usd)} at worst", width
        )
    if suite.judging is not None:
        lines += wrap(_judging(suite.judging), width)
    lines.append("")
    rows = [_row(_policy(side), calls) for side in suite.sides for calls in side.calls]
    rows += [_row("(judging)", calls) for calls in (suite.judging.calls if suite.judging else ())]
    drawn = table(_COLUMNS, rows, width=width, indent="  ", color=color)
    lines += drawn if drawn is not None else [f"  {' · '.join(cell.text for cell in row)}" for row in rows]
    notes = _notes(plan, suite)
    return [
        *lines,
        *([""] if notes else []),
        *(line for note in notes for line in wrap(note, width, first="  ")),
    ]


def _judging(judging: PlannedJudging) -> str:
    needed = sum(each.needed for each in judging.calls)
    said = f"judging, apart from that: {count(needed, 'call')} needed, {judging.to_make:,} to make"
    if judging.to_make:
        said += f"; {_amount(judging.expected_usd)} expected, {_amount(judging.worst_usd)} at worst"
    return said


def _policy(side: PlannedSide) -> str:
    return safe_line(side.policy) + (" (baseline)" if side.role == "baseline" else "")


def _row(asker: str, calls: PlannedCalls) -> list[Cell]:
    called = calls.to_make > 0
    return [
        Cell(asker),
        Cell(safe_line(calls.deployment)),
        Cell(f"{calls.needed:,}"),
        Cell(f"{calls.recorded:,}"),
        Cell(f"{calls.to_make:,}", "strong" if called else "plain"),
        Cell(_cell(calls.expected_usd)),
        Cell(_cell(calls.worst_usd)),
    ]


def _notes(plan: Plan, suite: SuitePlan) -> list[str]:
    notes: dict[str, None] = {}
    for side in suite.sides:
        if side.missing_cases and plan.mode != "live":
            named = ", ".join(safe_line(name) for name in side.missing_cases[:_CASES_NAMED])
            more = ", …" if len(side.missing_cases) > _CASES_NAMED else ""
            cases = count(len(side.missing_cases), "case")
            notes[f"{safe_line(side.policy)}: calls of {cases} are not recorded ({named}{more})"] = None
        notes |= _price_notes(side.calls)
    judging = suite.judging
    if judging is not None:
        notes |= _price_notes(judging.calls)
    if plan.mode == "replay" and (suite.missing or (judging is not None and judging.missing)):
        notes["replaying would end with exit code 4: `evalgate record` makes the missing calls"] = None
    if suite.anew:
        cases = count(suite.anew, "case")
        notes[f"`evalgate record` calls both sides of {cases} anew, to compare times{_more(plan)}"] = None
    for warning in suite.warnings:
        notes[f"warning: {safe_line(warning, 400)}"] = None
    return list(notes)


def _price_notes(rows: Iterable[PlannedCalls]) -> dict[str, None]:
    notes: dict[str, None] = {}
    for calls in rows:
        name = safe_line(calls.deployment)
        if calls.basis and not isinstance(calls.expected_usd, Unmeasured):
            notes[f"expected for {name}: {safe_line(calls.basis)}"] = None
        for word, amount in (("expected", calls.expected_usd), ("worst", calls.worst_usd)):
            if isinstance(amount, Unmeasured):
                notes[f"{word} for {name} is unknown: {safe_line(amount.reason, 300)}"] = None
    return notes


def _more(plan: Plan) -> str:
    """How to see the price of what is not in the figures."""
    if plan.remeasure is not None:
        return ""
    return "; not counted here: see `evalgate plan --remeasure N`, or spare it with `record --remeasure 0`"


def _how_to_read(plan: Plan) -> list[str]:
    """Say what is exact and what is not, where anything would be called at all."""
    judged = [suite.judging for suite in plan.suites if suite.judging is not None and suite.judging.to_make]
    if not judged and not any(suite.to_make or suite.worst_usd for suite in plan.suites):
        return []
    sides = [side for suite in plan.suites for side in suite.sides]
    said = [
        "Expected: every call succeeds at once. Worst: every attempt and every fallback is made and billed."
    ]
    if any(side.routed for side in sides) and not plan.cover_deployments:
        said.append(
            "A router chooses before any call, so its calls are exact; after a call that fails, "
            "what follows depends on the answers."
        )
    if any(side.cached for side in sides) and not plan.cover_deployments:
        said.append("Cache hits are counted as if every call to make succeeds: a failure is not cached.")
    if judged:
        said.append(
            "Judging: an answer that is not recorded is taken to be as long as max_tokens lets it, at "
            "4 characters a token."
        )
    return said


def _amount(amount: float | Unmeasured) -> str:
    return "unknown" if isinstance(amount, Unmeasured) else usd(amount)


def _cell(amount: float | Unmeasured) -> str:
    return _amount(amount) if amount else "-"


def _suite_json(suite: SuitePlan) -> dict[str, object]:
    return {
        "suite": suite.suite,
        "calls": {
            "needed": suite.needed,
            "reused": suite.reused,
            "missing": suite.missing,
            "to_make": suite.to_make,
        },
        "expected_usd": _usd_json(suite.expected_usd),
        "worst_usd": _usd_json(suite.worst_usd),
        "sides": [
            {
                "policy": side.policy,
                "role": side.role,
                "missing_cases": list(side.missing_cases),
                "deployments": [_calls_json(calls) for calls in side.calls],
            }
            for side in suite.sides
        ],
        "cases_anew": suite.anew,
        "judging": None if suite.judging is None else _judging_json(suite.judging),
        "warnings": list(suite.warnings),
    }


def _judging_json(judging: PlannedJudging) -> dict[str, object]:
    return {
        "expected_usd": _usd_json(judging.expected_usd),
        "worst_usd": _usd_json(judging.worst_usd),
        "deployments": [_calls_json(calls) for calls in judging.calls],
    }


def _calls_json(calls: PlannedCalls) -> dict[str, object]:
    return {
        "deployment": calls.deployment,
        "model": calls.model,
        "needed": calls.needed,
        "recorded": calls.recorded,
        "missing": calls.missing,
        "to_make": calls.to_make,
        "expected_usd": _usd_json(calls.expected_usd),
        "basis": calls.basis or None,
        "worst_usd": _usd_json(calls.worst_usd),
    }


def _usd_json(amount: float | Unmeasured) -> object:
    return {"unmeasured": amount.reason} if isinstance(amount, Unmeasured) else usd_text(amount)
