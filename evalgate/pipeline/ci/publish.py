"""Leaving a decision where people and later steps look: summary, result files, report, annotations, outputs.

The summary is written first: whatever fails later, the verdict can be read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.errors import BadInput, EvalgateError, ExitCode, Problem
from evalgate.core.report_data import ReportData
from evalgate.github.files import append_summary, write_outputs
from evalgate.pipeline.ci.commenting import Commented
from evalgate.pipeline.ci.judging import Ruled
from evalgate.report import json, junit, markdown
from evalgate.report.github.annotations import annotations, problem_annotations
from evalgate.report.github.outputs import error_outputs, outputs
from evalgate.report.github.summary import error_summary
from evalgate.report.review import workflow_command

RESULT, TESTS = "result.json", "junit.xml"


@dataclass(frozen=True, slots=True)
class Surfaces:
    """Where things go: the runner's files where there are any, and the folder for everything else.

    ``print_line`` writes a line that the runner reads; None where there is no runner.
    """

    folder: Path
    report_name: str
    summary: Path | None
    outputs: Path | None
    print_line: Callable[[str], None] | None


def surfaces(environ: Mapping[str, str], folder: Path, report_name: str) -> Surfaces:
    """Return where this process's runner looks.

    Raises:
        BadInput: the folder cannot be made, or the report would not be in it.

    """
    if not report_name or Path(report_name).name != report_name:
        message = f"{report_name!r} is no file name"
        raise BadInput([Problem(message, "write a name without a folder", key="--report-name")])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder} cannot be made: {error.strerror or error}"
        raise BadInput([Problem(message, "give --out a folder you may write to", key="--out")]) from None
    summary, output = environ.get("GITHUB_STEP_SUMMARY"), environ.get("GITHUB_OUTPUT")
    return Surfaces(
        folder,
        report_name,
        Path(summary) if summary else None,
        Path(output) if output else None,
        (lambda line: print(line, flush=True)) if environ.get("GITHUB_ACTIONS") == "true" else None,  # noqa: T201  the runner reads stdout
    )


def publish(ruled: Ruled, to: Surfaces) -> None:
    """Leave a decision everywhere but in a comment."""
    decision = ruled.decision
    text = markdown.render(decision)
    if to.summary is not None:
        append_summary(to.summary, text)
    _say(to, annotations(decision, ruled.lines))
    _write(to.folder / "summary.md", text)
    _write(to.folder / RESULT, json.render(decision))
    _write(to.folder / TESTS, junit.render(decision))
    left = {"results": str(to.folder / RESULT), "junit": str(to.folder / TESTS)}
    write(to, {**outputs(decision), **left})
    if ruled.data is not None:
        write(to, {"report": str(_report(ruled.data, to))})


def publish_error(error: BaseException, code: ExitCode, to: Surfaces) -> None:
    """Leave everywhere that there is no decision, and why."""
    text = error_summary(error, code)
    if to.summary is not None:
        append_summary(to.summary, text)
    problems = error.problems if isinstance(error, BadInput) else (Problem(_first_line(error)),)
    _say(to, problem_annotations(problems))
    _write(to.folder / "summary.md", text)
    said = str(error) if isinstance(error, EvalgateError) else type(error).__name__
    _write(to.folder / TESTS, junit.render_error(type(error).__name__, said))
    write(to, {**error_outputs(code), "junit": str(to.folder / TESTS)})


def publish_comment(commented: Commented | str, to: Surfaces) -> None:
    """Leave the comment's address, and why there is none where somebody may wonder."""
    notice = commented if isinstance(commented, str) else commented.notice
    if notice:
        _say(to, [workflow_command("notice", Problem(notice))])
    if isinstance(commented, Commented) and commented.url:
        write(to, {"comment-url": commented.url})


def write(to: Surfaces, values: Mapping[str, str]) -> None:
    """Leave outputs for later steps, where there are any."""
    if to.outputs is not None:
        write_outputs(to.outputs, values)


def _report(data: ReportData, to: Surfaces) -> Path:
    from evalgate.report.html.page import render  # noqa: PLC0415  heavy

    path = to.folder / to.report_name
    _write(path, render(data))
    return path


def _say(to: Surfaces, lines: list[str]) -> None:
    if to.print_line is not None:
        for line in lines:
            to.print_line(line)


def _first_line(error: BaseException) -> str:
    first = str(error).split("\n")[0]
    # A bug's own words may quote anything; they stand in the log.
    return first if isinstance(error, EvalgateError) else f"no verdict: {type(error).__name__}"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"it cannot be written: {error.strerror or error}"
        raise BadInput([Problem(message, "give --out a folder you may write to", str(path))]) from None
