"""``evalgate check``: validate everything a person wrote."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from evalgate.cli import streams
from evalgate.cli.options import format_option

if TYPE_CHECKING:
    from evalgate.core.review import Review

Format = Literal["text", "json", "github"]


@click.command(short_help="Validate everything a person wrote.")
@format_option(
    "text", "json", "github", said="How the findings are written; github annotates a pull request."
)
def check(*, format_name: Format) -> int:
    """Validate project, suites, cases, policies, providers, prices and recordings; call nothing.

    Errors end with exit code 2; warnings do not.
    """
    from evalgate.pipeline.check import check as check_pipeline  # noqa: PLC0415  heavy

    review = check_pipeline(Path.cwd())
    streams.write_data(_rendered(review, format_name))
    return int(review.exit_code)


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
