"""Two policies over traffic as one HTML file: the month's cost, the cost of a request, and the numbers."""

from collections.abc import Sequence

from evalgate.core.breakeven import Breakeven, MonthlyCost
from evalgate.report.breakeven import NOTE, cheaper_of, machines_row, months
from evalgate.report.breakeven_words import heading, sentences
from evalgate.report.html.curves import Chart, Series, chart
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.page import document
from evalgate.report.html.section import Place, header_row, section, table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import name, typeset
from evalgate.report.numbers import traffic, usd
from evalgate.report.safe_text import safe_line

_POINTS = 160
_MOST_STEPS = 300


def render(found: Sequence[Breakeven], requests: Sequence[int] = ()) -> str:
    """Return the page; equal data give equal bytes."""
    suites = ", ".join(dict.fromkeys(safe_line(each.suite, 40) for each in found))
    head = tag(
        "header", tag("h1", "Break-even", id="verdict"), tag("p", NOTE, class_="headline"), class_="banner"
    )
    links = [tag("a", name(each.suite, 24), href=f"#b{at}-breakeven") for at, each in enumerate(found)]
    nav = tag("nav", tag("p", "evalgate", class_="mark-name"), *links, aria_label="Parts of the page")
    parts = (_one(each, requests, Place(f"b{at}-", 2)) for at, each in enumerate(found))
    return document(
        f"Break-even: {suites} · evalgate", tag("div", nav, tag("main", head, *parts), class_="page")
    )


def _one(found: Breakeven, requests: Sequence[int], where: Place) -> Html:
    said = [tag("li", typeset(each)) for each in sentences(found)]
    return section(
        where,
        "breakeven",
        heading(found),
        "The upright line is the first break-even; a step up is another replica.",
        tag("ul", *said, class_="notes"),
        _month_chart(found, requests, where),
        _request_chart(found, requests, where),
        _numbers(found, requests),
    )


def _month_chart(found: Breakeven, requests: Sequence[int], where: Place) -> Html:
    series = []
    for cost, role in ((found.policy.monthly, "cand"), (found.against.monthly, "base")):
        at = _places(found, requests, cost)
        series.append(Series(safe_line(cost.policy, 18), role, at, [cost.usd(each) for each in at]))
    about = Chart(where.id("month"), "USD a month", "usd", "requests a month", "traffic", _upright(found))
    return chart(about, series)


def _request_chart(found: Breakeven, requests: Sequence[int], where: Place) -> Html:
    """What a request costs, with machines planned to be as full as stated, half and twice that."""
    costs = [(found.policy.monthly, "cand", "")]
    costs += [(found.policy.monthly.filled(each.times), "cand", _full(each.times)) for each in found.at_times]
    costs.append((found.against.monthly, "base", ""))
    series = []
    for cost, role, said in costs:
        at = _places(found, requests, cost)
        label = said or safe_line(cost.policy, 18)
        series.append(Series(label, role, at, [cost.usd(each) / each for each in at]))
    title = "USD a request, and at other utilisations"
    about = Chart(where.id("request"), title, "usd", "requests a month", "traffic", _upright(found))
    return chart(about, series)


def _full(times: float) -> str:
    return {0.5: "half as full", 2.0: "twice as full"}.get(times, f"{times:g} times as full")


def _upright(found: Breakeven) -> float | None:
    wins = found.crossings.wins("policy")
    return wins[0] if wins is not None and wins[0] > 0 else None


def _places(found: Breakeven, requests: Sequence[int], cost: MonthlyCost) -> list[float]:
    """Evenly many places in every decade, and both sides of each step of a replica."""
    shown = [row.requests for row in months(found, requests)]
    low, high = shown[0], shown[-1]
    ratio = (high / low) ** (1 / (_POINTS - 1))
    places = {low * ratio**at for at in range(_POINTS - 1)} | {high}
    for fleet in cost.fleets:
        width = fleet.per_month / fleet.per_request if fleet.per_request else high
        most = min(int(high / width), fleet.min_replicas + _MOST_STEPS)
        for at in range(fleet.min_replicas, most + 1):
            places |= {place for place in (width * at, width * at * (1 + 1e-6)) if low <= place <= high}
    return sorted(places)


def _numbers(found: Breakeven, requests: Sequence[int]) -> Html:
    headings = [("requests a month", "num"), ("shown as", "unseen")]
    for side in (found.policy, found.against):
        headings.append((safe_line(side.monthly.policy, 30), "num"))
        headings += [("replicas", "num"), ("full", "num")] if side.monthly.fleets else []
    rows = []
    for row in months(found, requests):
        cells = [tag("th", traffic(row.requests), scope="row", class_="num"), tag("td", row.why)]
        for side, amount in ((found.policy, row.policy_usd), (found.against, row.against_usd)):
            cells.append(tag("td", usd(amount), class_="num"))
            cells += [tag("td", text, class_="num") for text in machines_row(side.monthly, row.requests)]
        rows.append(tag("tr", *cells, tag("td", cheaper_of(found, row))))
    head = header_row(*headings, ("cheaper", ""))
    return scroller("What a month costs", table("What a month costs", head, joined(rows)))
