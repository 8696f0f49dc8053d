"""The options by which a verb that calls models is told what it may spend."""

import math
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from evalgate.cli import streams

if TYPE_CHECKING:
    from evalgate.pipeline.project.settings import Spending


def _number(_context: click.Context, option: click.Parameter, given: float | None) -> float | None:
    if given is not None and math.isnan(given):
        raise click.BadParameter("nan is no amount", param=option)
    return given


def spending_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--max-spend`` and ``--yes``."""
    options = (
        click.option(
            "--max-spend",
            type=click.FloatRange(min=0, min_open=True, max=1e9),
            callback=_number,
            metavar="USD",
            help="Stop before calls cost more than this, retries and judges included; needed in CI.",
        ),
        click.option("-y", "--yes", is_flag=True, help="Do not ask before spending more than a dollar."),
    )
    for option in reversed(options):
        verb = option(verb)
    return verb


def spending_of(max_spend: float | None, *, yes: bool, quiet: bool) -> "Spending":
    """Return the rules: in CI a cap is needed, and only a person at a terminal is asked."""
    from evalgate.pipeline.project.settings import Spending  # noqa: PLC0415  heavy

    asks = not yes and sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI")
    return Spending(
        cap_usd=max_spend,
        ci=os.environ.get("CI", "").lower() not in ("", "0", "false"),
        tell=_unheard if quiet and not asks else streams.say,
        agree=_ask if asks else _agreed,
    )


def _ask(question: str) -> bool:
    return click.confirm(question, err=True)


def _agreed(_question: str) -> bool:
    return True


def _unheard(_sentence: str) -> None:
    pass
