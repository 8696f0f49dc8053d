"""The curves of a sweep as one HTML file: a chart a metric, and every point as a table."""

from collections.abc import Callable, Sequence

from evalgate.core.metrics import METRICS, Metric
from evalgate.core.numbers import Estimate
from evalgate.core.sweep import Sweep, SweepPoint
from evalgate.report.html.curves import Chart, Series, chart
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.page import document
from evalgate.report.html.section import Place, header_row, section, table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import missing, name, number, typeset
from evalgate.report.numbers import Kind, metric_kind, plain, share_or_missing
from evalgate.report.safe_text import safe_line
from evalgate.report.sweep import CAUTION, known_metrics


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
        _chart(sweep, METRICS[metric].heading, metric_kind(metric), _series(sweep, _of(metric)), where)
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


def _series(sweep: Sweep, read: Read) -> list[Series]:
    """One curve along the first key; with a second key one for each of its values, without bands."""
    if len(sweep.keys) == 1:
        found = [read(point) for point in sweep.points]
        at = [point.values[0] for point in sweep.points]
        return [Series("", "cand", at, [value for value, _ in found], [band for _, band in found])]
    series: list[Series] = []
    for second in sorted({point.values[1] for point in sweep.points}):
        points = [point for point in sweep.points if point.values[1] == second]
        values = [read(point)[0] for point in points]
        at = [point.values[0] for point in points]
        role = "cand" if len(series) % 2 == 0 else "base"
        series.append(Series(plain(second), role, at, values))
    return series


def _chart(sweep: Sweep, title: str, kind: Kind, series: Sequence[Series], where: Place) -> Html:
    stands = next((point.values[0] for point in sweep.points if point.in_policy), None)
    name_of = where.id(title.replace(" ", "-"))
    return chart(Chart(name_of, title, kind, safe_line(sweep.keys[0]), "plain", stands), series)


def _numbers(sweep: Sweep) -> Html:
    metrics = known_metrics(sweep)
    routed = any(point.strong_share is not None for point in sweep.points)
    head = header_row(
        ("mark", "unseen"),
        *((safe_line(key), "num") for key in sweep.keys),
        *([("strong share", "num")] if routed else []),
        *((METRICS[metric].heading, "num") for metric in metrics),
    )
    rows = joined(_row(point, metrics, routed=routed) for point in sweep.points)
    return tag(
        "details", tag("summary", "Every point as numbers"), scroller("Numbers", table("Points", head, rows))
    )


def _row(point: SweepPoint, metrics: Sequence[Metric], *, routed: bool) -> Html:
    said = "front" if point.pareto else ""
    said = "as written" if point.in_policy else "production" if point.in_production else said
    cells = [tag("td", said), *(tag("td", typeset(plain(value)), class_="num") for value in point.values)]
    if routed:
        cells.append(tag("td", share_or_missing(point.strong_share), class_="num"))
    for metric in metrics:
        found = point.metrics.get(metric)
        shown = missing(point.missing) if found is None else number(found, metric_kind(metric))
        cells.append(tag("td", shown, class_="num"))
    return tag("tr", *cells)
