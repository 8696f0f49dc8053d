"""Every slice with its interval and count; small ones greyed, as they are shown and not judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite

from evalgate.core.budgets import Metric
from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.report_data import ComparisonData, SliceTable
from evalgate.core.verdict import Check
from evalgate.report import wording
from evalgate.report.html import forest
from evalgate.report.html.gate_table import change_parts
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.section import Place, header_row, section, table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import badge, missing, name, typeset
from evalgate.report.numbers import level, percent, with_interval
from evalgate.report.safe_text import safe_line

# Below this many cases a slice is shown, not judged.
SMALL = 30
MOST_ROWS = 60


def slices_section(data: ComparisonData, where: Place) -> Html | None:
    """Return one table for each key of the cases' slices; None where cases have no slices."""
    if not data.slices:
        return None
    return section(
        where,
        "slices",
        "Slices",
        "Accuracy inside each slice, all rows of a table on one scale. A slice fails when its fall is proven "
        f"after Holm's correction for their number. Under {SMALL} cases it is grey: shown, not judged.",
        *(_key_table(each, data) for each in data.slices),
    )


def _key_table(sliced: SliceTable, data: ComparisonData) -> Html:
    key = safe_line(sliced.key, 40)
    if sliced.left_out:
        return tag(
            "p",
            tag("b", tag("bdi", key)),
            f": {sliced.left_out:,} values, too many for a table.",
            class_="lead",
        )
    by_value: dict[str, dict[Metric, Change]] = {}
    for change in sliced.changes:
        if change.slice is not None:
            by_value.setdefault(change.slice, {})[change.metric] = change
    checks = {check.slice: check for check in data.judgement.checks if check.slice is not None}
    shown = list(by_value.items())[:MOST_ROWS]
    paired = data.baseline is not None
    shared = _Shared(
        checks if sliced.gated else None, paired, _reach(changes for _, changes in shown), _has_hits(sliced)
    )
    rows = [_row(value, changes, shared) for value, changes in shown]
    more = len(by_value) - len(shown)
    note = "" if sliced.gated else " (no budget looks at this)"
    caption = f"by {key}{note}" + (f"; {more:,} more values are left out" if more else "")
    paired = data.baseline is not None
    body = table(caption, _head(sliced, paired=paired), joined(rows), "slices", show_caption=True)
    return scroller(f"Slices by {key}", body)


def _head(sliced: SliceTable, *, paired: bool) -> Html:
    return header_row(
        ("slice", ""),
        *([("verdict", "")] if sliced.gated else []),
        ("cases", "num"),
        *([("baseline", "num")] if paired else []),
        ("candidate", "num"),
        *(
            [
                (f"change{_level(sliced)}", "num"),
                ("interval", "unseen"),
                ("cost per correct", "num"),
                ("P95 latency", "num"),
            ]
            if paired
            else []
        ),
        *([("false-hit rate", "num")] if _has_hits(sliced) else []),
    )


def _has_hits(sliced: SliceTable) -> bool:
    return any(change.metric == "false_hit_rate" and change.n for change in sliced.changes)


def _level(sliced: SliceTable) -> str:
    levels = {change.level for change in sliced.changes}
    return f" ({level(levels.pop())} interval)" if len(levels) == 1 else ""


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the rows of one table have in common; ``checks`` is None where no budget looks at the key."""

    checks: Mapping[str, Check] | None
    paired: bool
    reach: float | None
    hits: bool


def _reach(rows: Iterable[Mapping[Metric, Change]]) -> float | None:
    """How far from no change the table's farthest interval reaches."""
    changes = [each["accuracy"].change for each in rows]
    ends = [abs(end) for each in changes if isinstance(each, Estimate) for end in (each.low, each.high)]
    return max((end for end in ends if isfinite(end)), default=None)


def _row(value: str, changes: Mapping[Metric, Change], shared: _Shared) -> Html:
    accuracy = changes["accuracy"]
    check = shared.checks.get(value) if shared.checks is not None else None
    cells = [tag("td", _share(accuracy.candidate), class_="num")]
    if shared.paired:
        cells = [
            tag("td", _share(accuracy.baseline), class_="num"),
            *cells,
            tag("td", *_points(accuracy.change), class_="num change"),
            tag("td", _mark(accuracy, check, shared), class_="mark-cell"),
            tag("td", _relative(changes.get("cost_per_correct")), class_="num"),
            tag("td", _relative(changes.get("latency_p95")), class_="num"),
        ]
    return tag(
        "tr",
        tag("th", name(value, 60), scope="row"),
        tag("td", _verdict(check)) if shared.checks is not None else None,
        tag("td", f"{accuracy.n:,}", class_="num"),
        *cells,
        tag("td", _both_shares(changes["false_hit_rate"]), class_="num") if shared.hits else None,
        class_="small" if accuracy.n < SMALL else None,
    )


def _mark(change: Change, check: Check | None, shared: _Shared) -> Html | None:
    if not isinstance(change.change, Estimate):
        return None
    style = wording.check_words(check).style if check is not None else "plain"
    limit = -check.allowance if check is not None and check.limit == "max_drop" else None
    return forest.draw(forest.Mark(change.change, 0.0, limit, "below", style, shared.reach))


def _verdict(check: Check | None) -> str | Html:
    if check is None:
        return ""
    return badge(check.verdict if check.gated else "not gated", wording.check_words(check).style)


def _share(measured: Measured) -> str | Html:
    return missing(measured.reason) if isinstance(measured, Unmeasured) else percent(measured.value)


def _both_shares(change: Change) -> str | Html:
    """Both sides where both have hits, else the candidate's alone."""
    if isinstance(change.candidate, Unmeasured) or isinstance(change.baseline, Unmeasured):
        return _share(change.candidate)
    return f"{percent(change.baseline.value)} → {percent(change.candidate.value)}"


def _points(measured: Measured) -> tuple[str | Html, ...]:
    if isinstance(measured, Unmeasured):
        return (missing(measured.reason),)
    if measured.low == measured.value == measured.high == 0:
        return ("none, identical",)
    return change_parts(typeset(with_interval(measured, "points", signed=True)))


def _relative(change: Change | None) -> str | Html:
    if change is None:
        return ""
    if isinstance(change.change, Unmeasured):
        return missing(change.change.reason)
    value = change.change.value
    return typeset(f"+{percent(value)}" if value > 0 else percent(value))
