"""``evalgate deferral``: what every threshold of a cascade would give."""

import os
import sys
from pathlib import Path
from typing import Literal

import click

from evalgate.cli import streams
from evalgate.cli.options import format_option, quiet_option
from evalgate.cli.progress import progress_on
from evalgate.core.errors import ExitCode


@click.command(short_help="Show what every threshold of a cascade would give.")
@click.argument("suites", nargs=-1, metavar="[SUITES]...")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="P",
    help="Only this policy beside the baseline, by name or file; repeatable.",
)
@click.option(
    "--points", type=click.IntRange(2, 1000), default=11, show_default=True, help="How many thresholds."
)
@format_option("text", "json")
@quiet_option
def deferral(
    *,
    suites: tuple[str, ...],
    policies: tuple[str, ...],
    points: int,
    format_name: Literal["text", "json"],
    quiet: bool,
) -> int:
    """Show accuracy, cost and P95 of each cascade at many thresholds. Nothing is called, nothing is gated."""
    from evalgate.pipeline.deferral import deferral as curves_of  # noqa: PLC0415  heavy
    from evalgate.report.deferral import render_json, render_text  # noqa: PLC0415

    progress = progress_on(sys.stderr, os.environ, quiet=quiet)
    found = curves_of(Path.cwd(), suites, policies, points, progress)
    if format_name == "json":
        streams.write_data(render_json(found))
    else:
        streams.write_data(render_text(found, width=streams.width_of(sys.stdout)))
    return int(ExitCode.OK)
