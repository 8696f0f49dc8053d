"""``evalgate run``: measure, compare, gate."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli.progress import progress_on
from evalgate.cli.reports import errors_to_junit, report_options, write_junit, write_report
from evalgate.cli.results import Format, hand_over, result_options
from evalgate.cli.selection import concurrency_option, selection_options
from evalgate.cli.spending import spending_of, spending_options

if TYPE_CHECKING:
    from evalgate.core.progress import Progress
    from evalgate.core.report_data import ReportTexts
    from evalgate.core.run import Mode
    from evalgate.core.verdict import Decision
    from evalgate.pipeline.project.settings import RunSettings

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
@click.option(
    "--sequential",
    is_flag=True,
    help="Call cases in random order and stop when they decide: looks at 10, 25, 50, 75 and 100 %.",
)
@concurrency_option
@spending_options
@report_options
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
    sequential: bool,
    concurrency: int | None,
    max_spend: float | None,
    yes: bool,
    report: Path | None,
    report_texts: "ReportTexts | None",
    junit: Path | None,
    format_name: Format,
    output: Path | None,
) -> int:
    """Measure proposals against their baseline on golden SUITES, and say whether they may ship.

    Without SUITES all of them, without --policy every proposal in each suite's family.
    """
    from evalgate.pipeline.project.settings import RunSettings  # noqa: PLC0415  heavy

    _refuse_useless_looks(mode, cases, limit, sequential=sequential)
    settings = RunSettings(
        start=Path.cwd(),
        suites=suites,
        policies=policies,
        baseline=baseline,
        mode=mode,
        cases=cases,
        limit=limit,
        sequential=sequential,
        concurrency=concurrency,
        spending=spending_of(max_spend, yes=yes, quiet=quiet),
    )
    progress = progress_on(sys.stderr, os.environ, quiet=quiet)
    with errors_to_junit(junit):
        decision = _run(settings, progress, report, report_texts)
    write_junit(decision, junit)
    return hand_over(decision, format_name, output)


def _run(
    settings: "RunSettings", progress: "Progress", report: Path | None, texts: "ReportTexts | None"
) -> "Decision":
    if report is None:
        from evalgate.pipeline.run import run as run_pipeline  # noqa: PLC0415  heavy

        return run_pipeline(settings, progress)
    from evalgate.pipeline.reporting import run_with_report  # noqa: PLC0415

    data = run_with_report(settings, progress, texts)
    write_report(data, report, "--report")
    return data.decision


def _refuse_useless_looks(
    mode: "Mode", cases: tuple[str, ...], limit: int | None, *, sequential: bool
) -> None:
    if sequential and mode == "replay":
        raise click.UsageError(
            "--sequential saves calls, and a replay makes none: use it with --mode live or --mode auto"
        )
    if sequential and (cases or limit is not None):
        raise click.UsageError("--sequential decides, but --case and --limit only show; leave one out")
