"""``evalgate load``: a policy under traffic."""

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

_RATE = click.FloatRange(min=0, min_open=True)


@click.command(short_help="Simulate a policy under traffic.")
@click.argument("policy")
@click.option("--suite", "suites", multiple=True, metavar="SUITE", help="Only this suite; repeatable.")
@click.option("--baseline", metavar="P", help="Compare with this policy instead of the family's own.")
@click.option("--rps", type=_RATE, metavar="R", help="Requests a second, instead of the suite's traffic.")
@click.option(
    "--burstiness",
    type=click.FloatRange(min=0, max=20),
    metavar="C",
    help="Coefficient of variation of the gaps between requests: 1 is Poisson, real traffic is nearer to 2.",
)
@click.option(
    "--p95-within", "within_s", type=_RATE, metavar="S", help="Seconds that throughput keeps the P95 within."
)
@format_option("text", "json")
@click.option("--report", type=output_file(), callback=writable, help="Draw it into one HTML file as well.")
@quiet_option
def load(  # noqa: PLR0913  one parameter per option
    *,
    policy: str,
    suites: tuple[str, ...],
    baseline: str | None,
    rps: float | None,
    burstiness: float | None,
    within_s: float | None,
    format_name: Literal["text", "json"],
    report: Path | None,
    quiet: bool,
) -> int:
    """Show how long users of POLICY wait under traffic, and how many requests a second it carries.

    Recorded times are replayed through limits, queues and places; nothing is called, and nothing is gated.
    """
    from evalgate.pipeline.project.settings import LoadSettings  # noqa: PLC0415  heavy
    from evalgate.pipeline.under_load import load as load_pipeline  # noqa: PLC0415
    from evalgate.report import load as written  # noqa: PLC0415

    settings = LoadSettings(Path.cwd(), policy, suites, baseline, rps, burstiness, within_s)
    found = load_pipeline(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    if report is not None:
        from evalgate.report.html.load_page import render  # noqa: PLC0415

        content = render(found).encode()
        write_file(report, content, "--report")
        streams.say(f"wrote {report} ({len(content) / 1e6:.1f} MB)")
    if format_name == "json":
        streams.write_data(written.render_json(found))
    else:
        streams.write_data(written.render_text(found, width=streams.width_of(sys.stdout)))
    return int(ExitCode.OK)
