"""stdout for data, stderr for talk, and whether either may have colour."""

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

NARROWEST, WIDEST, WITHOUT_TERMINAL = 60, 140, 100

_PLAIN = str.maketrans(
    {
        "✓": "+",
        "✗": "x",
        "⚠": "!",
        "→": ">",
        "…": "~",
        "─": "-",
        "·": "-",
        "≤": "<=",
        "≥": ">=",
        "∶": ":",
        "♯": "#",
    }
)


def say(text: str) -> None:
    """Write talk to stderr, made safe: much of it quotes files and models. A closed stderr is no error."""
    from evalgate.report.safe_text import safe_lines  # noqa: PLC0415  not needed for help

    _write(sys.stderr, safe_lines(text) + "\n")


def write_data(text: str) -> None:
    """Write a result to stdout. A reader that went away (``| head``) changes nothing about the verdict."""
    if not _write(sys.stdout, text):
        discard_stdout()


def discard_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain when it exits."""
    try:
        target = sys.stdout.fileno()
    except (OSError, ValueError):
        return  # no file, so nothing is flushed at exit
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, target)
    os.close(nowhere)


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether to colour: NO_COLOR wins over FORCE_COLOR, and without either a terminal decides."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "") not in ("", "0"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def width_of(stream: TextIO) -> int:
    """Return the columns to fill: the terminal's, within reason, and a fixed number where there is none."""
    if not stream.isatty():
        return WITHOUT_TERMINAL
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((WITHOUT_TERMINAL, 24)).columns))


def _write(stream: TextIO, text: str) -> bool:
    try:
        stream.write(_encodable(text, stream.encoding))
        stream.flush()
    except BrokenPipeError:
        return False
    return True


def _encodable(text: str, encoding: str | None) -> str:
    """Return what the stream can show: plain characters for arrows and marks where it has none."""
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        charset = encoding or "utf-8"
        return text.translate(_PLAIN).encode(charset, "replace").decode(charset)
    return text
