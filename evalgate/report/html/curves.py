"""Line charts that the pages of sweeps and loads share."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from evalgate.report.html.axes import Axes
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.scales import spanning
from evalgate.report.html.svg import label, path, place, scroller, svg
from evalgate.report.numbers import Kind, span

_WIDTH, _HEIGHT = 800, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 160, 34, 54


@dataclass(frozen=True, slots=True)
class Series:
    """One curve of a chart, with a ``label`` if there are others; ``band`` has the ends of each interval.

    ``role`` is ``base`` or ``cand``. A value that is None leaves a gap.
    """

    label: str
    role: str
    at: Sequence[float]
    values: Sequence[float | None]
    band: Sequence[tuple[float, float] | None] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: what its axes measure, and the place of an upright line, if any."""

    id: str
    title: str
    kind: Kind
    x_title: str
    x_kind: Kind
    upright: float | None = None


def chart(about: Chart, series: Sequence[Series]) -> Html:
    """Return the figure."""
    known = [value for each in series for value in each.values if value is not None]
    ends = [end for each in series for band in each.band if band is not None for end in band if isfinite(end)]
    axes = Axes(
        x=spanning([at for each in series for at in each.at], _LEFT, _WIDTH - _RIGHT, pad=0.02),
        y=spanning([*known, *ends], _HEIGHT - _BOTTOM, _TOP, pad=0.1),
        x_kind=about.x_kind,
        y_kind=about.kind,
        x_title=f"{about.x_title} →",
        y_title=about.title,
    )
    drawing = svg(
        _WIDTH,
        _HEIGHT,
        joined(_band(each, axes) for each in series),
        axes.draw(),
        None if about.upright is None else _upright(about.upright, axes),
        joined(_line(each, axes) for each in series),
        joined(_labels(series, axes)),
        title=f"{about.title} over {about.x_title}: {span(sorted(known), about.kind)}",
    )
    return tag("figure", scroller(f"Chart of {about.title}", drawing), class_="chart", id=about.id)


def _band(series: Series, axes: Axes) -> Html | None:
    pairs = zip(series.at, series.band, strict=False)
    known = [(at, band) for at, band in pairs if band is not None]
    if len(known) < 2:
        return None
    there = [f"{place(axes.x(at))} {place(axes.y(high))}" for at, (_, high) in known]
    back = [f"{place(axes.x(at))} {place(axes.y(low))}" for at, (low, _) in reversed(known)]
    return path(f"M{'L'.join([*there, *back])}z", "band")


def _line(series: Series, axes: Axes) -> Html:
    steps, drawn = [], False
    for at, value in zip(series.at, series.values, strict=True):
        if value is not None:
            steps.append(f"{'L' if drawn else 'M'}{place(axes.x(at))} {place(axes.y(value))}")
        drawn = value is not None
    return path("".join(steps), f"curve {series.role}")


def _labels(series: Sequence[Series], axes: Axes) -> list[Html]:
    """A name beside the end of each curve, kept apart from the one above it."""
    ends = []
    for each in series:
        last = next((value for value in reversed(each.values) if value is not None), None)
        if each.label and last is not None:
            ends.append((axes.y(last) + 4, each))
    found, lowest = [], -100.0
    for y, each in sorted(ends, key=lambda end: end[0]):
        lowest = max(y, lowest + 16)
        found.append(label(axes.x.end + 8, lowest, each.label, f"name {each.role}"))
    return found


def _upright(at: float, axes: Axes) -> Html:
    x = place(axes.x(at))
    return path(f"M{x} {place(axes.y.start)}V{place(axes.y.end)}", "zero")
