"""``evalgate record``: make the calls that are missing, once, so that they can be replayed."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli import streams
from evalgate.cli.progress import progress_on
from evalgate.cli.selection import Share, concurrency_option, selection_options
from evalgate.cli.spending import spending_of, spending_options
from evalgate.core.errors import ExitCode

if TYPE_CHECKING:
    from evalgate.core.spend import Spend
    from evalgate.pipeline.record import RecordSummary, SuiteRecorded


@click.command(short_help="Make the calls that nobody recorded yet.")
@selection_options
@click.option(
    "--cover",
    type=click.Choice(["deployments"]),
    help="Record every deployment on every case, so that any router threshold replays for nothing.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="Seed of the order in which calls are made."
)
@click.option(
    "--remeasure",
    type=click.IntRange(min=0),
    metavar="N",
    help="Call both sides of up to N cases that differ anew, so that times can be compared. "
    "Default: 400 where calls are missing, else none.",
)
@click.option(
    "--refresh",
    type=Share(),
    default=0.0,
    metavar="SHARE",
    help="Call a random share of the cases again (5%), and see whether the recordings still hold.",
)
@click.option(
    "--batch",
    is_flag=True,
    help="Ask deployments that declare a batch through the provider's batch API, and wait for it.",
)
@concurrency_option
@spending_options
def record(  # noqa: PLR0913  one parameter per option
    *,
    suites: tuple[str, ...],
    policies: tuple[str, ...],
    baseline: str | None,
    quiet: bool,
    cover: str | None,
    seed: int | None,
    remeasure: int | None,
    refresh: float,
    batch: bool,
    concurrency: int | None,
    max_spend: float | None,
    yes: bool,
) -> int:
    """Make the calls of SUITES that nobody recorded yet, both sides of a case back to back."""
    from evalgate.pipeline.project.settings import RecordSettings  # noqa: PLC0415
    from evalgate.pipeline.record import record as record_pipeline  # noqa: PLC0415  heavy

    settings = RecordSettings(
        start=Path.cwd(),
        suites=suites,
        policies=policies,
        baseline=baseline,
        cover_deployments=cover == "deployments",
        seed=seed,
        remeasure=remeasure,
        refresh=refresh,
        batch=batch,
        concurrency=concurrency,
        spending=spending_of(max_spend, yes=yes, quiet=quiet),
    )
    summary = record_pipeline(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    streams.write_data("".join(f"{_sentence(suite)}\n" for suite in summary.suites))
    return _exit_code(summary)


def _sentence(recorded: "SuiteRecorded") -> str:
    from evalgate.report.drift import drift_lines  # noqa: PLC0415
    from evalgate.report.numbers import count, usd_or_missing  # noqa: PLC0415
    from evalgate.report.safe_text import safe_line  # noqa: PLC0415

    said = f"{count(recorded.needed, 'call')} needed, {recorded.already:,} already recorded"
    if recorded.batched.calls:
        said += f", {recorded.batched.calls:,} answered by batches"
        if recorded.batched.failed:
            said += f" ({recorded.batched.failed:,} of them failed)"
        said += f" for {usd_or_missing(recorded.batched.usd)}"
    said += f", {recorded.made:,} made"
    if recorded.anew:
        said += f" ({count(recorded.anew, 'case')} anew on all sides)"
    if recorded.failed:
        said += f", {recorded.failed:,} of them failed"
    if recorded.made:
        said += f", spent {_spent(recorded.spend)}"
        if recorded.judging_usd != 0:
            said += f" ({usd_or_missing(recorded.judging_usd)} of it on judging)"
    if recorded.file is not None:
        said += f", written to {safe_line(str(recorded.file), 400)}"
    if recorded.drift is not None:
        said += "".join(f"\n  {safe_line(line, 600)}" for line in drift_lines(recorded.drift))
    return f"{safe_line(recorded.suite)}: {said}"


def _spent(spend: "Spend") -> str:
    from evalgate.report.numbers import count, usd  # noqa: PLC0415

    if not spend.possible_attempts:
        return usd(spend.billed_usd)
    attempts = count(spend.possible_attempts, "attempt")
    if spend.unknown is not None:
        return f"{usd(spend.billed_usd)} and what {attempts} may have cost ({spend.unknown})"
    worst = f"at most {usd(spend.possible_usd)} for {attempts} that may have been billed"
    return f"{usd(spend.billed_usd)} and {worst}"


def _exit_code(summary: "RecordSummary") -> int:
    if summary.broken_off is not None:
        raise summary.broken_off
    made = sum(suite.made for suite in summary.suites)
    failed = sum(suite.failed for suite in summary.suites)
    if made and failed == made:
        streams.say("could not record: every call failed. What the provider said stands in the recordings.")
        return int(ExitCode.CANNOT_JUDGE)
    if any(suite.drift is not None and suite.drift.no_longer for suite in summary.suites):
        return int(ExitCode.CANNOT_JUDGE)
    if failed:
        streams.say(
            f"{failed:,} of {made:,} calls failed; they are recorded as failures, and replay as such."
        )
    return int(ExitCode.OK)
