"""``evalgate power``: what a suite can see."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from evalgate.cli import streams
from evalgate.cli.options import format_option, quiet_option
from evalgate.cli.progress import progress_on
from evalgate.core.errors import ExitCode

if TYPE_CHECKING:
    from evalgate.core.metrics import Metric

_UNITS: "dict[Metric, str]" = {"accuracy": "pp", "cost_per_correct": "%", "latency_p95": "%"}


@click.command(short_help="Show the smallest effects a suite can see.")
@click.argument("suites", nargs=-1, metavar="[SUITES]...")
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="METRIC=AMOUNT",
    help="A budget to plan for, like accuracy=2pp or cost_per_correct=5%; repeatable.",
)
@format_option("text", "json")
@quiet_option
def power(
    *, suites: tuple[str, ...], budgets: tuple[str, ...], format_name: Literal["text", "json"], quiet: bool
) -> int:
    """Show the smallest effects that SUITES can see, and what each budget needs. Nothing is called."""
    wanted = dict(budget_of(written) for written in budgets)
    from evalgate.pipeline.power import power as power_pipeline  # noqa: PLC0415  heavy
    from evalgate.report.power import render_json, render_text  # noqa: PLC0415

    found = power_pipeline(Path.cwd(), suites, wanted, progress_on(sys.stderr, os.environ, quiet=quiet))
    if format_name == "json":
        streams.write_data(render_json(found))
    else:
        streams.write_data(render_text(found, width=streams.width_of(sys.stdout)))
    return int(ExitCode.OK)


def budget_of(written: str) -> "tuple[Metric, float]":
    """Return the metric and amount of a ``--budget``.

    Raises:
        click.UsageError: it is not written like one.

    """
    name, _, amount = written.partition("=")
    for metric, unit in _UNITS.items():
        match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*" + unit + r"\s*", amount, re.IGNORECASE)
        if metric == name.strip() and match and 0 < float(match[1]) < 100:
            return metric, float(match[1]) / 100
    ways = ", ".join(f"{metric}=2{unit}" for metric, unit in _UNITS.items())
    raise click.UsageError(f"--budget {written!r} is no budget; write one like {ways}")
