"""The ``evalgate`` command: its verbs, loaded only when they are named."""

import importlib
import os
import sys
from collections.abc import Sequence

import click

from evalgate.cli import errors

# A verb's module and function have its name, with _ for -.
_VERBS = (
    "init",
    "check",
    "plan",
    "power",
    "sweep",
    "hits",
    "load",
    "breakeven",
    "aa",
    "judge-check",
    "train-router",
    "deferral",
    "run",
    "record",
    "compare",
    "ci",
    "report",
    "export",
    "store",
    "schema",
    "completion",
)


class LazyGroup(click.Group):
    """A group whose verbs are imported when one of them is used, or its help is shown."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the verbs in the order in which a newcomer needs them."""
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the verb of that name."""
        if cmd_name not in _VERBS:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"evalgate.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb and its arguments; an unknown verb is answered with the closest one."""
        if not args[0].startswith("-") and args[0] not in _VERBS:
            ctx.fail(_unknown(args[0]))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="evalgate-harness", prog_name="evalgate", message="%(prog)s %(version)s")
def evalgate() -> None:
    """Decide whether a change to an LLM serving policy may ship.

    Golden suites are run under the policy in production and under the proposed one; the change is blocked
    when a budget for accuracy, cost or latency is exceeded.
    Exit codes: 0 nothing blocked, 1 blocked, 2 a file or an option is wrong, 3 blocked without proof,
    4 could not judge, 5 spend cap reached, 70 a bug in evalgate, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; nothing is raised for whatever goes wrong."""
    if "_EVALGATE_COMPLETE" in os.environ:
        evalgate.main(prog_name="evalgate")  # a shell asks how a word could go on; click answers and exits
    given = sys.argv[1:] if arguments is None else list(arguments)
    return errors.exit_code_of(lambda: _invoked(given))


def _invoked(given: list[str]) -> object:
    # Not click's own main: it would turn a broken pipe into exit 1 and an EOFError into an interruption.
    with evalgate.make_context("evalgate", given) as context:
        return evalgate.invoke(context)


def _unknown(verb: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  only a misspelt verb needs it

    close = get_close_matches(verb, _VERBS, n=1, cutoff=0.5)
    cure = f"Did you mean {close[0]!r}?" if close else f"The verbs are {', '.join(_VERBS)}."
    return f"there is no verb {verb!r}. {cure}"
