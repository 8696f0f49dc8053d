"""The files by which a step tells the runner something: outputs and the step summary."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from evalgate.core.errors import BadInput, Problem

# GitHub drops the whole summary of a step above 1 MiB.
MOST_SUMMARY_BYTES = 1_000_000


def write_outputs(path: Path, outputs: Mapping[str, str]) -> None:
    """Append the step's outputs.

    A value ends at a random line, so that none can end early and begin another output.

    Raises:
        BadInput: the file cannot be written.

    """
    lines = []
    for name, value in outputs.items():
        end = f"evalgate_{secrets.token_hex(16)}"
        lines.append(f"{name}<<{end}\n{value}\n{end}\n")
    _append(path, "".join(lines))


def append_summary(path: Path, text: str) -> None:
    """Append to the step's summary what GitHub will show of it.

    Raises:
        BadInput: the file cannot be written.

    """
    assert len(text.encode()) < MOST_SUMMARY_BYTES
    _append(path, text + "\n")


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        message = f"the runner's file cannot be written: {error.strerror or error}"
        raise BadInput(
            [Problem(message, "leave GITHUB_OUTPUT and GITHUB_STEP_SUMMARY as they are")]
        ) from None
