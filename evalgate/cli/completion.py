"""``evalgate completion``: what a shell needs to complete verbs and options."""

import click

from evalgate.cli import streams
from evalgate.core.errors import ExitCode

_PROGRAM, _VARIABLE = "evalgate", "_EVALGATE_COMPLETE"


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="{bash|zsh|fish}")
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script by which a shell completes evalgate's verbs and options."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415  only needed here

    found = get_completion_class(shell)
    assert found is not None
    # Not source(): it runs bash to learn its version, and the script is often printed for another machine.
    script = found(context.find_root().command, {}, _PROGRAM, _VARIABLE)
    streams.write_data(script.source_template % script.source_vars())
    return int(ExitCode.OK)
