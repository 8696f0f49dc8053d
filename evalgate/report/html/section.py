"""The frame of every part of the page: a heading that can be linked to, and a sentence on how to read it."""

from collections.abc import Sequence
from dataclasses import dataclass

from evalgate.report.html.markup import Child, Html, tag


@dataclass(frozen=True, slots=True)
class Place:
    """Where a comparison's parts stand: the start of their ids, and the level of their headings."""

    prefix: str
    level: int

    def id(self, part: str) -> str:
        """Return the id of a part; the only comparison of a page needs no prefix."""
        return f"{self.prefix}{part}"


def section(place: Place, part: str, heading: str, lead: Child, *children: Child) -> Html:
    """Return a part of the page."""
    title = place.id(f"{part}-title")
    return tag(
        "section",
        tag(f"h{place.level}", heading, id=title),
        None if lead is None else tag("p", lead, class_="lead"),
        *children,
        id=place.id(part),
        # A landmark each, but not one of the same name for every comparison of the page.
        aria_labelledby=title if place.level == 2 else None,
    )


def table(caption: str, head: Html, body: Html, class_: str = "", *, show_caption: bool = False) -> Html:
    """Return a table with a caption, which only screen readers see unless it is shown."""
    hidden = None if show_caption else "unseen"
    return tag(
        "table",
        tag("caption", caption, class_=hidden),
        tag("thead", head),
        tag("tbody", body),
        class_=class_ or None,
    )


def stacking_table(caption: str, head: Html, bodies: Sequence[Html], class_: str) -> Html:
    """Return a table, of one group of rows or several, whose rows become blocks where the page is narrow.

    Browsers forget what a table is once its rows are laid out otherwise, so every part says what it is.
    """
    return tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", head, role="rowgroup"),
        *(tag("tbody", body, role="rowgroup") for body in bodies),
        class_=f"stacking {class_}",
        role="table",
    )


def cell(content: Child, class_: str, label: str | None = None) -> Html:
    """Return a cell of a stacking table; where rows are blocks, its ``label`` stands in it."""
    return tag("td", content, class_=class_, role="cell", data_label=label)


def header_row(*headings: tuple[str, str]) -> Html:
    """Return a row of column headings, each with its class; ``unseen`` ones are there for screen readers."""
    cells = [
        tag("th", tag("span", text, class_="unseen"), scope="col", role="columnheader")
        if class_ == "unseen"
        else tag("th", text, scope="col", class_=class_ or None, role="columnheader")
        for text, class_ in headings
    ]
    return tag("tr", *cells, role="row")
