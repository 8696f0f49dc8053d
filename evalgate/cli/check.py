"""``evalgate check``: validate everything a person wrote."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from evalgate.cli import streams
from evalgate.cli.options import format_option

if TYPE_CHECKING:
    from evalgate.core.config_comparison import ConfigComparison
    from evalgate.core.review import Review

Format = Literal["text", "json", "github"]


@click.command(short_help="Validate everything a person wrote.")
@click.argument("policies", nargs=-1, metavar="[POLICY]...")
@click.option(
    "--against",
    metavar="FILE",
    help="Name every difference between policies and this LiteLLM config, instead of validating.",
)
@format_option(
    "text", "json", "github", said="How the findings are written; github annotates a pull request."
)
def check(*, policies: tuple[str, ...], against: str | None, format_name: Format) -> int:
    """Validate project, suites, cases, policies, providers, prices and recordings; call nothing.

    Errors end with exit code 2; warnings do not. With --against, the POLICYs (without any, the baselines) are
    compared with a LiteLLM config, and any difference ends with exit code 1.
    """
    if against is not None:
        return _compared(against, policies, format_name)
    if policies:
        raise click.UsageError("POLICY goes with --against; without it everything is validated.")
    from evalgate.pipeline.check import check as check_pipeline  # noqa: PLC0415  heavy

    review = check_pipeline(Path.cwd())
    streams.write_data(_rendered(review, format_name))
    return int(review.exit_code)


def _compared(against: str, policies: tuple[str, ...], format_name: Format) -> int:
    from evalgate.pipeline.against_config import compare_policies_with_config  # noqa: PLC0415  heavy

    comparison = compare_policies_with_config(Path.cwd(), against, policies)
    streams.write_data(_comparison(comparison, format_name))
    return int(comparison.exit_code)


def _comparison(comparison: "ConfigComparison", format_name: Format) -> str:
    from evalgate.report.config_comparison import render_github, render_json, render_text  # noqa: PLC0415

    match format_name:
        case "text":
            return render_text(comparison, color=streams.wants_color(sys.stdout, os.environ))
        case "json":
            return render_json(comparison)
        case "github":
            return render_github(comparison, _from_repository())


def _rendered(review: "Review", format_name: Format) -> str:
    from evalgate.report.review import render_github, render_json, render_text  # noqa: PLC0415

    match format_name:
        case "text":
            return render_text(review, color=streams.wants_color(sys.stdout, os.environ))
        case "json":
            return render_json(review)
        case "github":
            return render_github(review, _from_repository())


def _from_repository() -> str:
    """Return the way from the root of the git repository to here; empty where there is no repository."""
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    return here.relative_to(root).as_posix()
