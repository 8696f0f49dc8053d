r"""Text that somebody else wrote (models, cases, file names), made safe to print.

A terminal obeys ESC and C1 bytes, a reader is fooled by bidirectional overrides and zero-width characters,
and a CI log obeys lines that begin with ``::``. What is invisible or dangerous is shown as an escape
(``\x1b``, ``\u200b``) rather than dropped: an answer that differs from its target in nothing but a
zero-width space would otherwise be a riddle.
"""

import unicodedata

# Letters and symbols by category that nevertheless show nothing: fillers, the braille blank.
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f")
_SPACES = frozenset({"Zs", "Zl", "Zp"})
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKS = frozenset({"Mn", "Me"})
_MARKS_IN_A_ROW = 2


def safe_line(text: str, limit: int = 80) -> str:
    """Return ``text`` as one printable line of at most ``limit`` columns; a cut ends in ``…``.

    White space of any kind becomes single spaces, and so do line breaks.
    """
    # Each kept character is at least one column wide or a mark on one, so the rest cannot be seen anyway.
    head = text[: limit * 8]
    return cut(" ".join(_visible(head).split()), limit)


def safe_lines(text: str, limit: int = 2000) -> str:
    """Return ``text`` with its line breaks and spacing kept and every line made printable."""
    return "\n".join(no_command(cut(_visible(line[: limit * 8]), limit)) for line in text.split("\n"))


def no_command(line: str) -> str:
    """Return a line that a CI runner does not take for a command (``::error::``, ``##[group]``).

    The runner ignores leading white space, so that indenting alone does not help. Columns are kept.
    """
    line = line.replace("##[", "#♯[")
    body = line.lstrip()
    return line[: len(line) - len(body)] + "∶" + body[1:] if body.startswith("::") else line


def columns(text: str) -> int:
    """Return the terminal columns a safe text takes: two for wide characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(char) for char in text)


def cut(text: str, limit: int) -> str:
    """Return ``text`` shortened to ``limit`` columns, ending in ``…`` if anything was left out."""
    if columns(text) <= limit:
        return text
    kept, _ = split_at(text, limit - 1)
    return kept.rstrip() + "…"


def split_at(text: str, limit: int) -> tuple[str, str]:
    """Return the longest beginning of ``text`` that fits in ``limit`` columns, and the rest."""
    used = 0
    for index, char in enumerate(text):
        used += _columns_of(char)
        if used > limit:
            return text[:index], text[index:]
    return text, ""


def _columns_of(char: str) -> int:
    if unicodedata.category(char) in _MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in _MARKS else 0
        if char in "\t\n\r\v\f\x85" or category in _SPACES:
            shown.append(" ")
        elif category in _UNSAFE or char in _BLANK:
            shown.append(_escape(char))
        elif marks <= _MARKS_IN_A_ROW and not _selects_variation(char):
            shown.append(char)
    return "".join(shown)


def _selects_variation(char: str) -> bool:
    # They make a terminal draw one column where we count two, or the other way round.
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
