"""Where a project and its suites are: ``evalgate.yaml`` upward, suites by argument, name or glob."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.syntax.suggest import did_you_mean

PROJECT_FILE = "evalgate.yaml"
SUITE_FILE = "suite.yaml"
_GLOB = frozenset("*?[")


def find_project(start: Path) -> Path:
    """Return the ``evalgate.yaml`` in ``start`` or the nearest folder above it, up to the git root.

    Raises:
        BadInput: there is none.

    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
        # .git is a file in worktrees and submodules.
        if (folder / ".git").exists():
            break
    else:
        folder = start
    upto = (
        "here" if folder == start else f"here or above, up to {folder.name}/, the root of the git repository"
    )
    message = f"there is no {PROJECT_FILE} {upto}"
    near = next((name for name in ("evalgate.yml", ".evalgate.yaml") if (folder / name).is_file()), None)
    cure = (
        f"rename {near} to {PROJECT_FILE}"
        if near
        else (
            f"go into a project, or create {PROJECT_FILE} at its root; one line is enough: suites: [suites]"
        )
    )
    raise BadInput([Problem(message, cure)])


def find_suites(asked: Sequence[str], globs: Sequence[str], start: Path, root: Path) -> list[Path]:
    """Return the ``suite.yaml`` files that were asked for, each once; else all that ``globs`` find.

    What is asked for is a suite's folder, a folder of suites, a ``suite.yaml`` (all from ``start``), or the
    name of one of the project's suites.

    Raises:
        BadInput: something names no suite, or two suites have one name.

    """
    problems: list[Problem] = []
    found: list[Path] = []
    project = [file for glob in globs for folder in _expand(glob, root) for file in _suites_in(folder)]
    for each in asked:
        place = (start / each).resolve()
        files = list(_suites_in(place)) or _named(each, project)
        if files and not all(file.is_relative_to(root) for file in files):
            message = f"{each} is outside the project at {root.name}/"
            problems.append(Problem(message, "start in the folder of that suite's own project"))
        elif not files:
            problems.append(_no_suite(each, start, project))
        found.extend(files)
    if not asked:
        found = project
    suites = list(dict.fromkeys(found))
    problems.extend(_same_names(suites))
    if not suites and not problems:
        message = f"the project has no suites: nothing with a {SUITE_FILE} in {', '.join(globs) or 'suites'}"
        problems.append(
            Problem(message, f"create suites/<name>/{SUITE_FILE}, or set `suites` in {PROJECT_FILE}")
        )
    if problems:
        raise BadInput(problems)
    return suites


def _expand(glob: str, root: Path) -> Iterable[Path]:
    if _GLOB.isdisjoint(glob):
        return [(root / glob).resolve()]
    return sorted(path.resolve() for path in root.glob(glob))


def _suites_in(place: Path) -> Iterator[Path]:
    """Yield the suite at ``place``, or those in the folders directly in it."""
    if place.name == SUITE_FILE and place.is_file():
        yield place
    elif (place / SUITE_FILE).is_file():
        yield place / SUITE_FILE
    elif place.is_dir():
        yield from sorted(place.glob(f"*/{SUITE_FILE}"))


def _named(name: str, suites: Sequence[Path]) -> list[Path]:
    return [file for file in suites if file.parent.name == name]


def _no_suite(asked: str, start: Path, project: Sequence[Path]) -> Problem:
    names = list(dict.fromkeys(file.parent.name for file in project))
    cure = did_you_mean(Path(asked).name, names, "the project's suites are")
    if (start / asked).exists():
        message = f"{asked} holds no suite: no {SUITE_FILE} in it or in the folders directly in it"
    else:
        message = f"{asked}: there is no such suite or folder"
    return Problem(message, cure or f"create suites/<name>/{SUITE_FILE}")


def _same_names(suites: Sequence[Path]) -> Iterator[Problem]:
    by_name: defaultdict[str, list[Path]] = defaultdict(list)
    for file in suites:
        by_name[file.parent.name].append(file.parent)
    for name, folders in by_name.items():
        if len(folders) > 1:
            shown = " and ".join("/".join(folder.parts[-2:]) for folder in folders)
            yield Problem(
                f"{len(folders)} suites are called {name!r}: {shown}", "rename the folder of one of them"
            )
