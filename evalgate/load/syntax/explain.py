"""What pydantic found wrong, said in plain words with the place in the file and the cure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import ErrorDetails

from evalgate.core.errors import Problem
from evalgate.load.syntax.schema import SchemaView
from evalgate.load.syntax.suggest import did_you_mean
from evalgate.load.syntax.wording import MISSING, UNKNOWN_KEY, in_words
from evalgate.load.syntax.yaml_text import KeyPath, Place, Tree, show_key


@dataclass(frozen=True, slots=True)
class _Found:
    """One pydantic error: where in the file, and through which branches of unions it was reached."""

    error: ErrorDetails
    path: KeyPath
    branches: tuple[tuple[KeyPath, str], ...]

    @property
    def lacks_key(self) -> bool:
        """Whether a key is missing; ``path`` then ends with it, though it is not in the file."""
        return self.error["type"] in MISSING and isinstance(self.error["loc"][-1], str)


def explain(
    errors: Iterable[ErrorDetails], adapter: TypeAdapter[Any], tree: Tree, file: str
) -> list[Problem]:
    """Return one Problem per mistake; ``tree`` is what was validated."""
    schema = SchemaView(adapter)
    found = _one_branch_each([_locate(error, tree.value) for error in errors])
    meant = {
        (each.path[:-1], meant_key)
        for each in found
        if each.error["type"] in UNKNOWN_KEY
        for meant_key in _meant(each, schema, tree)
    }
    problems = []
    for each in found:
        # A misspelt key is one mistake: that the right one is "missing" too is no news.
        if each.lacks_key and (each.path[:-1], each.path[-1]) in meant:
            continue
        message, cure = in_words(each.error, each.path, schema, tree)
        place = _place(each, tree)
        key = show_key(each.path[:-1] if each.lacks_key else each.path)
        problems.append(
            Problem(message, cure, file, place.line if place else None, place.column if place else None, key)
        )
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))


def _place(found: _Found, tree: Tree) -> Place | None:
    path = found.path
    if found.error["type"] in UNKNOWN_KEY and path in tree.keys:
        return tree.keys[path]
    if found.lacks_key:
        # Where a key is missing, the key of the mapping that lacks it is the best place to look.
        path = path[:-1]
        if path in tree.keys:
            return tree.keys[path]
    while path and path not in tree.values:
        path = path[:-1]
    return tree.values.get(path)


def _locate(error: ErrorDetails, root: object) -> _Found:
    """Follow pydantic's location through the file; what is not a key there is a branch of a union."""
    node = root
    path: KeyPath = ()
    branches: list[tuple[KeyPath, str]] = []
    location = error["loc"]
    for position, part in enumerate(location):
        last = position == len(location) - 1
        # An unknown key is where its location ends, whatever kind is written beside it.
        is_key = last and error["type"] in UNKNOWN_KEY
        if (
            isinstance(node, dict)
            and isinstance(part, str)
            and (is_key or not _is_kind(node, part, path, branches))
        ):
            if part in node:
                node, path = node[part], (*path, part)
                continue
            if last and error["type"] in MISSING:
                path = (*path, part)
                continue
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node, path = node[part], (*path, part)
            continue
        branches.append((path, str(part)))
    return _Found(error, path, tuple(branches))


def _is_kind(
    node: Mapping[str, object], part: str, path: KeyPath, branches: list[tuple[KeyPath, str]]
) -> bool:
    """Tell a union's ``kind`` from a key of the same name: the kind comes first."""
    return node.get("kind") == part and (path, part) not in branches


def _one_branch_each(found: list[_Found]) -> list[_Found]:
    """Keep, where a value could have been one of several things, the thing it is most like."""
    errors_of: dict[KeyPath, dict[str, list[_Found]]] = {}
    for each in found:
        for at, branch in each.branches:
            errors_of.setdefault(at, {}).setdefault(branch, []).append(each)
    dropped: set[int] = set()
    for at, branches in errors_of.items():
        likeliest = min(branches, key=lambda name: _unlikeness(branches[name], at))
        dropped |= {id(e) for name, errors in branches.items() if name != likeliest for e in errors}
        kept = {id(e) for e in branches[likeliest]}
        dropped -= kept
    return [each for each in found if id(each) not in dropped]


def _unlikeness(errors: list[_Found], at: KeyPath) -> tuple[bool, int]:
    return any(e.path == at and e.error["type"].endswith("_type") for e in errors), len(errors)


def _meant(found: _Found, schema: SchemaView, tree: Tree) -> list[str]:
    cure = did_you_mean(str(found.path[-1]), schema.keys_at(found.path[:-1], tree.value))
    return [cure.split("'")[1]] if cure.startswith("did you mean") else []
