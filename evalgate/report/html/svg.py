"""Pieces that several drawings share."""

from math import isinf

from evalgate.report.html.markup import Html, tag


def svg(width: float, height: float, *children: str | None, title: str = "", stretch: bool = False) -> Html:
    """Return a drawing; one with a ``title`` is an image with a name, one without is decoration.

    A drawing that may ``stretch`` fills the place it is given, whatever that does to its proportions.
    """
    fit = "none" if stretch else None
    box = f"0 0 {width:g} {height:g}"
    if not title:
        return tag(
            "svg", *children, viewBox=box, preserveAspectRatio=fit, aria_hidden="true", focusable="false"
        )
    return tag("svg", *children, viewBox=box, preserveAspectRatio=fit, role="img", aria_label=title)


def path(steps: str, class_: str) -> Html:
    """Return a path of drawing commands."""
    return tag("path", d=steps, class_=class_)


def label(x: float, y: float, text: str, class_: str = "", anchor: str = "start") -> Html:
    """Return a text; ``anchor`` says which of its ends stands at ``x``."""
    return tag("text", text, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def place(number: float) -> str:
    """Return a coordinate with as many digits as can be seen."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def whisker(low: float, high: float, y: float, *, open_low: bool, open_high: bool, class_: str) -> Html:
    """Return a horizontal interval with end bars, or arrow heads where a side is unbounded."""
    left = _arrow(low, y, 4) if open_low else _bar(low, y)
    right = _arrow(high, y, -4) if open_high else _bar(high, y)
    return path(f"M{place(low)} {place(y)}H{place(high)}{left}{right}", class_)


def _bar(x: float, y: float) -> str:
    return f"M{place(x)} {place(y - 4)}v8"


def _arrow(x: float, y: float, depth: float) -> str:
    return f"M{place(x + depth)} {place(y - 4)}L{place(x)} {place(y)}L{place(x + depth)} {place(y + 4)}"


def unbounded(number: float) -> bool:
    """Whether an interval has no end on this side."""
    return isinf(number)


def scroller(name: str, *children: str | None) -> Html:
    """Return a region that scrolls sideways where it is too wide, reachable by keyboard for that."""
    return tag("div", *children, class_="scroller", tabindex="0", role="group", aria_label=name)
