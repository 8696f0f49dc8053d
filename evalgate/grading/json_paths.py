"""Places in JSON, as a person writes them: ``lines.*.price``, ``lines[0]``, ``$`` for the whole."""

import re
from collections.abc import Iterable

Path = tuple[str, ...]

_INDEX = re.compile(r"\[([0-9]+|\*)\]")


def parse_path(written: str) -> Path:
    """Return the steps of a written path; ``*`` is any one step, ``$`` or nothing is the whole value."""
    steps = _INDEX.sub(r".\1", written.strip()).split(".")
    return tuple(step for step in steps if step not in {"", "$"})


def show_path(path: Path) -> str:
    """Return a path as it would be written."""
    return ".".join(path) or "$"


def at(patterns: Iterable[Path], path: Path) -> bool:
    """Tell whether a pattern names exactly this place."""
    return any(len(each) == len(path) and _agree(each, path) for each in patterns)


def at_or_above(patterns: Iterable[Path], path: Path) -> bool:
    """Tell whether a pattern names this place or one that holds it."""
    return any(len(each) <= len(path) and _agree(each, path) for each in patterns)


def on_the_way(patterns: Iterable[Path], path: Path) -> bool:
    """Tell whether a pattern names this place, one that holds it, or one inside it."""
    return any(_agree(each, path) for each in patterns)


def _agree(pattern: Path, path: Path) -> bool:
    return all(step in ("*", part) for step, part in zip(pattern, path, strict=False))
