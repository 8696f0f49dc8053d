"""Handing a Decision to whoever asked for it, in the format they asked for."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from evalgate.cli import streams
from evalgate.cli.files import output_file, writable, write_file

if TYPE_CHECKING:
    from evalgate.core.verdict import Decision

Format = Literal["text", "json", "markdown"]
FORMATS = ("text", "json", "markdown")


def result_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every verb that ends in a Decision: ``--format`` and ``--output``."""
    wanted = click.option(
        "--format",
        "format_name",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        help="How the result is written.",
    )
    output = click.option(
        "--output",
        type=output_file(),
        callback=writable,
        help="Write the result to this file instead of stdout.",
    )
    return wanted(output(verb))


def hand_over(decision: "Decision", format_name: Format, output: Path | None) -> int:
    """Write the result to stdout or the file and return the exit code, which is the Decision's own."""
    if output is None:
        color = streams.wants_color(sys.stdout, os.environ)
        streams.write_data(_rendered(decision, format_name, streams.width_of(sys.stdout), color=color))
    else:
        text = _rendered(decision, format_name, streams.WITHOUT_TERMINAL, color=False)
        write_file(output, text.encode(), "--output")
        streams.say(f"wrote {output} (exit code {int(decision.exit_code)})")
    return int(decision.exit_code)


def _rendered(decision: "Decision", format_name: Format, width: int, *, color: bool) -> str:
    match format_name:
        case "text":
            from evalgate.report import text  # noqa: PLC0415  one format is needed, not three

            return text.render(decision, width=width, color=color)
        case "json":
            from evalgate.report import json  # noqa: PLC0415

            return json.render(decision)
        case "markdown":
            from evalgate.report import markdown  # noqa: PLC0415

            return markdown.render(decision)
