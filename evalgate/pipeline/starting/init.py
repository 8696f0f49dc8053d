"""The verb ``init``: a project that works at once, written whole or not at all."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.core.progress import Progress
from evalgate.load.case_files.cases import read_cases
from evalgate.pipeline.project.settings import RecordSettings
from evalgate.pipeline.starting.starter import CASES_FILE, FILES, OpenAIServer, starter_texts

_OWN_FOLDERS = ("suites/example", "policies/example")


@dataclass(frozen=True, slots=True)
class InitSettings:
    """Where to start, with whose cases (None: the example's) and whose model (None: a stand-in)."""

    folder: Path
    cases: Path | None = None
    server: OpenAIServer | None = None


def init(settings: InitSettings, progress: Progress) -> tuple[str, ...]:
    """Write a new project and return its files' paths, from ``folder``.

    Raises:
        BadInput: something is there already, the cases cannot be used, or the folder cannot be written.

    """
    source = settings.cases if settings.cases is not None else FILES / "cases.jsonl"
    cases = read_cases(source, str(source)).cases
    texts = starter_texts(cases, own=settings.cases is not None, server=settings.server)
    files = {name: text.encode() for name, text in texts.items()} | {CASES_FILE: source.read_bytes()}
    if conflicts := _conflicts(settings.folder, files):
        raise BadInput(conflicts)
    if settings.server is None:
        files |= _recorded(files, progress)
    _write_all(settings.folder, files)
    return tuple(sorted(files))


def _recorded(files: Mapping[str, bytes], progress: Progress) -> dict[str, bytes]:
    """Return the recordings of the new project, made in a folder of their own."""
    from evalgate.pipeline.record import record  # noqa: PLC0415  calling is heavy, and not for every start

    with tempfile.TemporaryDirectory(prefix="evalgate-init-") as name:
        stage = Path(name).resolve()
        for path, data in files.items():
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_bytes(data)
        record(RecordSettings(start=stage, cover_deployments=True, seed=1), progress)
        made = sorted((stage / "suites/example/recordings").glob("*.jsonl"))
        return {path.relative_to(stage).as_posix(): path.read_bytes() for path in made}


def _conflicts(folder: Path, files: Iterable[str]) -> list[Problem]:
    """Return everything that is in the way; a symbolic link is, wherever it leads."""
    cure = "move it away, or choose another folder: `evalgate init FOLDER`"
    if folder.exists() and not folder.is_dir():
        return [Problem("a file is where the new folder should be", cure, str(folder))]
    found = [folder / name for name in sorted(files) if os.path.lexists(folder / name)]
    # What lies in these folders would become a part of the new suite or its family.
    own = [folder / name for name in _OWN_FOLDERS if os.path.lexists(folder / name)]
    found += [each for each in own if not any(each in path.parents for path in found)]
    found += [folder / name for name in ("suites", "policies") if _is_file(folder / name)]
    return [Problem("this is there already, and nothing is overwritten", cure, str(path)) for path in found]


def _is_file(path: Path) -> bool:
    return os.path.lexists(path) and not path.is_dir()


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write every file, or take back those that were written when one cannot be."""
    written: list[Path] = []
    made: list[Path] = []
    try:
        for name, data in files.items():
            path = folder / name
            made += _make_folders(path.parent)
            with path.open("xb") as file:
                written.append(path)
                file.write(data)
    except OSError as error:
        for path in reversed(written):
            path.unlink(missing_ok=True)
        for each in reversed(made):
            each.rmdir()
        message = f"cannot be written: {error.strerror or error}; nothing was kept"
        raise BadInput([Problem(message, "choose a folder you may write to", str(error.filename))]) from error


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it that are missing; return what was made, the outermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    made: list[Path] = []
    for each in reversed(missing):
        each.mkdir()
        made.append(each)
    return made
