"""Every slice with its interval and count; small ones greyed, as they are shown and not judged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from evalgate.core.comparison import Change
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.report_data import ComparisonData, SliceTable
from evalgate.core.verdict import Check
from evalgate.report import wording
from evalgate.report.html import forest
from evalgate.report.html.gate_table import change_parts
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.section import Place, cell, header_row, section, stacking_table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import badge, missing, name, typeset
from evalgate.report.numbers import level, percent, with_interval
from evalgate.report.safe_text import safe_line

# Below this many cases a slice is shown, not judged.
SMALL = 30
MOST_ROWS = 60


def slices_section(data: ComparisonData, where: Place) -> Html | None:
    """Return a table with a group of rows for each key of the cases' slices; None where cases have none."""
    if not data.slices:
        return None
    shown = [each for each in data.slices if not each.left_out]
    layout = _Layout(
        checks={check.slice: check for check in data.judgement.checks if check.slice is not None},
        judged=any(each.gated for each in shown),
        paired=data.baseline is not None,
        hits=any(_has_hits(each) for each in shown),
    )
    body = stacking_table(
        "Accuracy inside each slice", _head(shown, layout), [_group(each, layout) for each in shown], "slices"
    )
    return section(
        where,
        "slices",
        "Slices",
        "Accuracy inside each slice; the rows of a group share a scale. A slice fails when its fall is "
        "proven after Holm's correction for their number. "
        f"Under {SMALL} cases it is grey: shown, not judged.",
        scroller("Slices", body) if shown else None,
        *(_too_many(each) for each in data.slices if each.left_out),
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns the table has, and the verdicts for the key that budgets look at."""

    checks: Mapping[str, Check]
    judged: bool
    paired: bool
    hits: bool

    @property
    def columns(self) -> int:
        return (8 if self.paired else 3) + self.judged + self.hits


def _too_many(sliced: SliceTable) -> Html:
    key = tag("b", tag("bdi", safe_line(sliced.key, 40)))
    return tag("p", key, f": {sliced.left_out:,} values, too many for a table.", class_="lead")


def _group(sliced: SliceTable, layout: _Layout) -> Html:
    """One key: its name, and a row for each of its values."""
    by_value: dict[str, dict[Metric, Change]] = {}
    for change in sliced.changes:
        if change.slice is not None:
            by_value.setdefault(change.slice, {})[change.metric] = change
    shown = list(by_value.items())[:MOST_ROWS]
    checks = layout.checks if sliced.gated else {}
    shared = _Shared(checks, layout, _reach(changes for _, changes in shown))
    more = len(by_value) - len(shown)
    notes = [] if sliced.gated else ["no budget looks at this"]
    notes += [f"{more:,} more values are left out"] if more else []
    title = tag(
        "th",
        "by ",
        tag("bdi", safe_line(sliced.key, 40)),
        tag("span", f" ({', '.join(notes)})", class_="interval") if notes else None,
        colspan=layout.columns,
        scope="rowgroup",
        role="rowheader",
        class_="group",
    )
    return joined((tag("tr", title, role="row"), *(_row(value, changes, shared) for value, changes in shown)))


def _head(shown: Sequence[SliceTable], layout: _Layout) -> Html:
    levels = {change.level for each in shown for change in each.changes}
    interval = f" ({level(levels.pop())} interval)" if len(levels) == 1 else ""
    return header_row(
        ("slice", ""),
        *([("verdict", "")] if layout.judged else []),
        ("cases", "num"),
        *([("baseline", "num")] if layout.paired else []),
        ("candidate", "num"),
        *(
            [
                (f"change{interval}", "num"),
                ("interval", "unseen"),
                ("cost per correct", "num"),
                ("P95 latency", "num"),
            ]
            if layout.paired
            else []
        ),
        *([("false-hit rate", "num")] if layout.hits else []),
    )


def _has_hits(sliced: SliceTable) -> bool:
    return any(change.metric == "false_hit_rate" and change.n for change in sliced.changes)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the rows of one group have in common; ``checks`` is empty where no budget looks at the key."""

    checks: Mapping[str, Check]
    layout: _Layout
    reach: float | None


def _reach(rows: Iterable[Mapping[Metric, Change]]) -> float | None:
    """How far from no change the group's farthest interval reaches."""
    changes = [each["accuracy"].change for each in rows]
    ends = [abs(end) for each in changes if isinstance(each, Estimate) for end in (each.low, each.high)]
    return max((end for end in ends if isfinite(end)), default=None)


def _row(value: str, changes: Mapping[Metric, Change], shared: _Shared) -> Html:
    accuracy = changes["accuracy"]
    check = shared.checks.get(value)
    cells = [cell(_share(accuracy.candidate), "num", "candidate")]
    if shared.layout.paired:
        cells = [
            cell(_share(accuracy.baseline), "num", "baseline"),
            *cells,
            tag("td", *_points(accuracy.change), class_="num change", role="cell"),
            cell(_mark(accuracy, check, shared), "mark-cell"),
            cell(_relative(changes.get("cost_per_correct")), "num", "cost per correct"),
            cell(_relative(changes.get("latency_p95")), "num", "P95"),
        ]
    return tag(
        "tr",
        tag("th", name(value, 60), scope="row", role="rowheader"),
        cell(_verdict(check), "verdict") if shared.layout.judged else None,
        cell(f"{accuracy.n:,}", "num cases-count", "cases"),
        *cells,
        cell(_hit_rates(changes.get("false_hit_rate")), "num", "false hits") if shared.layout.hits else None,
        class_="small" if accuracy.n < SMALL else None,
        role="row",
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


def _hit_rates(change: Change | None) -> str | Html:
    """Both sides where both have hits, else the candidate's alone."""
    if change is None:
        return ""
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
