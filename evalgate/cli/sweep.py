"""``evalgate sweep``: the curve of every metric over a number of a policy."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from evalgate.cli import streams
from evalgate.cli.files import output_file, writable, write_file
from evalgate.cli.options import format_option, quiet_option
from evalgate.cli.progress import progress_on
from evalgate.core.errors import ExitCode

if TYPE_CHECKING:
    from evalgate.pipeline.project.settings import SweepRange

_RANGE = re.compile(r"([a-z_]+\.[a-z0-9_]+)=(-?[0-9.]+)\.\.(-?[0-9.]+?)(?::([0-9]+))?")
_STEPS = {1: 21, 2: 9}
_MOST_POINTS = 10_000


@click.command(short_help="Show metrics over a policy's thresholds.")
@click.argument("policy")
@click.argument("ranges", nargs=-1, required=True, metavar="KEY=LOW..HIGH[:STEPS]...")
@click.option("--suite", "suites", multiple=True, metavar="SUITE", help="Only this suite; repeatable.")
@format_option("text", "csv", "json")
@click.option(
    "--report", type=output_file(), callback=writable, help="Draw the curves into one HTML file as well."
)
@quiet_option
def sweep(
    *,
    policy: str,
    ranges: tuple[str, ...],
    suites: tuple[str, ...],
    format_name: Literal["text", "csv", "json"],
    report: Path | None,
    quiet: bool,
) -> int:
    """Show every metric of POLICY over one or two of its numbers, like router.threshold=0.1..0.9:50.

    Everything comes from recordings: nothing is called, and nothing is gated.
    """
    wanted = _ranges(ranges)
    from evalgate.pipeline.project.settings import SweepSettings  # noqa: PLC0415  heavy
    from evalgate.pipeline.sweep import sweep as sweep_pipeline  # noqa: PLC0415
    from evalgate.report import sweep as written  # noqa: PLC0415

    settings = SweepSettings(Path.cwd(), policy, wanted, suites)
    found = sweep_pipeline(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    if report is not None:
        from evalgate.report.html.sweep_page import render  # noqa: PLC0415

        content = render(found).encode()
        write_file(report, content, "--report")
        streams.say(f"wrote {report} ({len(content) / 1e6:.1f} MB)")
    match format_name:
        case "csv":
            streams.write_data(written.render_csv(found))
        case "json":
            streams.write_data(written.render_json(found))
        case "text":
            streams.write_data(written.render_text(found, width=streams.width_of(sys.stdout)))
    return int(ExitCode.OK)


def _ranges(written: tuple[str, ...]) -> "tuple[SweepRange, ...]":
    if len(written) > 2:
        raise click.UsageError(f"{len(written)} keys are too many to show; sweep over one or two")
    ranges = tuple(_range(each, _STEPS[len(written)]) for each in written)
    points = 1
    for each in ranges:
        points *= each.steps
    if points > _MOST_POINTS:
        raise click.UsageError(f"that is {points:,} points; ask for {_MOST_POINTS:,} at most")
    return ranges


def _range(written: str, steps: int) -> "SweepRange":
    from evalgate.pipeline.project.settings import SweepRange  # noqa: PLC0415  heavy

    match = _RANGE.fullmatch(written)
    try:
        assert match is not None
        low, high = float(match[2]), float(match[3])
    except (AssertionError, ValueError):
        raise click.UsageError(
            f"{written!r} is no range; write one like router.threshold=0.1..0.9, or with :50 for 50 steps"
        ) from None
    if low >= high:
        raise click.UsageError(f"{written!r} runs from {low:g} to {high:g}; write the lower end first")
    count = int(match[4] or steps)
    if count < 2:
        raise click.UsageError(f"{written!r} has {count} steps; a curve needs two or more")
    return SweepRange(match[1], low, high, count)
