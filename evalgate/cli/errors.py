"""The one place where what went wrong becomes a text on stderr and an exit code.

A crash must never exit 1: that would look like a model that got worse.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from evalgate.cli import streams
from evalgate.core.errors import (
    BadInput,
    CannotJudge,
    EvalgateError,
    ExitCode,
    Interrupted,
    Problem,
    SpendCapReached,
)

TRACEBACK_VARIABLE = "EVALGATE_TRACEBACK"
_PACKAGE = Path(__file__).parents[1]
_FRAME = (Path(__file__), Path(__file__).with_name("main.py"), _PACKAGE / "__main__.py")
_MOST_MESSAGE = 300


def exit_code_of(command: Callable[[], object]) -> int:
    """Run the command and return its exit code, after saying on stderr what went wrong, if anything did."""
    try:
        code = command()
    except click.exceptions.Exit as finished:
        return finished.exit_code
    except BaseException as error:  # noqa: BLE001  this is where every exception ends
        return _explained(error)
    return int(code) if isinstance(code, int) else int(ExitCode.OK)


def code_of(error: BaseException) -> ExitCode:
    """Return the exit code that an error ends in; whatever is not ours to refuse is a bug."""
    leaves = list(_leaves(error))
    if any(isinstance(leaf, KeyboardInterrupt | click.Abort) for leaf in leaves):
        return ExitCode.INTERRUPTED
    if isinstance(error, click.ClickException):
        return ExitCode.BAD_INPUT
    refusals = [leaf.exit_code for leaf in leaves if isinstance(leaf, EvalgateError)]
    return min(refusals) if len(refusals) == len(leaves) else ExitCode.BUG


def _explained(error: BaseException) -> int:
    leaves = list(_leaves(error))
    code = code_of(error)
    if code is ExitCode.INTERRUPTED and not isinstance(error, Interrupted):
        streams.say("\ninterrupted: finished work is kept; the same command continues.")
        return int(code)
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, BrokenPipeError) and not _place(error):
        # Nobody read the help. Results are written by streams.write_data, which keeps the verdict's code.
        streams.discard_stdout()
        return int(ExitCode.OK)
    if code is not ExitCode.BUG:
        for refusal in leaves:
            assert isinstance(refusal, EvalgateError)
            streams.say(_refusal(refusal))
        _traceback_if_asked(error)
        return int(code)
    streams.say(_bug(next(leaf for leaf in leaves if not isinstance(leaf, EvalgateError))))
    _traceback_if_asked(error)
    return int(ExitCode.BUG)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Return the exceptions inside a group, as concurrent work raises them."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        streams.say(error.format_message())
        return int(ExitCode.BAD_INPUT)
    context = error.ctx if isinstance(error, click.UsageError) else None
    lines = [f"error: {error.format_message()}"]
    if context is not None:
        lines += ["", context.get_usage(), f"Try '{context.command_path} --help'."]
    streams.say("\n".join(lines))
    return int(ExitCode.BAD_INPUT)


def _refusal(error: EvalgateError) -> str:
    match error:
        case BadInput(problems=problems):
            return _problems(problems)
        case CannotJudge():
            return (
                f"could not judge: {error}\nThis says nothing about the change: no budget was found exceeded."
            )
        case SpendCapReached():
            return f"spend cap reached: {error}\nFinished work is kept; the same command continues."
        case Interrupted():
            return f"interrupted: {error}; finished work is kept, and the same command continues."
        case _:
            return f"error: {error}"


def _problems(problems: tuple[Problem, ...]) -> str:
    files = {problem.file for problem in problems if problem.file is not None}
    counted = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
    place = "" if not files else " in 1 file" if len(files) == 1 else f" in {len(files):,} files"
    return "\n".join([f"error: {counted}{place}", "", *(str(problem) for problem in problems)])


def _bug(error: BaseException) -> str:
    said = str(error)[:_MOST_MESSAGE]
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    again = "" if _wants_traceback() else f", run again with {TRACEBACK_VARIABLE}=1,"
    return (
        f"internal error: {what}{_place(error)}\n"
        "This is a bug in evalgate and no verdict on the change.\n"
        f"Please report it{again} with the output and 'evalgate --version', "
        "in the issue tracker of the repository that evalgate came from."
    )


def _place(error: BaseException) -> str:
    """Return where in our own code it happened; empty when it happened before any verb began."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(_PACKAGE) and file not in _FRAME:
            place = f" (evalgate/{file.relative_to(_PACKAGE)}:{trace.tb_lineno})"
        trace = trace.tb_next
    return place


def _wants_traceback() -> bool:
    return os.environ.get(TRACEBACK_VARIABLE, "") not in ("", "0")


def _traceback_if_asked(error: BaseException) -> None:
    if _wants_traceback():
        import traceback  # noqa: PLC0415  only a traceback needs it

        traceback.print_exception(error, file=sys.stderr)
