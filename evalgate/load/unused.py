"""Files beside the policies that nothing names, and folders of policies that nothing judges."""

from collections.abc import Iterator
from pathlib import Path

from evalgate.core.errors import Problem
from evalgate.load.policy_files.families import REJECTED, Family
from evalgate.load.project import Gathered

# Code is imported by name, and these are for people.
_NOT_LOOKED_AT = frozenset({".py", ".pyc", ".ipynb"})
_FOR_PEOPLE = frozenset({"readme", "license", "notice", "changelog"})
_LONGEST_PATH = 300


def unused_files(gathered: Gathered) -> Iterator[Problem]:
    """Yield the prompts, routers and other files in the families' folders that no policy names.

    Nothing is said while a policy of any family is broken: what it names cannot be known.
    """
    families = _families(gathered)
    policies = [
        path for family in families for path in (*family.open().values(), *family.rejected().values())
    ]
    loaded = [each.document for each in gathered.shelf.loaded()]
    if {path.resolve() for path in policies} != {document.path.resolve() for document in loaded}:
        return
    named: set[Path] = {path.resolve() for path in policies}
    for document in loaded:
        named.update(_named(document.tree.value, document.path.parent))
    for family in families:
        for path in _files_in(family.folder):
            if path.resolve() not in named and not named.intersection(path.resolve().parents):
                shown = gathered.findings.shown(path)
                yield Problem("no policy uses this file", "remove it, or name it in a policy", shown)


def unjudged_families(gathered: Gathered) -> Iterator[Problem]:
    """Yield folders beside the families that hold policies too, which no suite judges."""
    judged = {family.folder.resolve() for family in _families(gathered)}
    root = gathered.findings.root.resolve()
    parents = {folder.parent for folder in judged if folder.parent != root}
    for parent in sorted(parents):
        for folder in sorted(path for path in parent.iterdir() if path.is_dir()):
            inside = folder in judged or any(folder in each.parents for each in judged)
            if not inside and folder.name != REJECTED and parent not in judged and Family(folder).open():
                message = "no suite judges the policies in this folder"
                cure = "name it as `policies` in a suite.yaml, or remove it"
                yield Problem(message, cure, gathered.findings.shown(folder))


def _families(gathered: Gathered) -> list[Family]:
    found = {family.folder.resolve(): family for _, family in gathered.suites if family is not None}
    return [found[folder] for folder in sorted(found)]


def _files_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
        told = path.suffix in _NOT_LOOKED_AT or path.stem.casefold() in _FOR_PEOPLE
        if path.is_file() and not hidden and not told:
            yield path


def _named(value: object, folder: Path) -> Iterator[Path]:
    """Yield every existing path that some text in a policy names, whatever its key."""
    match value:
        case dict():
            for inner in value.values():
                yield from _named(inner, folder)
        case list():
            for inner in value:
                yield from _named(inner, folder)
        case str() if 0 < len(value) < _LONGEST_PATH and value.isprintable():
            path = (folder / value).resolve()
            if path != folder.resolve() and path.exists():
                yield path
