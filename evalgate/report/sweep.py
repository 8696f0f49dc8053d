"""The curve of a policy's number as text with sparklines, as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Iterator, Sequence

from evalgate.core.metrics import METRICS, Metric
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.sweep import Sweep, SweepPoint
from evalgate.report.json_numbers import measured_json
from evalgate.report.layout import Style, wrap
from evalgate.report.numbers import MISSING, Kind, metric_kind, share_or_missing, span, with_interval
from evalgate.report.safe_text import safe_line
from evalgate.report.table import Cell, Column, table

SCHEMA = "evalgate/sweep@1"
CAUTION = (
    "A sweep shows and never gates. Picking its best point and gating that on the same cases is no proof: "
    "the choice has seen them. Gate it on cases that had no part in it."
)
_BARS = "▁▂▃▄▅▆▇█"
_MOST_BARS = 60
_MOST_ROWS = 24
_SHOWN: tuple[Metric, ...] = (
    "accuracy",
    "cost_per_correct",
    "latency_p95",
    "failure_rate",
    "false_hit_rate",
)


def render_text(sweeps: Sequence[Sweep], *, width: int = 100) -> str:
    """Return, for each suite, a sparkline a metric and a table of points."""
    lines: list[str] = []
    for each in sweeps:
        for block in (_heading(each, width), _sparklines(each, width), _points(each, width)):
            lines += [*block, ""] if block else []
    return "\n".join([*lines, *wrap(CAUTION, width), ""])


def render_csv(sweeps: Sequence[Sweep]) -> str:
    """Return a row a point; a number that is missing is an empty field, with its reason in ``missing``."""
    metrics = list(dict.fromkeys(name for each in sweeps for point in each.points for name in point.metrics))
    keys = list(dict.fromkeys(key for each in sweeps for key in each.keys))
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    head = ["suite", "policy", *keys, "strong_share", "in_policy", "in_production", "pareto"]
    rows.writerow([*head, *(f"{name}{end}" for name in metrics for end in ("", "_low", "_high")), "missing"])
    for each in sweeps:
        for point in each.points:
            rows.writerow(_csv_row(each, point, keys, metrics))
    return out.getvalue()


def render_json(sweeps: Sequence[Sweep]) -> str:
    """Return everything as indented JSON; a missing number is ``{"unmeasured": reason}``."""
    document = {"schema": SCHEMA, "sweeps": [_sweep_json(each) for each in sweeps]}
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


_FAILURES: tuple[Metric, ...] = ("failure_rate", "format_failure_rate")


def known_metrics(sweep: Sweep) -> tuple[Metric, ...]:
    """Return the metrics that were measured anywhere on a curve, in the order in which they are shown.

    A false-hit rate of policies that never hit a cache says nothing, nor do failures where nothing failed.
    """
    found = {name for point in sweep.points for name, value in point.metrics.items() if _says(name, value)}
    return tuple(name for name in (*_SHOWN, *sorted(found - set(_SHOWN))) if name in found)


def _says(name: Metric, value: Measured) -> bool:
    if not isinstance(value, Estimate) or value.method == "no_cache":
        return False
    return {"false_hit_rate": value.high > 0, **dict.fromkeys(_FAILURES, value.value > 0)}.get(name, True)


def _heading(sweep: Sweep, width: int) -> list[str]:
    said = " and ".join(f"{key} {span(values, 'plain')}" for key, values in _ranges(sweep))
    recorded = sum(not point.missing for point in sweep.points)
    text = (
        f"{safe_line(sweep.suite)}: {safe_line(sweep.policy)}, {said}; {sweep.cases:,} cases, "
        f"{recorded:,} points from recordings"
    )
    lost = next((point.missing for point in sweep.points if point.missing), "")
    lines = wrap(text, width)
    if lost:
        missing = len(sweep.points) - recorded
        lines += wrap(f"{missing:,} points are not recorded: {safe_line(lost, 300)}", width, first="  ")
    return lines


def _ranges(sweep: Sweep) -> Iterator[tuple[str, list[float]]]:
    for at, key in enumerate(sweep.keys):
        yield safe_line(key), sorted({point.values[at] for point in sweep.points})


def _sparklines(sweep: Sweep, width: int) -> list[str]:
    """One line a metric along the first key, where there is only one."""
    if len(sweep.keys) != 1:
        return []
    rows: list[tuple[str, list[float | None], Kind]] = [
        (METRICS[name].heading, values_of(sweep, name), metric_kind(name)) for name in known_metrics(sweep)
    ]
    shares = [point.strong_share for point in sweep.points]
    if any(share is not None for share in shares):
        rows.append(("strong share", shares, "percent"))
    widest = max((len(text) for text, _, _ in rows), default=0)
    room = max(min(_MOST_BARS, width - widest - 32), 8)
    return [
        f"  {text:<{widest}}  {_bars(values, room)}  {span(_known(values), kind)}"
        for text, values, kind in rows
    ]


def values_of(sweep: Sweep, name: Metric) -> list[float | None]:
    """Return a metric at every point, None where it is not known."""
    found = [point.metrics.get(name) for point in sweep.points]
    return [each.value if isinstance(each, Estimate) else None for each in found]


def _known(values: Sequence[float | None]) -> list[float]:
    return sorted(value for value in values if value is not None)


def _bars(values: Sequence[float | None], room: int) -> str:
    """A bar a point, thinned evenly where there are too many; a gap where nothing is known."""
    kept = [values[at] for at in _evenly(len(values), room)]
    known = _known(kept)
    if not known:
        return ""
    low, spread = known[0], known[-1] - known[0]
    top = len(_BARS) - 1

    def bar(value: float | None) -> str:
        if value is None:
            return " "
        return _BARS[round((value - low) / spread * top)] if spread else _BARS[0]

    return "".join(bar(value) for value in kept)


def _evenly(count: int, most: int) -> list[int]:
    """At most ``most`` places out of ``count``, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [at * (count - 1) // (most - 1) for at in range(most)]


def _points(sweep: Sweep, width: int) -> list[str]:
    names = [name for name in known_metrics(sweep) if name in _SHOWN]
    routed = any(point.strong_share is not None for point in sweep.points)
    headings = [
        Column("", widest=1),
        *(Column(safe_line(key.rpartition(".")[2]), "right") for key in sweep.keys),
        *([Column("strong share", "right")] if routed else []),
        *(Column(METRICS[name].heading) for name in names),
    ]
    shown = _thinned(sweep.points)
    plain = [_row(point, names, routed=routed, whole=False) for point in shown]
    whole = [_row(point, names, routed=routed, whole=True) for point in shown]
    lines = (
        table(headings, whole, width=width, indent="  ")
        or table(headings, plain, width=width, indent="  ")
        or [f"  {'  '.join(cell.text for cell in row)}" for row in plain]
    )
    legend = "> as the policy is written, "
    if any(point.in_production and not point.in_policy for point in shown):
        legend += "= as production is, "
    legend += "* nothing is both cheaper and better; "
    legend += f"--format csv has the {sweep.level:.0%} intervals"
    if len(shown) < len(sweep.points):
        legend += f" and all {len(sweep.points):,} points"
    return [*lines, *wrap(legend, width, first="  ")]


def _thinned(points: Sequence[SweepPoint]) -> list[SweepPoint]:
    kept = set(_evenly(len(points), _MOST_ROWS))
    return [point for at, point in enumerate(points) if at in kept or point.in_policy or point.in_production]


def _row(point: SweepPoint, names: Sequence[Metric], *, routed: bool, whole: bool) -> list[Cell]:
    mark = ">" if point.in_policy else "=" if point.in_production else "*" if point.pareto else ""
    style: Style = "strong" if point.in_policy else "plain"
    return [
        Cell(mark, "strong"),
        *(Cell(f"{value:.6g}", style) for value in point.values),
        *([Cell(share_or_missing(point.strong_share))] if routed else []),
        *(Cell(_written(name, point.metrics.get(name), whole=whole), style) for name in names),
    ]


def _written(name: Metric, measured: Measured | None, *, whole: bool) -> str:
    if not isinstance(measured, Estimate):
        return MISSING
    kind = metric_kind(name)
    return with_interval(measured, kind, signed=False) if whole else span([measured.value], kind)


def _csv_row(sweep: Sweep, point: SweepPoint, keys: Sequence[str], metrics: Sequence[Metric]) -> list[object]:
    at = dict(zip(sweep.keys, point.values, strict=True))
    numbers: list[object] = []
    reasons = [point.missing] if point.missing else []
    for name in metrics:
        found = point.metrics.get(name)
        numbers += [found.value, found.low, found.high] if isinstance(found, Estimate) else ["", "", ""]
        if isinstance(found, Unmeasured):
            reasons.append(f"{name}: {found.reason}")
    share: object = "" if point.strong_share is None else point.strong_share
    values = [at.get(key, "") for key in keys]
    said = safe_line("; ".join(reasons), 500)
    stands = point.in_policy, point.in_production
    return [sweep.suite, sweep.policy, *values, share, *stands, point.pareto, *numbers, said]


def _sweep_json(sweep: Sweep) -> dict[str, object]:
    return {
        "suite": sweep.suite,
        "policy": sweep.policy,
        "keys": list(sweep.keys),
        "level": sweep.level,
        "cases": sweep.cases,
        "points": [
            {
                "values": list(point.values),
                "strong_share": point.strong_share,
                "in_policy": point.in_policy,
                "in_production": point.in_production,
                "pareto": point.pareto,
                "metrics": {name: measured_json(found) for name, found in point.metrics.items()},
                "missing": point.missing or None,
            }
            for point in sweep.points
        ],
    }
