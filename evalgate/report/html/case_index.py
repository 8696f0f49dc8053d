"""What the case table filters and sorts by: columns of small numbers and short texts."""

from collections.abc import Mapping, Sequence

from evalgate.core.outcome import Failure, Graded
from evalgate.core.report_data import ReportData
from evalgate.report.html.cases import PairedCase, Side, answer_text, default_order

PREVIEW, ANSWER = 80, 40
FAILED, OTHER_ANSWER, OTHER_ROUTE, CACHE_HIT, RETRIED, FALSE_HIT, FAULT, UNREADABLE = (
    1 << bit for bit in range(8)
)
_FIRST_ROLE = 8


def suite_columns(data: ReportData, suite: str, cases: Sequence[PairedCase]) -> dict[str, object]:
    """Return what all comparisons on one suite share: ids, questions, targets, slices."""
    asked = data.inputs.get(suite, {})
    shown = data.texts != "none"
    firsts = [each.after.first for each in cases]
    return {
        "ids": [each.case_id for each in cases],
        "asked": [_short(asked.get(each.case_id, ""), PREVIEW) for each in cases] if shown else None,
        "targets": [_short(each.target or "", ANSWER) for each in firsts] if shown else None,
        "slices": {
            key: _coded([each.slices.get(key, "") for each in firsts])
            for key in dict.fromkeys(key for each in firsts for key in each.slices)
        },
    }


def comparison_columns(cases: Sequence[PairedCase], *, texts: bool) -> dict[str, object]:
    """Return one comparison's columns, with the order in which the table shows them at first."""
    after = [each.after for each in cases]
    before = [each.before for each in cases if each.before is not None]
    roles = _roles(cases)
    bits = {role: 1 << bit for bit, role in enumerate(roles, _FIRST_ROLE)}
    return {
        "kind": [each.kind for each in cases],
        "flags": [_flags(each, bits) for each in cases],
        "roles": roles,
        "order": default_order(cases),
        "after": _side(after, texts=texts),
        "before": _side(before, texts=texts) if len(before) == len(cases) else None,
    }


def _side(sides: Sequence[Side], *, texts: bool) -> dict[str, object]:
    return {
        "by": _coded([side.first.outcome.deployment or "" for side in sides]),
        "said": [_said(side) for side in sides] if texts else None,
        "usd": [None if side.cost_usd is None else _short_number(side.cost_usd) for side in sides],
        "s": [_short_number(side.latency_s) for side in sides],
        "score": [None if side.score is None else _short_number(side.score) for side in sides],
        "right": [int(side.right) for side in sides],
    }


def _said(side: Side) -> str:
    first = side.first
    if isinstance(first.outcome.result, Failure):
        return ""
    if first.grade is not None and first.grade.label is not None:
        return _short(first.grade.label, ANSWER)
    return _short(answer_text(first), ANSWER)


def _flags(case: PairedCase, roles: Mapping[str, int]) -> int:
    every = _trials(case)
    steps = [step for graded in every for step in graded.outcome.steps]
    found = FAILED if any(isinstance(graded.outcome.result, Failure) for graded in every) else 0
    found |= 0 if case.same_answers else OTHER_ANSWER
    if (
        case.before is not None
        and case.before.first.outcome.deployment != case.after.first.outcome.deployment
    ):
        found |= OTHER_ROUTE
    if any(graded.outcome.cache is not None and graded.outcome.cache.hit for graded in every):
        found |= CACHE_HIT
    if any(graded.hit is not None and graded.hit.false for graded in every):
        found |= FALSE_HIT
    if any(len(step.attempts) > 1 for step in steps):
        found |= RETRIED
    if any(attempt.fault_at_s is not None for step in steps for attempt in step.attempts):
        found |= FAULT
    if any(graded.unreadable for graded in every):
        found |= UNREADABLE
    for step in steps:
        found |= roles.get(step.role, 0)
    return found


def _roles(cases: Sequence[PairedCase]) -> list[str]:
    """What calls were made for besides answering: fallbacks and whatever else a policy does."""
    roles = {step.role for case in cases for graded in _trials(case) for step in graded.outcome.steps}
    return sorted(roles - {"generate"})


def _trials(case: PairedCase) -> Sequence[Graded]:
    return (*(case.before.trials if case.before is not None else ()), *case.after.trials)


def _coded(values: Sequence[str]) -> Mapping[str, object]:
    """A column with few different values: the values once, and a small number a case."""
    codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return {"values": list(codes), "codes": [codes[value] for value in values]}


def _short(text: str, limit: int) -> str:
    """One line from the start of a text; what is odd in it is made visible where it is shown."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _short_number(number: float) -> float:
    return float(f"{number:.4g}")
