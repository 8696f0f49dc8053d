"""Lines of a terminal report: painting, padding and wrapping by columns rather than code points."""

from collections.abc import Iterable, Iterator
from typing import Literal

from evalgate.report.safe_text import columns, split_at

Style = Literal["good", "bad", "unsure", "strong", "quiet", "plain"]
Align = Literal["left", "right"]

# Stands for a space at which no line is broken; safe text never holds it.
UNBREAKABLE = "\u00a0"

_CODES: dict[Style, str] = {"good": "32", "bad": "31", "unsure": "33", "strong": "1", "quiet": "2"}


def paint(text: str, style: Style, *, color: bool) -> str:
    """Return the text in its style, or untouched where there is no colour."""
    code = _CODES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if color and code and text else text


def pad(text: str, width: int, align: Align = "left") -> str:
    """Return the text filled with spaces to ``width`` columns."""
    gap = " " * max(0, width - columns(text))
    return gap + text if align == "right" else text + gap


def wrap(text: str, width: int, *, first: str = "", rest: str | None = None) -> list[str]:
    """Return the text broken at spaces (and inside longer words) into lines of at most ``width`` columns.

    ``first`` begins the first line and ``rest`` the others (by default as many spaces).
    """
    rest = " " * columns(first) if rest is None else rest
    lines: list[str] = []
    prefix, line = first, ""
    for word in _short_words(text.split(" "), width - max(columns(first), columns(rest))):
        joined = f"{line} {word}" if line else word
        if line and columns(prefix + joined) > width:
            lines.append(prefix + line)
            prefix, joined = rest, word
        line = joined
    return [part.replace(UNBREAKABLE, " ").rstrip() for part in (*lines, prefix + line)]


def _short_words(words: Iterable[str], limit: int) -> Iterator[str]:
    for word in filter(None, words):
        left = word
        while columns(left) > limit:
            piece, left = split_at(left, limit)
            yield piece
        if left:
            yield left
