"""``evalgate aa``: a policy against itself."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from evalgate.cli import streams
from evalgate.cli.options import format_option, quiet_option
from evalgate.cli.progress import progress_on
from evalgate.cli.selection import concurrency_option
from evalgate.cli.spending import spending_of, spending_options
from evalgate.core.errors import ExitCode

if TYPE_CHECKING:
    from evalgate.core.run import Mode


@click.command(short_help="Compare a policy with itself: its noise.")
@click.argument("suites", nargs=-1, metavar="[SUITES]...")
@click.option("--policy", metavar="P", help="The policy to repeat, by name or file; else the baseline.")
@click.option(
    "--trials",
    type=click.IntRange(min=2, max=20),
    default=2,
    show_default=True,
    metavar="N",
    help="How often each case is tried, at least; a suite's own trials count.",
)
@click.option(
    "--mode",
    type=click.Choice(("replay", "auto", "live")),
    default="replay",
    show_default=True,
    help="replay never calls a model; auto calls the trials that are not recorded; live calls all anew.",
)
@concurrency_option
@format_option("text", "json")
@spending_options
@quiet_option
def aa(  # noqa: PLR0913  one parameter per option
    *,
    suites: tuple[str, ...],
    policy: str | None,
    trials: int,
    mode: "Mode",
    concurrency: int | None,
    max_spend: float | None,
    yes: bool,
    format_name: Literal["text", "json"],
    quiet: bool,
) -> int:
    """Compare a policy with itself on SUITES: how often answers flip, the noise of each metric, the verdict.

    What an unchanged candidate gets from the gate, it gets from noise alone.
    """
    from evalgate.pipeline.aa import aa as aa_pipeline  # noqa: PLC0415  heavy
    from evalgate.pipeline.project.settings import AaSettings  # noqa: PLC0415
    from evalgate.report.aa import render_json, render_text  # noqa: PLC0415

    spending = spending_of(max_spend, yes=yes, quiet=quiet)
    settings = AaSettings(Path.cwd(), suites, policy, trials, mode, spending, concurrency)
    found = aa_pipeline(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    if format_name == "json":
        streams.write_data(render_json(found))
    else:
        streams.write_data(render_text(found, width=streams.width_of(sys.stdout)))
    return int(ExitCode.OK)
