"""A plain table in fixed columns, for terminals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evalgate.report.layout import Align, Style, pad, paint, wrap
from evalgate.report.safe_text import columns

_GAP = "  "


class Cell(NamedTuple):
    """A safe text with its style."""

    text: str
    style: Style = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, how its cells are aligned, the width beyond which they wrap, and how far it may shrink."""

    heading: str
    align: Align = "left"
    widest: int = 40
    narrowest: int | None = None


def table(
    table_columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    width: int,
    indent: str = "",
    color: bool = False,
) -> list[str] | None:
    """Return the heading, a rule and the rows, or None when they do not fit into ``width`` columns.

    Cells wrap; the last columns shrink first.
    """
    widths = _fitted(table_columns, rows, width - len(indent) - len(_GAP) * (len(table_columns) - 1))
    if widths is None:
        return None
    heading = [Cell(column.heading, "quiet") for column in table_columns]
    total = sum(widths) + len(_GAP) * (len(widths) - 1)
    aligns = [column.align for column in table_columns]
    lines = [*_row(heading, widths, aligns, color=color), paint("─" * total, "quiet", color=color)]
    for row in rows:
        lines.extend(_row(row, widths, aligns, color=color))
    return [f"{indent}{line}".rstrip() for line in lines]


def _fitted(table_columns: Sequence[Column], rows: Sequence[Sequence[Cell]], room: int) -> list[int] | None:
    widths = [
        min(column.widest, max([columns(column.heading), *(columns(row[index].text) for row in rows)]))
        for index, column in enumerate(table_columns)
    ]
    for index in reversed(range(len(widths))):
        spare = widths[index] - (table_columns[index].narrowest or widths[index])
        widths[index] -= max(0, min(spare, sum(widths) - room))
    return widths if sum(widths) <= room else None


def _row(cells: Sequence[Cell], widths: Sequence[int], aligns: Sequence[Align], *, color: bool) -> list[str]:
    wrapped = [wrap(cell.text, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for level in range(max(len(part) for part in wrapped)):
        parts = []
        for part, width, align, cell in zip(wrapped, widths, aligns, cells, strict=True):
            text = part[level] if level < len(part) else ""
            # Only the text is painted, so that what trails it can be stripped.
            parts.append(pad(text, width, align).replace(text, paint(text, cell.style, color=color), 1))
        lines.append(_GAP.join(parts))
    return lines
