"""Problems found while loading, gathered so that all of them are told at once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from evalgate.core.errors import BadInput, Problem
from evalgate.load.code.plugins import import_function
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.yaml_text import KeyPath

T = TypeVar("T")
Importer = Callable[[str, Path], Callable[..., object]]


class Findings:
    """Every problem met so far in one project; loading goes on past each of them.

    ``shown`` is how people are told of a path: from the current directory where that makes sense (an editor
    or a terminal can open it), else from the project's root.
    """

    def __init__(self, root: Path, importer: Importer = import_function) -> None:
        """Gather problems of the project at ``root``, whose functions ``importer`` brings in."""
        self.root = root
        self._importer = importer
        self.problems: list[Problem] = []

    def attempt(self, load: Callable[[], T]) -> T | None:
        """Return what ``load`` returns, or None with its problems noted."""
        try:
            return load()
        except BadInput as bad:
            self.problems.extend(bad.problems)
            return None

    def attempt_at(self, document: Document[Any], key: KeyPath, load: Callable[[], T]) -> T | None:
        """Do the same for what ``key`` of ``document`` names: problems without a place are put there."""
        try:
            return load()
        except BadInput as bad:
            for problem in bad.problems:
                own = problem.file is not None
                self.problems.append(problem if own else document.problem(key, problem.message, problem.cure))
            return None

    def import_function(self, path: str) -> Callable[..., object]:
        """Return the function of the project that an import path names.

        Raises:
            BadInput: there is none.

        """
        return self._importer(path, self.root)

    def raise_if_any(self) -> None:
        """End loading if anything was found.

        Raises:
            BadInput: with every problem found so far.

        """
        if self.problems:
            raise BadInput(self.problems)

    def shown(self, path: Path) -> str:
        """Return ``path`` as problems name it."""
        here = Path.cwd()
        if here.is_relative_to(self.root) or self.root.is_relative_to(here):
            return Path(os.path.relpath(path, here)).as_posix()
        return self.from_root(path)

    def from_root(self, path: Path) -> str:
        """Return ``path`` from the project's root: the same on every machine and from every folder."""
        return Path(os.path.relpath(path, self.root)).as_posix()
