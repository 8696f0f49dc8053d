"""``evalgate run``: measure, compare, gate."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli.progress import progress_on
from evalgate.cli.results import Format, hand_over, result_options
from evalgate.cli.selection import selection_options

if TYPE_CHECKING:
    from evalgate.core.run import Mode

MODES = ("replay", "auto", "live")


@click.command(short_help="Measure proposals, compare, gate.")
@selection_options
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="replay",
    show_default=True,
    help="replay never calls a model; auto calls what is not recorded; live calls everything anew.",
)
@click.option(
    "--case", "cases", multiple=True, metavar="ID", help="Only this case; repeatable. Shows, never gates."
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N cases. Shows, never gates."
)
@result_options
def run(  # noqa: PLR0913  one parameter per option
    *,
    suites: tuple[str, ...],
    policies: tuple[str, ...],
    baseline: str | None,
    quiet: bool,
    mode: "Mode",
    cases: tuple[str, ...],
    limit: int | None,
    format_name: Format,
    output: Path | None,
) -> int:
    """Measure proposals against their baseline on golden SUITES, and say whether they may ship.

    Without SUITES all of them, without --policy every proposal in each suite's family.
    """
    from evalgate.pipeline.run import run as run_pipeline  # noqa: PLC0415  heavy
    from evalgate.pipeline.settings import RunSettings  # noqa: PLC0415

    settings = RunSettings(
        start=Path.cwd(),
        suites=suites,
        policies=policies,
        baseline=baseline,
        mode=mode,
        cases=cases,
        limit=limit,
    )
    decision = run_pipeline(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    return hand_over(decision, format_name, output)
