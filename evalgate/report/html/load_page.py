"""Policies under load as one HTML file: latency over the offered rate, queues over time, and the numbers."""

from collections.abc import Sequence

from evalgate.core.load import LoadComparison, SideLoad
from evalgate.core.numbers import Unmeasured
from evalgate.report.html.curves import Chart, Series, chart
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.page import document
from evalgate.report.html.section import Place, header_row, section, table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import missing, name, number, typeset
from evalgate.report.load import NOTE, counted, heading, reasons, rows_of, sides, station_row
from evalgate.report.numbers import MISSING, percent, with_interval
from evalgate.report.safe_text import safe_line


def render(found: Sequence[LoadComparison]) -> str:
    """Return the page; equal data give equal bytes."""
    suites = ", ".join(dict.fromkeys(safe_line(each.suite, 40) for each in found))
    head = tag(
        "header", tag("h1", "Under load", id="verdict"), tag("p", NOTE, class_="headline"), class_="banner"
    )
    links = [tag("a", name(each.suite, 24), href=f"#l{at}-load") for at, each in enumerate(found)]
    nav = tag("nav", tag("p", "evalgate", class_="mark-name"), *links, aria_label="Parts of the page")
    parts = (_load(each, Place(f"l{at}-", 2)) for at, each in enumerate(found))
    return document(
        f"Under load: {suites} · evalgate", tag("div", nav, tag("main", head, *parts), class_="page")
    )


def _load(found: LoadComparison, where: Place) -> Html:
    said = [tag("li", each) for each in reasons(found)]
    return section(
        where,
        "load",
        heading(found),
        "The upright line is the traffic of the suite; a curve ends where a deployment is saturated.",
        _over_rates(found, where),
        _queues(found, where),
        _numbers(found),
        _stations(found),
        tag("ul", *said, class_="notes") if said else None,
    )


def _role(found: LoadComparison, side: SideLoad) -> str:
    return "cand" if side is found.candidate else "base"


def _over_rates(found: LoadComparison, where: Place) -> Html | None:
    series = [
        Series(
            safe_line(side.policy, 18),
            _role(found, side),
            [point.rps for point in side.curve],
            [point.p95_s for point in side.curve],
        )
        for side in sides(found)
        if any(point.p95_s is not None for point in side.curve)
    ]
    if not series:
        return None
    about = Chart(where.id("rates"), "P95 latency", "seconds", "offered requests a second", "plain")
    return chart(_with_traffic(about, found, series), series)


def _with_traffic(about: Chart, found: LoadComparison, series: Sequence[Series]) -> Chart:
    """The traffic is marked where the curves reach it."""
    most = max(at for each in series for at in each.at)
    at = found.traffic.rps if found.traffic.rps <= most else None
    return Chart(about.id, about.title, about.kind, about.x_title, about.x_kind, at)


def _queues(found: LoadComparison, where: Place) -> Html | None:
    series = [
        Series(
            safe_line(queue.station if found.baseline is None else f"{side.policy}", 18),
            _role(found, side),
            queue.at_s,
            [float(each) for each in queue.waiting],
        )
        for side in sides(found)
        if (queue := side.queue) is not None
    ]
    if not series:
        return None
    return chart(
        Chart(where.id("queue"), "requests waiting", "plain", "seconds of one replication", "plain"), series
    )


def _numbers(found: LoadComparison) -> Html:
    both = found.baseline is not None
    head = header_row(
        ("measured", "unseen"),
        *((safe_line(side.policy, 30), "num") for side in sides(found)),
        *([("change", "num")] if both else []),
    )
    rows = []
    for title, kind, measured, change in rows_of(found):
        cells = [tag("td", number(each, kind), class_="num") for each in measured]
        if both:
            shown: str | Html = ""
            if isinstance(change, Unmeasured):
                shown = missing(change.reason)
            elif change is not None:
                shown = typeset(with_interval(change, "percent", signed=True))
            cells.append(tag("td", shown, class_="num"))
        rows.append(tag("tr", tag("th", title, scope="row"), *cells))
    gave_up = [tag("td", percent(side.rejected_share), class_="num") for side in sides(found)]
    rows.append(
        tag("tr", tag("th", "gave up waiting", scope="row"), *gave_up, tag("td", "") if both else None)
    )
    return scroller("What users wait", table("What users wait", head, joined(rows)))


def _stations(found: LoadComparison) -> Html:
    numbers = counted(found)
    texts = {"policy", "deployment", "of"}
    headings = ("policy", "deployment", *numbers, "used", "of", "queue, mean", "longest")
    head = header_row(*((text, "" if text in texts else "num") for text in headings))
    rows = joined(
        tag(
            "tr",
            *(
                tag("td", text or MISSING, class_=None if above in texts else "num")
                for above, text in zip(
                    headings, station_row(side, each, collected=len(numbers) > 1), strict=True
                )
            ),
        )
        for side in sides(found)
        for each in side.stations
    )
    return scroller("How busy deployments are", table("How busy deployments are", head, rows))
