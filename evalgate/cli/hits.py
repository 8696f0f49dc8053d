"""``evalgate hits``: which pairs of questions a cache rule newly merges."""

import os
import sys
from pathlib import Path
from typing import Literal

import click

from evalgate.cli import streams
from evalgate.cli.options import format_option
from evalgate.cli.progress import progress_on
from evalgate.cli.selection import selection_options
from evalgate.core.errors import ExitCode


@click.command(short_help="Show what a cache rule newly merges.")
@selection_options
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="How many pairs that nothing decides are picked for people.",
)
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Which ones are picked.")
@format_option("text", "csv", "json", said="How it is written; csv holds the picked pairs, to be filled in.")
def hits(  # noqa: PLR0913  one parameter an option
    *,
    suites: tuple[str, ...],
    policies: tuple[str, ...],
    baseline: str | None,
    quiet: bool,
    sample: int,
    seed: int,
    format_name: Literal["text", "csv", "json"],
) -> int:
    """List the pairs of questions that a proposal's cache answers alike and the baseline's does not.

    Each is judged by its labels, or by grading the served answer against the recorded fresh one. Everything
    comes from recordings: nothing is called, and nothing is gated.
    """
    from evalgate.pipeline.new_hits import new_hits  # noqa: PLC0415  heavy
    from evalgate.pipeline.project.settings import HitsSettings  # noqa: PLC0415
    from evalgate.report import hits as written  # noqa: PLC0415

    settings = HitsSettings(Path.cwd(), suites, policies, baseline, sample, seed)
    found = new_hits(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    if not found:
        streams.say("there is no proposal to look at; name a policy of the family with --policy")
    renderers = {"text": written.render_text, "csv": written.render_csv, "json": written.render_json}
    streams.write_data(renderers[format_name](found))
    return int(ExitCode.OK)
