"""The options by which every measuring verb is told what to measure."""

from collections.abc import Callable
from typing import Any

import click

from evalgate.cli.options import quiet_option


class Share(click.ParamType[float]):
    """A share of something: ``5%`` or ``0.05``."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share as a number between 0 and 1."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{text!r} is no share; write 5% or 0.05", param, ctx)
        if not 0 < found <= 1:
            self.fail(f"{text!r} is not between 0 and 100%", param, ctx)
        return found


def concurrency_option(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--concurrency``."""
    option = click.option(
        "--concurrency",
        type=click.IntRange(min=1, max=1024),
        metavar="N",
        help="Calls in flight for each deployment. Default: found by trying, and few enough to time by.",
    )
    return option(verb)


def selection_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``SUITES``, ``--policy``, ``--baseline`` and ``--quiet``."""
    options = (
        click.argument("suites", nargs=-1, metavar="[SUITES]..."),
        click.option(
            "--policy",
            "policies",
            multiple=True,
            metavar="P",
            help="Only this proposal, by name or file; repeatable, and the only way to one in rejected/.",
        ),
        click.option(
            "--baseline",
            metavar="P",
            help="Compare with this policy instead of the family's own, or with a commit: git:REF.",
        ),
        quiet_option,
    )
    for option in reversed(options):
        verb = option(verb)
    return verb
