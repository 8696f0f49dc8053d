"""From the text of a path in a file to a path on the disk that may be read."""

from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.syntax.suggest import did_you_mean


def resolve(written: str, folder: Path, root: Path, *, cure: str = "") -> Path:
    """Return the existing file or folder that ``written`` names, seen from ``folder``.

    Nothing outside the project is read: what a pull request's policy names is sent to a provider, and it must
    not be somebody's keys.

    Raises:
        BadInput: there is no such thing, or it is outside ``root``; the problem has no place yet.

    """
    path = (folder / written).resolve()
    if not path.is_relative_to(root.resolve()):
        message = f"{written!r} is outside the project"
        raise BadInput(
            [Problem(message, f"keep the file below {root.name or root}/, the folder of evalgate.yaml")]
        )
    if not path.exists():
        raise BadInput([Problem(f"there is no {written!r} in {_told(folder, root)}", cure or _near(path))])
    return folder / written


def _told(folder: Path, root: Path) -> str:
    shown = folder.resolve().relative_to(root.resolve()).as_posix()
    return "the project's root" if shown == "." else f"{shown}/"


def _near(path: Path) -> str:
    siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    near = did_you_mean(path.name, siblings)
    return (
        near
        if near.startswith("did you mean")
        else "write the path from the folder of the file that names it"
    )
