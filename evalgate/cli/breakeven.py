"""``evalgate breakeven``: the traffic at which machines of one's own cost less."""

import os
import sys
from pathlib import Path
from typing import Literal

import click

from evalgate.cli import streams
from evalgate.cli.files import output_file, writable, write_file
from evalgate.cli.options import format_option, quiet_option
from evalgate.cli.progress import progress_on
from evalgate.core.errors import ExitCode


@click.command(short_help="Find the traffic at which self-hosting wins.")
@click.argument("policy")
@click.option("--against", metavar="P", help="Compare with this policy; default: the family's baseline.")
@click.option("--suite", "suites", multiple=True, metavar="SUITE", help="Only this suite; repeatable.")
@click.option(
    "--requests",
    multiple=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Show the month with N requests as well; repeatable.",
)
@format_option("text", "csv", "json")
@click.option("--report", type=output_file(), callback=writable, help="Draw it into one HTML file as well.")
@quiet_option
def breakeven(  # noqa: PLR0913  one parameter per option
    *,
    policy: str,
    against: str | None,
    suites: tuple[str, ...],
    requests: tuple[int, ...],
    format_name: Literal["text", "csv", "json"],
    report: Path | None,
    quiet: bool,
) -> int:
    """Show what POLICY and another one cost a month over traffic, and where the cheaper one changes.

    Machines that are paid by the hour cost the same whether requests come or not, an API costs by request.
    Everything comes from recordings: nothing is called, and nothing is gated.
    """
    from evalgate.pipeline.breakeven import find_breakeven  # noqa: PLC0415  heavy
    from evalgate.pipeline.project.settings import BreakevenSettings  # noqa: PLC0415
    from evalgate.report import breakeven as written  # noqa: PLC0415

    settings = BreakevenSettings(Path.cwd(), policy, suites, against)
    found = find_breakeven(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    if report is not None:
        from evalgate.report.html.breakeven_page import render  # noqa: PLC0415

        content = render(found, requests).encode()
        write_file(report, content, "--report")
        streams.say(f"wrote {report} ({len(content) / 1e6:.1f} MB)")
    match format_name:
        case "csv":
            streams.write_data(written.render_csv(found, requests))
        case "json":
            streams.write_data(written.render_json(found, requests))
        case "text":
            streams.write_data(written.render_text(found, requests, width=streams.width_of(sys.stdout)))
    return int(ExitCode.OK)
