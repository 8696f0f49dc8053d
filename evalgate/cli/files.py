"""Writing the files that an option names: refused before any work, and never half written."""

from pathlib import Path

import click

from evalgate.core.errors import BadInput, Problem


def output_file() -> click.Path:
    """Return the type of an option that names a file to write."""
    return click.Path(dir_okay=False, path_type=Path)


def writable(_context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file in a folder that does not exist before anything is run for it."""
    if path is not None and not path.absolute().parent.is_dir():
        raise BadInput([_cannot_write(path, "its folder does not exist", option.opts[0])])
    return path


def write_file(path: Path, content: bytes, option: str) -> None:
    """Write ``content``; a reader sees the old file or the new one, never half of one.

    Raises:
        BadInput: the file cannot be written.

    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise BadInput([_cannot_write(path, error.strerror or str(error), option)]) from error


def _cannot_write(path: Path, why: str, option: str) -> Problem:
    return Problem(
        f"the result cannot be written: {why}",
        f"give {option} a file in a folder you may write to",
        str(path),
    )
