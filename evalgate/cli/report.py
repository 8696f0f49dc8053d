"""``evalgate report``: the HTML comparison of finished runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli.files import output_file, writable
from evalgate.cli.reports import texts_option, write_report
from evalgate.core.errors import ExitCode

if TYPE_CHECKING:
    from evalgate.core.report_data import ReportTexts

_RUN_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(short_help="Show finished runs as one HTML file.")
@click.argument("runs", metavar="BASE.run CAND.run...", type=_RUN_FILE, nargs=-1, required=True)
@click.option(
    "-o", "--output", type=output_file(), callback=writable, required=True, help="The HTML file to write."
)
@texts_option
def report(runs: tuple[Path, ...], output: Path, report_texts: "ReportTexts | None") -> int:
    """Show how the runs CAND.run compare with BASE.run; of several suites, the first run of each is its base.

    Shows and does not gate: the exit code says whether the report was written.
    """
    from evalgate.pipeline.reporting import report_of_files  # noqa: PLC0415  heavy

    write_report(report_of_files(runs, Path.cwd(), report_texts), output, "--output")
    return int(ExitCode.OK)
