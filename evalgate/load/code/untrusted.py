"""Functions of a project whose files a stranger wrote: only code that the commit holds too is ever run."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from evalgate.core.errors import CannotJudge

Importer = Callable[[str, Path], Callable[..., object]]


class CodeRefused(CannotJudge):
    """Something would have to run code of a fork."""


class RefusedFunction:
    """Stands for a function whose code is not run; asking it is what is refused."""

    __slots__ = ("_path", "source_sha256")

    def __init__(self, path: str, source_sha256: str) -> None:
        """Stand for the function that ``path`` (``module:function``) names."""
        self._path = path
        self.source_sha256 = source_sha256

    def __call__(self, *_: object) -> object:
        """Refuse.

        Raises:
            CodeRefused: always.

        """
        raise CodeRefused(
            f"{self._path} is code of a fork, or changed by it, and code of forks is never run.\n"
            "    Somebody who may push here can judge it: push the branch to this repository."
        )


class UntrustedImporter:
    """Hands out the functions that the commit itself uses, and stands in for all others.

    A function whose module is another one in the working tree is another function. ``refused`` gathers the
    import paths of what it stood in for.
    """

    def __init__(self) -> None:
        """Know of no function yet."""
        self._known: dict[str, tuple[Callable[..., object], Path]] = {}
        self.refused: set[str] = set()

    def remembering(self, importer: Importer) -> Importer:
        """Return ``importer``, which brings in the commit's functions, so that they are known here."""

        def import_function(path: str, root: Path) -> Callable[..., object]:
            function = importer(path, root)
            self._known[path] = (function, root)
            return function

        return import_function

    def import_function(self, path: str, root: Path) -> Callable[..., object]:
        """Return the commit's function, or one that refuses to be asked."""
        function, commit_root = self._known.get(path, (None, root))
        source = _source(path, root)
        if function is not None and source == _source(path, commit_root):
            return function
        self.refused.add(path)
        return RefusedFunction(path, hashlib.sha256(source or b"").hexdigest())


def _source(path: str, root: Path) -> bytes | None:
    """Return the source of a function's module; None for one that is installed, or nowhere."""
    name = path.partition(":")[0].replace(".", "/")
    files = (root / f"{name}.py", root / name / "__init__.py")
    return next((file.read_bytes() for file in files if file.is_file()), None)
