"""``evalgate compare``: the gate on two finished runs."""

from pathlib import Path

import click

from evalgate.cli.results import Format, hand_over, result_options

_RUN_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(short_help="Gate one finished run against another.")
@click.argument("baseline", metavar="BASE.run", type=_RUN_FILE)
@click.argument("candidate", metavar="CAND.run", type=_RUN_FILE)
@result_options
def compare(baseline: Path, candidate: Path, format_name: Format, output: Path | None) -> int:
    """Judge the run CAND.run against BASE.run by the baseline's budgets, calling no model."""
    from evalgate.pipeline.compare import compare_files  # noqa: PLC0415  heavy

    return hand_over(compare_files(baseline, candidate), format_name, output)
