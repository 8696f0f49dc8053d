"""``evalgate export``: finished runs as tables for other tools."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli import streams
from evalgate.cli.files import output_file, writable, write_file
from evalgate.core.errors import BadInput, ExitCode, Problem

if TYPE_CHECKING:
    from evalgate.pipeline.export import Table

_RUN_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_ENDINGS = (".parquet", ".csv")


@click.command(short_help="Write finished runs as Parquet or CSV.")
@click.argument("runs", metavar="RUN...", type=_RUN_FILE, nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=output_file(),
    callback=writable,
    required=True,
    help="The file to write; its ending, .parquet or .csv, says as what.",
)
@click.option(
    "--table",
    type=click.Choice(["outcomes", "checks"]),
    default="outcomes",
    show_default=True,
    help="One row a case and trial, or one row a judged limit (the first run of each suite is its base).",
)
def export(runs: tuple[Path, ...], output: Path, table: "Table") -> int:
    """Write the outcomes of the RUNs, or what was judged between them, as one table."""
    if output.suffix not in _ENDINGS:
        message = f"{output.suffix or 'no ending'} is no format of a table"
        raise BadInput([Problem(message, f"end the name in {' or '.join(_ENDINGS)}", str(output))])
    from evalgate.pipeline.export import exported  # noqa: PLC0415  heavy

    rows, content = exported(runs, table, output.suffix)
    write_file(output, content, "--output")
    streams.say(f"wrote {output} ({rows:,} rows)")
    return int(ExitCode.OK)
