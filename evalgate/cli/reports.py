"""The files that a run may leave beside its result: the HTML report and JUnit XML."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalgate.cli import streams
from evalgate.cli.files import output_file, writable, write_file

if TYPE_CHECKING:
    from evalgate.core.report_data import ReportData
    from evalgate.core.verdict import Decision

TEXTS = ("all", "changed", "none")


def texts_option(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--report-texts``."""
    return click.option(
        "--report-texts",
        type=click.Choice(TEXTS),
        help="Whose prompts and answers stand in the report: all by default, changed if those are too many.",
    )(verb)


def report_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--report``, ``--report-texts`` and ``--junit``."""
    report = click.option(
        "--report",
        type=output_file(),
        callback=writable,
        help="Write the comparison as one HTML file.",
    )
    junit = click.option(
        "--junit", type=output_file(), callback=writable, help="Write the limits as JUnit XML, one test each."
    )
    return report(texts_option(junit(verb)))


def write_report(data: "ReportData", path: Path, option: str) -> None:
    """Write the HTML report and say where."""
    from evalgate.report.html.page import render  # noqa: PLC0415  heavy

    content = render(data).encode()
    write_file(path, content, option)
    streams.say(f"wrote {path} ({len(content) / 1e6:.1f} MB)")


def write_junit(decision: "Decision", path: Path | None) -> None:
    """Write the decision as JUnit XML, if that was asked for."""
    if path is not None:
        from evalgate.report import junit  # noqa: PLC0415  heavy

        write_file(path, junit.render(decision).encode(), "--junit")
        streams.say(f"wrote {path}")


@contextmanager
def errors_to_junit(path: Path | None) -> Iterator[None]:
    """Leave an error in the JUnit file when there is no decision to leave, and let it go on its way."""
    try:
        yield
    except Exception as error:
        if path is not None:
            from evalgate.report import junit  # noqa: PLC0415  heavy

            write_file(path, junit.render_error(type(error).__name__, str(error)).encode(), "--junit")
        raise
