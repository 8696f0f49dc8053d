"""Axes of a chart: round numbers, hairlines, and what is measured along them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.scales import Scale
from evalgate.report.html.svg import label, path, place
from evalgate.report.html.typeset import typeset
from evalgate.report.numbers import Kind, percent, plain, rate, seconds, usd

# What a letter of a tick takes in drawing units, and what must stay free between two ticks.
_LETTER, _GAP = 7.3, 12.0
_IDLE_ZEROS = re.compile(r"(\.\d*?)0+(?=\D|$)")


@dataclass(frozen=True, slots=True)
class Axes:
    """Both scales of a chart with what they measure, in words and in kind."""

    x: Scale
    y: Scale
    x_kind: Kind
    y_kind: Kind
    x_title: str
    y_title: str
    title_drop: float = 40.0

    def draw(self) -> Html:
        """Return grid, numbers and titles; that of the horizontal axis stands ``title_drop`` below it."""
        left, right = self.x.start, self.x.end
        bottom, top = self.y.start, self.y.end
        x_ticks = self._x_ticks()
        across = [f"M{place(left)} {place(self.y(tick))}H{place(right)}" for tick in self.y.ticks(5)]
        up = [f"M{place(self.x(tick))} {place(bottom)}v5" for tick in x_ticks]
        return tag(
            "g",
            path("".join(across), "grid"),
            path(f"M{place(left)} {place(bottom)}H{place(right)}{''.join(up)}", "axis"),
            joined(
                label(left - 8, self.y(tick) + 4, tick_text(self.y_kind, tick), "tick", "end")
                for tick in self.y.ticks(5)
            ),
            joined(
                label(self.x(tick), bottom + 20, tick_text(self.x_kind, tick), "tick", "middle")
                for tick in x_ticks
            ),
            label(right, bottom + self.title_drop, self.x_title, "axis-title", "end"),
            label(left, top - 14, self.y_title, "axis-title"),
        )

    def _x_ticks(self) -> list[float]:
        """As many round numbers as can be written side by side."""
        found: list[float] = []
        for most in range(7, 1, -1):
            found = self.x.ticks(most)
            places = [(self.x(tick), _LETTER * len(tick_text(self.x_kind, tick))) for tick in found]
            if all(
                right - left >= (width + next_width) / 2 + _GAP
                for (left, width), (right, next_width) in pairwise(places)
            ):
                break
        return found


def tick_text(kind: Kind, value: float) -> str:
    """Return a round number without idle zeros."""
    text = _WRITTEN[kind](value)
    return typeset(_IDLE_ZEROS.sub(lambda found: found[1].rstrip("."), text))


def _compact(requests: float) -> str:
    """Return a round number with the letter of its thousands: ``20k``, ``5M``."""
    for power, letter in ((9, "G"), (6, "M"), (3, "k")):
        if requests >= 10**power:
            return f"{requests / 10**power:g}{letter}"
    return plain(requests)


_WRITTEN: dict[Kind, Callable[[float], str]] = {
    "usd": usd,
    "seconds": seconds,
    "percent": percent,
    "points": percent,
    "rate": rate,
    "traffic": _compact,
    "length": plain,
    "plain": plain,
}
