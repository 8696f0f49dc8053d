"""``evalgate judge-check``: how far the judge of a suite can be trusted."""

import os
import sys
from pathlib import Path
from typing import Literal

import click

from evalgate.cli import streams
from evalgate.cli.files import output_file, writable, write_file
from evalgate.cli.options import format_option, quiet_option
from evalgate.cli.power import budget_of
from evalgate.cli.progress import progress_on
from evalgate.cli.spending import spending_of, spending_options
from evalgate.core.errors import ExitCode


@click.command("judge-check", short_help="Check a judge against people and itself.")
@click.argument("suites", nargs=-1, metavar="[SUITES]...")
@click.option("--policy", metavar="P", help="Only this proposal beside the baseline, by name or file.")
@click.option(
    "--again",
    "times",
    type=click.IntRange(min=1, max=20),
    metavar="N",
    help="Ask the judge N times more about 50 of the answers, to see how often it contradicts itself.",
)
@click.option("--budget", metavar="accuracy=AMOUNT", help="The drop to decide, like accuracy=2pp.")
@click.option(
    "--to-label",
    type=output_file(),
    callback=writable,
    metavar="FILE",
    help="Write the answers to label next to this file, as lines of labels.jsonl to fill in.",
)
@format_option("text", "json")
@spending_options
@quiet_option
def judge_check(  # noqa: PLR0913  one parameter per option
    *,
    suites: tuple[str, ...],
    policy: str | None,
    times: int | None,
    budget: str | None,
    to_label: Path | None,
    max_spend: float | None,
    yes: bool,
    format_name: Literal["text", "json"],
    quiet: bool,
) -> int:
    """Show how the judge of SUITES agrees with people, contradicts itself and favours a side; what to label.

    Without --again no model is called.
    """
    wanted = None if budget is None else _drop(budget)
    from evalgate.pipeline.judge_check import judge_check as check_pipeline  # noqa: PLC0415  heavy
    from evalgate.pipeline.project.settings import JudgeCheckSettings  # noqa: PLC0415
    from evalgate.report.judge_check import label_sheet, render_json, render_text  # noqa: PLC0415

    spending = spending_of(max_spend, yes=yes, quiet=quiet)
    settings = JudgeCheckSettings(Path.cwd(), suites, policy, times or 0, wanted, spending)
    found = check_pipeline(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    if to_label is not None:
        write_file(to_label, label_sheet(found).encode(), "--to-label")
        streams.say(f"wrote {to_label}: fill in `correct` and `by`, and add the lines to labels.jsonl")
    if format_name == "json":
        streams.write_data(render_json(found))
    else:
        streams.write_data(render_text(found, width=streams.width_of(sys.stdout)))
    return int(ExitCode.OK)


def _drop(written: str) -> float:
    metric, amount = budget_of(written)
    if metric != "accuracy":
        raise click.UsageError(f"--budget {written!r}: labels decide about accuracy; write accuracy=2pp")
    return amount
