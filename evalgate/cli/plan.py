"""``evalgate plan``: what a run or a recording would call, reuse and spend."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from evalgate.cli import streams
from evalgate.cli.options import format_option
from evalgate.cli.progress import progress_on
from evalgate.cli.selection import selection_options
from evalgate.core.errors import ExitCode

if TYPE_CHECKING:
    from evalgate.core.run import Mode


@click.command(short_help="Show what would be called, reused and spent.")
@selection_options
@click.option(
    "--mode",
    type=click.Choice(["replay", "auto", "live"]),
    default="auto",
    show_default=True,
    help="The mode of `evalgate run` to plan for.",
)
@click.option(
    "--cover", type=click.Choice(["deployments"]), help="Plan `evalgate record --cover deployments` instead."
)
@click.option(
    "--remeasure",
    type=click.IntRange(min=0),
    metavar="N",
    help="Plan `evalgate record --remeasure N` instead.",
)
@format_option("text", "json", said="How the plan is written.")
def plan(  # noqa: PLR0913  one parameter per option
    *,
    suites: tuple[str, ...],
    policies: tuple[str, ...],
    baseline: str | None,
    quiet: bool,
    mode: "Mode",
    cover: str | None,
    remeasure: int | None,
    format_name: Literal["text", "json"],
) -> int:
    """Show what measuring SUITES would call, reuse and spend. Nothing is called and no key is needed."""
    from evalgate.pipeline.planning.plan import plan as plan_pipeline  # noqa: PLC0415  heavy
    from evalgate.pipeline.project.settings import PlanSettings  # noqa: PLC0415
    from evalgate.report.plan import render_json, render_text  # noqa: PLC0415

    if (cover or remeasure is not None) and mode != "auto":
        option = "--cover" if cover else "--remeasure"
        raise click.UsageError(f"{option} plans a recording, which has no --mode")
    settings = PlanSettings(
        start=Path.cwd(),
        suites=suites,
        policies=policies,
        baseline=baseline,
        mode=mode,
        cover_deployments=cover == "deployments",
        recording=cover is not None or remeasure is not None,
        remeasure=remeasure,
    )
    planned = plan_pipeline(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    if format_name == "json":
        streams.write_data(render_json(planned))
    else:
        color = streams.wants_color(sys.stdout, os.environ)
        streams.write_data(render_text(planned, width=streams.width_of(sys.stdout), color=color))
    return int(ExitCode.OK)
