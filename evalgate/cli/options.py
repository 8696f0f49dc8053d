"""Options that many verbs have, said once."""

from collections.abc import Callable
from typing import Any

import click

Verb = Callable[..., Any]


def format_option(*formats: str, said: str = "How it is written.") -> Callable[[Verb], Verb]:
    """Add ``--format``, whose first choice is the default."""
    return click.option(
        "--format",
        "format_name",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help=said,
    )


def quiet_option(verb: Verb) -> Verb:
    """Add ``--quiet``."""
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress.")(verb)
