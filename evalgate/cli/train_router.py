"""``evalgate train-router``: learn which cases need the strong model."""

import os
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
    from evalgate.core.routing import RoutingCase


def _share(_context: click.Context, option: click.Parameter, written: str | None) -> float | None:
    if written is None:
        return None
    number = written.strip().removesuffix("%")
    if written.strip().endswith("%") and number.replace(".", "", 1).isdigit() and 0 < float(number) <= 100:
        return float(number) / 100
    raise click.BadParameter(f"{written!r} is no share; write one like 40%", param=option)


@click.command("train-router", short_help="Learn which cases need the strong model.")
@click.argument("suites", nargs=-1, required=True, metavar="SUITE...")
@click.option(
    "-o",
    "--output",
    type=output_file(),
    callback=writable,
    required=True,
    help="The router's file to write, for `router: {kind: classifier, model: FILE}`.",
)
@click.option("--policy", metavar="P", help="The policy whose deployments are chosen between.")
@click.option(
    "--order", metavar="A,B", default="", help="Its deployments, cheapest first; by default its router's."
)
@click.option(
    "--difficulty", is_flag=True, help="Learn easy, medium and hard, over three deployments or more."
)
@click.option(
    "--train-share", callback=_share, default="100%", metavar="SHARE", help="Learn from this share only."
)
@click.option(
    "--held-out",
    type=output_file(),
    callback=writable,
    help="Write the cases that were not learned from to this file of cases.",
)
@click.option(
    "--strong-share",
    callback=_share,
    metavar="SHARE",
    help="Print the threshold that sends this share to strong.",
)
@click.option("--folds", type=click.IntRange(2, 50), default=5, show_default=True, help="Folds to judge by.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the folds and of the share.")
@format_option("text", "json", said="How the result is written.")
@quiet_option
def train_router(  # noqa: PLR0913  an option each
    *,
    suites: tuple[str, ...],
    output: Path,
    policy: str | None,
    order: str,
    difficulty: bool,
    train_share: float,
    held_out: Path | None,
    strong_share: float | None,
    folds: int,
    seed: int,
    format_name: Literal["text", "json"],
    quiet: bool,
) -> int:
    """Train a router on what is recorded for SUITEs, and judge it out of fold. Nothing is called."""
    if held_out is not None and train_share == 1:
        raise click.UsageError("--held-out needs --train-share, as in --train-share 60%")
    from evalgate.pipeline.project.settings import TrainSettings  # noqa: PLC0415  heavy
    from evalgate.pipeline.train_router import train_router as train  # noqa: PLC0415
    from evalgate.report.router import render_json, render_text  # noqa: PLC0415

    settings = TrainSettings(
        start=Path.cwd(),
        suites=suites,
        policy=policy,
        order=tuple(alias.strip() for alias in order.split(",") if alias.strip()),
        difficulty=difficulty,
        share=train_share,
        strong_share=strong_share,
        folds=folds,
        seed=seed,
    )
    trained = train(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    write_file(output, trained.content.encode(), "--output")
    if held_out is not None:
        write_file(held_out, _lines(trained.held_out), "--held-out")
    if format_name == "json":
        streams.write_data(render_json(trained.report))
    else:
        streams.write_data(render_text(trained.report, width=streams.width_of(sys.stdout)))
    streams.say(f"wrote {output}")
    return int(ExitCode.OK)


def _lines(cases: "tuple[RoutingCase, ...]") -> bytes:
    written = (each.case.model_dump_json(exclude_defaults=True) for each in cases)
    return "".join(f"{line}\n" for line in written).encode()
