"""Axes of a chart: round numbers, hairlines, and what is measured along them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.scales import Scale
from evalgate.report.html.svg import label, path, place
from evalgate.report.html.typeset import typeset
from evalgate.report.numbers import Kind, percent, plain, seconds, usd

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

    def draw(self) -> Html:
        """Return grid, numbers and titles."""
        left, right = self.x.start, self.x.end
        bottom, top = self.y.start, self.y.end
        across = [f"M{place(left)} {place(self.y(tick))}H{place(right)}" for tick in self.y.ticks(5)]
        up = [f"M{place(self.x(tick))} {place(bottom)}v5" for tick in self.x.ticks(7)]
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
                for tick in self.x.ticks(7)
            ),
            label(right, bottom + 40, self.x_title, "axis-title", "end"),
            label(left, top - 14, self.y_title, "axis-title"),
        )


def tick_text(kind: Kind, value: float) -> str:
    """Return a round number without idle zeros."""
    text = _WRITTEN[kind](value)
    return typeset(_IDLE_ZEROS.sub(lambda found: found[1].rstrip("."), text))


_WRITTEN: dict[Kind, Callable[[float], str]] = {
    "usd": usd,
    "seconds": seconds,
    "percent": percent,
    "points": percent,
    "plain": plain,
}
