"""The verb ``store verify``: are the recordings whole, and named by what was asked?"""

from collections.abc import Sequence
from pathlib import Path

from evalgate.core.errors import BadInput
from evalgate.load.destinations import recordings_folders
from evalgate.load.places import SUITE_FILE
from evalgate.store.recordings import recording_files
from evalgate.store.verify import Verified, verify


def verify_recordings(start: Path, places: Sequence[str]) -> Verified:
    """Look at the recordings of every suite, or at the files, folders and suites in ``places``.

    Raises:
        BadInput: with everything that is wrong in them, or a place that names nothing.

    """
    files: list[Path] = []
    suites: list[str] = []
    for place in places:
        path = start / place
        if path.is_file() and path.name != SUITE_FILE:
            files.append(Path(place))
        elif recording_files(path) and not (path / SUITE_FILE).is_file():
            files.extend(Path(place) / each.name for each in recording_files(path))
        else:
            suites.append(place)
    if suites or not places:
        folders = recordings_folders(start, suites)
        files.extend(_shown(each, start) for folder in folders for each in recording_files(folder))
    verified = verify(list(dict.fromkeys(files)))
    if verified.problems:
        raise BadInput(verified.problems)
    return verified


def _shown(path: Path, start: Path) -> Path:
    """Return the path from where the command was typed, so that a problem names it as an editor opens it."""
    return path.relative_to(start) if path.is_relative_to(start) else path
