"""The mark in a table's row: where an interval lies, seen against nothing and against what is forbidden."""

from dataclasses import dataclass
from math import inf, isfinite

from evalgate.core.metrics import LimitName
from evalgate.core.numbers import Estimate
from evalgate.core.verdict import Check
from evalgate.report.html.markup import Html, tag
from evalgate.report.html.scales import Scale
from evalgate.report.html.svg import path, place, svg, whisker

WIDTH, HEIGHT = 200, 26
_MIDDLE = HEIGHT / 2
_EDGE = 6.0


@dataclass(frozen=True, slots=True)
class Mark:
    """An estimate with the line it is read against and the forbidden zone.

    ``reference`` is no change, or the baseline's value for an absolute limit. The zone begins at ``limit``
    and goes on below it where ``forbidden`` is ``below``; None draws no zone.
    Marks of one ``reach`` share a scale.
    """

    estimate: Estimate
    reference: float | None
    limit: float | None
    forbidden: str = "below"
    style: str = "plain"
    reach: float | None = None


def mark_of(check: Check, style: str) -> Mark | None:
    """Return the mark of a check; None where there is no number to draw."""
    if check.limit in ("min", "max"):
        if not isinstance(check.candidate, Estimate):
            return None
        reference = check.baseline.value if isinstance(check.baseline, Estimate) else None
        return Mark(check.candidate, reference, check.allowance, _FORBIDDEN[check.limit], style)
    if not isinstance(check.change, Estimate):
        return None
    limit = -check.allowance if check.limit == "max_drop" else check.allowance
    return Mark(check.change, 0.0, limit, _FORBIDDEN[check.limit], style)


def draw(mark: Mark) -> Html:
    """Return the mark as a drawing; the numbers stand in the cells beside it."""
    scale = _scale(mark)
    low, high = scale(mark.estimate.low), scale(mark.estimate.high)
    outside = (mark.estimate.low < scale.low, mark.estimate.high > scale.high)
    return svg(
        WIDTH,
        HEIGHT,
        *_zone(mark, scale),
        None if mark.reference is None else _line(scale(mark.reference), "zero"),
        tag(
            "g",
            whisker(low, high, _MIDDLE, open_low=outside[0], open_high=outside[1], class_="whisker"),
            _point(scale(mark.estimate.value), mark.style),
            class_=f"mark {mark.style}",
        ),
    )


_FORBIDDEN: dict[LimitName, str] = {"max_drop": "below", "min": "below", "max_rise": "above", "max": "above"}


def _scale(mark: Mark) -> Scale:
    """No change stands in the middle, so that rows can be compared by eye; absolute values where they lie."""
    estimate = mark.estimate
    ends = [estimate.value, estimate.low, estimate.high, mark.limit]
    finite = [end for end in ends if end is not None and isfinite(end)]
    if mark.reference == 0:
        reach = 1.12 * (mark.reach or max(abs(end) for end in finite)) or 1.0
        return Scale(-reach, reach, _EDGE, WIDTH - _EDGE)
    if mark.reference is not None:
        finite.append(mark.reference)
    room = (max(finite) - min(finite)) * 0.2 or abs(finite[0]) * 0.1 or 1.0
    return Scale(min(finite) - room, max(finite) + room, _EDGE, WIDTH - _EDGE)


def _zone(mark: Mark, scale: Scale) -> tuple[Html, ...]:
    if mark.limit is None:
        return ()
    ends = (-inf, mark.limit) if mark.forbidden == "below" else (mark.limit, inf)
    left, right = (0.0 if end == -inf else float(WIDTH) if end == inf else scale(end) for end in ends)
    zone = tag("rect", x=left, y=1, width=right - left, height=HEIGHT - 2, class_="zone")
    return zone, _line(scale(mark.limit), "limit")


def _line(x: float, class_: str) -> Html:
    return path(f"M{place(x)} 1V{HEIGHT - 1}", class_)


def _point(x: float, style: str) -> Html:
    """A disc where the limit held, a diamond where it broke, a ring where nobody can tell."""
    if style == "bad":
        return path(f"M{place(x)} {_MIDDLE - 5.5}l5.5 5.5l-5.5 5.5l-5.5-5.5z", "point")
    return tag("circle", cx=x, cy=_MIDDLE, r=4, class_="point")
