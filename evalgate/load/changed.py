"""Which parts of a project a change touches, told by the paths of the files that differ.

When in doubt a part is touched: judging once too often costs seconds, judging once too seldom lets a change
by.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from evalgate.core.errors import BadInput
from evalgate.core.policy_file import PolicyFile
from evalgate.core.policy_source_file import PolicyOverFile
from evalgate.core.project_file import ProjectFile
from evalgate.core.router_file import FunctionRouter
from evalgate.core.suite_file import FunctionGrader, SimilarityGrader, SuiteFile
from evalgate.load.places import PROJECT_FILE, find_suites
from evalgate.load.policy_files.families import Family
from evalgate.load.policy_files.policy_documents import read_written, source_files
from evalgate.load.syntax.documents import Document, read_yaml

_GLOB = frozenset("*?[")
_LONGEST_PATH = 300


class Changed:
    """The changed files of one project, by their paths from its ``root``."""

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        """Take paths as git writes them, without a leading ``./``."""
        self.root = root.resolve()
        self.paths = frozenset(paths)
        self._with_parents = self.paths | {
            str(parent) for path in self.paths for parent in PurePosixPath(path).parents
        }
        self.code = any(path.endswith(".py") for path in self.paths)

    def touches(self, path: Path) -> bool:
        """Tell whether the file, something in the folder, or a submodule around it has changed."""
        return any(map(self._touched, {os.path.normpath(path), os.path.realpath(path)}))

    def touches_policy(self, document: Document[PolicyFile] | Document[PolicyFile | PolicyOverFile]) -> bool:
        """Tell whether a policy, a file that it names, or code that it may run has changed."""
        by_code = self.code and isinstance(document.value.router, FunctionRouter)
        return (
            by_code
            or self.touches(document.path)
            or self.names_touched(document.tree.value, document.path.parent)
            or self._touches_source(document)
        )

    def _touches_source(self, document: Document[Any]) -> bool:
        """Tell whether a file of the config that a policy is read from has changed, or cannot be read."""
        try:
            return any(map(self.touches, source_files(document, self.root)))
        except BadInput:
            return True

    def names_touched(self, value: Any, folder: Path) -> bool:
        """Tell whether any text in ``value`` names a changed file, seen from ``folder``; it may be gone."""
        return any(self.touches(folder / name) for name in _texts(value))

    def reaches(self, file: Path) -> bool:
        """Tell whether anything that the project of this ``evalgate.yaml`` reads may have changed."""
        root = file.parent
        if self.touches(file):
            return True
        try:
            document: Document[ProjectFile] = read_yaml(file, ProjectFile, PROJECT_FILE)
            written = document.value
            if written.prices is not None and self._touches_prices(root / written.prices):
                return True
            if any(self.touches(root / _without_glob(glob)) for glob in written.suites):
                return True
            return any(
                self._reaches_suite(suite, root)
                for suite in find_suites((), written.suites, root, root.resolve())
            )
        except BadInput:
            return True  # what is wrong is told when it is read in earnest

    def _touches_prices(self, path: Path) -> bool:
        """Tell whether a table of prices or a benchmark report that it names has changed."""
        if self.touches(path):
            return True
        document: Document[Any] = read_yaml(path, dict[str, Any], path.name)
        return self.names_touched(document.tree.value, path.parent)

    def _reaches_suite(self, path: Path, root: Path) -> bool:
        document: Document[SuiteFile] = read_yaml(path, SuiteFile, path.name)
        written = document.value
        own_code = any(
            isinstance(each, FunctionGrader)
            or (isinstance(each, SimilarityGrader) and isinstance(each.embedder, str))
            for each in written.every_grader
        )
        if (own_code and self.code) or self.touches(root / written.policies):
            return True
        if self.names_touched(document.tree.value, path.parent):
            return True
        policies = Family(root / written.policies).open().values()
        return any(self.touches_policy(read_written(each, each.name)) for each in policies)

    def _touched(self, absolute: str) -> bool:
        try:
            path = PurePosixPath(Path(absolute).relative_to(self.root).as_posix())
        except ValueError:
            return False
        return str(path) in self._with_parents or any(str(each) in self.paths for each in path.parents)


def _without_glob(glob: str) -> str:
    """Return the folder in which a glob begins to choose."""
    parts = PurePosixPath(glob).parts
    fixed = next((index for index, part in enumerate(parts) if not _GLOB.isdisjoint(part)), len(parts))
    return str(PurePosixPath(*parts[:fixed]))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
        case str() if 0 < len(value) < _LONGEST_PATH and value.isprintable() and value not in {".", ".."}:
            yield value
