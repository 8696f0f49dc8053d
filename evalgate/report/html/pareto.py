"""Money against quality: every policy of the run, and what each of them leaves behind."""

from collections.abc import Sequence
from dataclasses import dataclass

from evalgate.core.numbers import Estimate
from evalgate.core.report_data import ComparisonData, PolicyPoint
from evalgate.report.html.axes import Axes
from evalgate.report.html.labels import LETTER, LINE, Box, beside
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.scales import spanning
from evalgate.report.html.section import Place, header_row, section, table
from evalgate.report.html.svg import label, path, place, scroller, svg
from evalgate.report.html.typeset import name, number
from evalgate.report.numbers import with_interval
from evalgate.report.safe_text import safe_line

_ROLES = {"base": " (baseline)", "cand": " (candidate)"}
_WIDTH, _HEIGHT = 800, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 24, 34, 54
_WORSE = "dearer and worse"


@dataclass(frozen=True, slots=True)
class _Dot:
    """One policy with both numbers."""

    policy: str
    cost: Estimate
    accuracy: Estimate
    role: str


def pareto_section(data: ComparisonData, where: Place) -> Html:
    """Return the chart with its numbers as a table."""
    dots = [dot for dot in (_dot(point, data) for point in data.points) if dot is not None]
    lead = (
        "Up is better, left is cheaper; whiskers are intervals. In the shaded region a policy costs more and "
        "answers worse than one of those measured."
    )
    if not dots:
        lead = (
            "Neither policy has both a cost per correct answer and an accuracy, so there is nothing to draw."
        )
    return section(
        where,
        "pareto",
        "Cost and accuracy",
        lead,
        _figure(dots, where) if dots else None,
        _numbers(data.points, folded=bool(dots)),
    )


def _dot(point: PolicyPoint, data: ComparisonData) -> _Dot | None:
    if not isinstance(point.cost_per_correct, Estimate) or not isinstance(point.accuracy, Estimate):
        return None
    role = {data.judgement.baseline: "base", data.judgement.candidate: "cand"}.get(point.policy, "other")
    return _Dot(safe_line(point.policy, 40), point.cost_per_correct, point.accuracy, role)


def _figure(dots: Sequence[_Dot], where: Place) -> Html:
    costs = [end for dot in dots for end in (dot.cost.value, dot.cost.low, dot.cost.high)]
    shares = [end for dot in dots for end in (dot.accuracy.value, dot.accuracy.low, dot.accuracy.high)]
    axes = Axes(
        x=spanning([cost for cost in costs if cost > 0] or costs, _LEFT, _WIDTH - _RIGHT, pad=0.12),
        y=spanning(shares, _HEIGHT - _BOTTOM, _TOP, pad=0.15),
        x_kind="usd",
        y_kind="percent",
        x_title="cost per correct answer →",
        y_title="accuracy ↑",
    )
    said = "; ".join(
        f"{dot.policy}: accuracy {with_interval(dot.accuracy, 'percent', signed=False)}, "
        f"cost per correct {with_interval(dot.cost, 'usd', signed=False)}"
        for dot in dots
    )
    taken = _mark_boxes(dots, axes)
    corner = _corner(axes)
    named_corner = corner.free(taken)
    if named_corner:
        taken.append(corner)
    names, nameless = _names(dots, axes, taken)
    drawing = svg(
        _WIDTH,
        _HEIGHT,
        _dominated(dots, axes),
        axes.draw(),
        label(axes.x.end - 10, axes.y.start - 12, _WORSE, "tick", "end") if named_corner else None,
        joined(_mark(dot, axes) for dot in sorted(dots, key=_front)),
        joined(label(each.x, each.y, each.text, f"name {each.role}", each.anchor) for each in names),
        title=f"Cost per correct answer against accuracy. {said}",
    )
    return tag(
        "figure",
        scroller("Chart of cost and accuracy", drawing),
        _without_names(nameless),
        class_="chart",
        id=where.id("pareto-chart"),
    )


def _without_names(nameless: Sequence[str]) -> Html | None:
    if not nameless:
        return None
    return tag("figcaption", f"Without room for a name: {', '.join(nameless)}.", class_="lead")


def _front(dot: _Dot) -> int:
    """The two policies that are compared are drawn last, on top."""
    return ("other", "base", "cand").index(dot.role)


def _dominated(dots: Sequence[_Dot], axes: Axes) -> Html:
    right, bottom = place(axes.x.end), place(axes.y.start)
    corners = [
        f"M{place(axes.x(dot.cost.value))} {place(axes.y(dot.accuracy.value))}H{right}V{bottom}"
        f"H{place(axes.x(dot.cost.value))}z"
        for dot in dots
    ]
    return path("".join(corners), "dominated")


def _mark(dot: _Dot, axes: Axes) -> Html:
    x, y = axes.x(dot.cost.value), axes.y(dot.accuracy.value)
    across = f"M{place(axes.x(dot.cost.low))} {place(y)}H{place(axes.x(dot.cost.high))}"
    upward = f"M{place(x)} {place(axes.y(dot.accuracy.low))}V{place(axes.y(dot.accuracy.high))}"
    return tag("g", path(across + upward, "whisker"), _shape(dot.role, x, y), class_=f"series {dot.role}")


def _shape(role: str, x: float, y: float) -> Html:
    """Squares, discs and rings tell baseline, candidate and others apart without colour."""
    if role == "base":
        return tag("rect", x=x - 5.5, y=y - 5.5, width=11, height=11, class_="point")
    return tag("circle", cx=x, cy=y, r=6 if role == "cand" else 5, class_="point")


@dataclass(frozen=True, slots=True)
class _Name:
    """A name in the drawing."""

    text: str
    x: float
    y: float
    role: str
    anchor: str


def _names(dots: Sequence[_Dot], axes: Axes, taken: list[Box]) -> tuple[list[_Name], list[str]]:
    """Names beside their points, and those for which there is no room; the two compared are placed first."""
    area = Box(axes.x.start, 0.0, axes.x.end - axes.x.start, axes.y.start)
    placed, nameless = [], []
    for dot in sorted(dots, key=_front, reverse=True):
        text = dot.policy + (_ROLES.get(dot.role, "") if len(dots) > 1 else "")
        found = beside((axes.x(dot.cost.value), axes.y(dot.accuracy.value)), text, area, taken)
        if found is None:
            nameless.append(text)
            continue
        taken.append(found.box)
        placed.append(_Name(text, found.x, found.y, dot.role, found.anchor))
    return placed, nameless


def _mark_boxes(dots: Sequence[_Dot], axes: Axes) -> list[Box]:
    """What points and whiskers take."""
    found = []
    for dot in dots:
        x, y = axes.x(dot.cost.value), axes.y(dot.accuracy.value)
        left, right = axes.x(dot.cost.low), axes.x(dot.cost.high)
        top, bottom = axes.y(dot.accuracy.high), axes.y(dot.accuracy.low)
        found += [
            Box(x - 9, y - 9, 18, 18),
            Box(left, y - 1, right - left, 2),
            Box(x - 1, top, 2, bottom - top),
        ]
    return found


def _corner(axes: Axes) -> Box:
    """Where the shaded region is named, if no mark is there."""
    width = LETTER * len(_WORSE)
    return Box(axes.x.end - 10 - width, axes.y.start - 12 - LINE, width, LINE + 4)


def _numbers(points: Sequence[PolicyPoint], *, folded: bool) -> Html:
    rows = []
    for point in points:
        accuracy, cost = point.accuracy, point.cost_per_correct
        rows.append(
            tag(
                "tr",
                tag("th", name(point.policy), scope="row"),
                tag("td", number(accuracy, "percent"), class_="num"),
                tag("td", number(cost, "usd"), class_="num"),
            )
        )
    head = header_row(("policy", ""), ("accuracy", "num"), ("cost per correct", "num"))
    body = scroller("Numbers of the chart", table("Every policy of this run", head, joined(rows), "plain"))
    return tag("details", tag("summary", "The numbers"), body) if folded else body
