"""The curves of a sweep as one HTML file: a chart a metric, and every point as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from evalgate.core.budgets import Metric
from evalgate.core.numbers import Estimate
from evalgate.core.sweep import Sweep, SweepPoint
from evalgate.report.html.axes import Axes
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.page import document
from evalgate.report.html.scales import spanning
from evalgate.report.html.section import Place, header_row, section, table
from evalgate.report.html.svg import label, path, place, scroller, svg
from evalgate.report.html.typeset import missing, name, number, typeset
from evalgate.report.numbers import Kind, metric_kind, plain, share_or_missing, span
from evalgate.report.safe_text import safe_line
from evalgate.report.sweep import CAUTION, known_metrics
from evalgate.report.wording import METRICS

_WIDTH, _HEIGHT = 800, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 90, 34, 54


@dataclass(frozen=True, slots=True)
class _Series:
    """One curve of a chart, with a ``label`` if there are others; ``band`` has the ends of each interval."""

    label: str
    at: Sequence[float]
    values: Sequence[float | None]
    band: Sequence[tuple[float, float] | None]


def render(sweeps: Sequence[Sweep]) -> str:
    """Return the page; equal data give equal bytes."""
    title = "Sweep: " + ", ".join(dict.fromkeys(safe_line(each.suite, 40) for each in sweeps))
    return document(
        f"{title} · evalgate",
        tag(
            "div",
            _navigation(sweeps),
            tag(
                "main",
                tag(
                    "header",
                    tag("h1", _heading(sweeps), id="verdict"),
                    tag("p", CAUTION, class_="headline"),
                    class_="banner",
                ),
                *(_sweep(each, Place(f"s{at}-", 2)) for at, each in enumerate(sweeps)),
            ),
            class_="page",
        ),
    )


def _heading(sweeps: Sequence[Sweep]) -> str:
    keys = list(dict.fromkeys(safe_line(key) for each in sweeps for key in each.keys))
    return f"What {' and '.join(keys)} {'does' if len(keys) == 1 else 'do'}"


def _navigation(sweeps: Sequence[Sweep]) -> Html:
    links = [
        tag("a", name(each.suite, 24), ": ", name(each.policy, 24), href=f"#s{at}-curve")
        for at, each in enumerate(sweeps)
    ]
    return tag("nav", tag("p", "evalgate", class_="mark-name"), *links, aria_label="Parts of the page")


def _sweep(sweep: Sweep, where: Place) -> Html:
    heading = f"{safe_line(sweep.suite, 40)}: {safe_line(sweep.policy, 40)}"
    lead = (
        f"{sweep.cases:,} cases from recordings; bands are {sweep.level:.0%} intervals, and the upright line "
        "is the policy as it is written."
    )
    charts = [
        _chart(sweep, METRICS[metric], metric_kind(metric), _series(sweep, _of(metric)), where)
        for metric in known_metrics(sweep)
    ]
    if any(point.strong_share is not None for point in sweep.points):
        charts.append(_chart(sweep, "strong share", "percent", _series(sweep, _share), where))
    return section(where, "curve", heading, lead, *charts, _numbers(sweep))


Read = Callable[[SweepPoint], tuple[float | None, tuple[float, float] | None]]


def _of(metric: Metric) -> Read:
    def read(point: SweepPoint) -> tuple[float | None, tuple[float, float] | None]:
        found = point.metrics.get(metric)
        return (found.value, (found.low, found.high)) if isinstance(found, Estimate) else (None, None)

    return read


def _share(point: SweepPoint) -> tuple[float | None, None]:
    return point.strong_share, None


def _series(sweep: Sweep, read: Read) -> list[_Series]:
    """One curve along the first key; with a second key one for each of its values, without bands."""
    if len(sweep.keys) == 1:
        found = [read(point) for point in sweep.points]
        at = [point.values[0] for point in sweep.points]
        return [_Series("", at, [value for value, _ in found], [band for _, band in found])]
    series = []
    for second in sorted({point.values[1] for point in sweep.points}):
        points = [point for point in sweep.points if point.values[1] == second]
        values = [read(point)[0] for point in points]
        at = [point.values[0] for point in points]
        series.append(_Series(plain(second), at, values, [None] * len(values)))
    return series


def _chart(sweep: Sweep, title: str, kind: Kind, series: Sequence[_Series], where: Place) -> Html:
    known = [value for each in series for value in each.values if value is not None]
    ends = [end for each in series for band in each.band if band is not None for end in band if isfinite(end)]
    axes = Axes(
        x=spanning([at for each in series for at in each.at], _LEFT, _WIDTH - _RIGHT, pad=0.02),
        y=spanning([*known, *ends], _HEIGHT - _BOTTOM, _TOP, pad=0.1),
        x_kind="plain",
        y_kind=kind,
        x_title=f"{safe_line(sweep.keys[0])} →",
        y_title=title,
    )
    stands = next((point.values[0] for point in sweep.points if point.in_policy), None)
    told = f"{title} over {safe_line(sweep.keys[0])}: {span(sorted(known), kind)}"
    drawing = svg(
        _WIDTH,
        _HEIGHT,
        joined(_band(each, axes) for each in series),
        axes.draw(),
        None if stands is None else _standing(stands, axes),
        joined(_line(each, axes, order) for order, each in enumerate(series)),
        title=told,
    )
    chart = scroller(f"Chart of {title}", drawing)
    return tag("figure", chart, class_="chart", id=where.id(title.replace(" ", "-")))


def _band(series: _Series, axes: Axes) -> Html | None:
    known = [(at, band) for at, band in zip(series.at, series.band, strict=True) if band is not None]
    if len(known) < 2:
        return None
    there = [f"{place(axes.x(at))} {place(axes.y(high))}" for at, (_, high) in known]
    back = [f"{place(axes.x(at))} {place(axes.y(low))}" for at, (low, _) in reversed(known)]
    return path(f"M{'L'.join([*there, *back])}z", "band")


def _line(series: _Series, axes: Axes, order: int) -> Html:
    steps, drawn = [], False
    for at, value in zip(series.at, series.values, strict=True):
        if value is not None:
            steps.append(f"{'L' if drawn else 'M'}{place(axes.x(at))} {place(axes.y(value))}")
        drawn = value is not None
    last = next((value for value in reversed(series.values) if value is not None), None)
    told = None
    if series.label and last is not None:
        told = label(axes.x.end + 6, axes.y(last) + 4, series.label, "tick")
    role = "cand" if order % 2 == 0 else "base"
    return tag("g", path("".join(steps), f"curve {role}"), told)


def _standing(at: float, axes: Axes) -> Html:
    x = place(axes.x(at))
    return path(f"M{x} {place(axes.y.start)}V{place(axes.y.end)}", "zero")


def _numbers(sweep: Sweep) -> Html:
    metrics = known_metrics(sweep)
    routed = any(point.strong_share is not None for point in sweep.points)
    head = header_row(
        ("", "unseen"),
        *((safe_line(key), "num") for key in sweep.keys),
        *([("strong share", "num")] if routed else []),
        *((METRICS[metric], "num") for metric in metrics),
    )
    rows = joined(_row(point, metrics, routed=routed) for point in sweep.points)
    return tag(
        "details", tag("summary", "Every point as numbers"), scroller("Numbers", table("Points", head, rows))
    )


def _row(point: SweepPoint, metrics: Sequence[Metric], *, routed: bool) -> Html:
    said = "as written" if point.in_policy else "front" if point.pareto else ""
    cells = [tag("td", said), *(tag("td", typeset(plain(value)), class_="num") for value in point.values)]
    if routed:
        cells.append(tag("td", share_or_missing(point.strong_share), class_="num"))
    for metric in metrics:
        found = point.metrics.get(metric)
        shown = missing(point.missing) if found is None else number(found, metric_kind(metric))
        cells.append(tag("td", shown, class_="num"))
    return tag("tr", *cells)
