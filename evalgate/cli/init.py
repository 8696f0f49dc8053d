"""``evalgate init``: a working start."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli import streams
from evalgate.cli.options import quiet_option
from evalgate.cli.progress import progress_on
from evalgate.core.errors import ExitCode

if TYPE_CHECKING:
    from evalgate.pipeline.starting.starter import OpenAIServer

_FUNCTION, _OPENAI = "function", "openai"
_ORIGIN, _MODEL = "http://127.0.0.1:8080", "my-model"


@click.command(short_help="Write a project that works at once.")
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option(
    "--cases",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.jsonl",
    help="Start from your own cases instead of the example's.",
)
@click.option(
    "--provider",
    type=click.Choice([_FUNCTION, _OPENAI]),
    help="function: a stand-in in Python, recorded already; openai: a server, to be recorded.",
)
@click.option("--origin", metavar="URL", help=f"The openai server's address, as in {_ORIGIN}.")
@click.option("--model", metavar="NAME", help="The model that the openai server is asked for.")
@click.option("--key-env", metavar="NAME", help="The environment variable that holds the server's key.")
@quiet_option
def init(  # noqa: PLR0913  one parameter per option
    *,
    folder: Path,
    cases: Path | None,
    provider: str | None,
    origin: str | None,
    model: str | None,
    key_env: str | None,
    quiet: bool,
) -> int:
    """Write a project into FOLDER: a suite, two policies and a model to replace. Overwrites nothing.

    The budgets follow from the number of cases. Questions are asked on a terminal only.
    """
    kind = provider or (_OPENAI if origin or model or key_env else None) or _asked_kind()
    if kind == _FUNCTION and (origin or model or key_env):
        raise click.UsageError("--origin, --model and --key-env belong to --provider openai")
    from evalgate.pipeline.starting.init import InitSettings  # noqa: PLC0415  heavy
    from evalgate.pipeline.starting.init import init as init_pipeline  # noqa: PLC0415

    server = _server(origin, model, key_env) if kind == _OPENAI else None
    settings = InitSettings(folder=folder, cases=cases, server=server)
    written = init_pipeline(settings, progress_on(sys.stderr, os.environ, quiet=quiet))
    streams.write_data(_told(folder, written, recorded=server is None))
    return int(ExitCode.OK)


def _asked_kind() -> str:
    if not _on_terminal():
        return _FUNCTION
    kind: str = click.prompt(
        "What answers: a Python function (a stand-in that works at once) or an openai server",
        type=click.Choice([_FUNCTION, _OPENAI]),
        default=_FUNCTION,
        err=True,
    )
    return kind


def _server(origin: str | None, model: str | None, key_env: str | None) -> "OpenAIServer":
    from evalgate.pipeline.starting.starter import OpenAIServer  # noqa: PLC0415  heavy

    if _on_terminal():
        origin = origin or click.prompt("Its address", default=_ORIGIN, err=True)
        model = model or click.prompt("The model's name", default=_MODEL, err=True)
    origin = origin or _ORIGIN
    if not origin.startswith(("http://", "https://")):
        raise click.BadParameter(f"{origin!r} does not begin with http:// or https://", param_hint="--origin")
    return OpenAIServer(origin, model or _MODEL, key_env)


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _told(folder: Path, written: tuple[str, ...], *, recorded: bool) -> str:
    lines = [f"wrote {folder / name}" for name in written]
    commands = ["evalgate run", "evalgate check"] if recorded else ["evalgate plan", "evalgate record"]
    where = "" if folder.resolve() == Path.cwd() else f" in {folder}"
    return "\n".join([*lines, "", f"Next{where}:", *(f"  {command}" for command in commands)]) + "\n"
