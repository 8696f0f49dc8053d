"""The files that a proxy's config includes, merged as LiteLLM merges them, with the file of every value.

Of each included file, lists are put behind those that are there and everything else replaces what is there;
files are taken in the order in which they are named, those named by them after these, none twice.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.litellm_config.foreign_yaml import parse_foreign_yaml
from evalgate.load.syntax.documents import parse_json, read_text
from evalgate.load.syntax.paths import resolve
from evalgate.load.syntax.yaml_text import KeyPath, Place, Tree, show_key

INCLUDE = "include"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a config; ``shown`` is how problems name it."""

    path: Path
    shown: str
    tree: Tree


def read_parts(path: Path, shown: str, root: Path | None) -> list[Part]:
    """Return a config's file with all that it includes; with ``root`` nothing outside of it is read.

    Raises:
        BadInput: a file is not there, is outside, or cannot be read.

    """
    first = Part(path, shown, _tree(path, shown))
    parts, waiting, known = [first], list(_named(first)), {path.resolve()}
    while waiting:
        part, key, name = waiting.pop(0)
        found = _found(part, key, name, root)
        if found.resolve() in known:
            continue
        known.add(found.resolve())
        shown_there = os.path.normpath(Path(part.shown).parent / name)
        parts.append(Part(found, shown_there, _tree(found, shown_there)))
        waiting += _named(parts[-1])
    return parts


def merged(parts: Sequence[Part]) -> tuple[Tree, Mapping[KeyPath, str]]:
    """Return the files as one tree, and by the beginnings of key paths the files that they stand in."""
    first = parts[0]
    if len(parts) == 1 or not isinstance(first.tree.value, dict):
        return first.tree, {}
    merging = _Merging()
    for part in parts:
        merging.add(part)
    values = {(): first.tree.values.get((), Place(1, 1)), **merging.values}
    return Tree(merging.value, merging.keys, values), merging.files


@dataclass(slots=True)
class _Merging:
    """What was merged so far."""

    value: dict[str, object] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    files: dict[KeyPath, str] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        top = part.tree.value
        assert isinstance(top, dict)
        for name, value in top.items():
            before = self.value.get(name)
            if name == INCLUDE:
                continue
            if isinstance(before, list) and isinstance(value, list):
                self.value[name] = [*before, *value]
                self._place(part, name, len(before))
                self.files |= {(name, len(before) + index): part.shown for index in range(len(value))}
            else:
                self._forget(name)
                self.value[name] = value
                self._place(part, name, 0)
                self.files[name,] = part.shown

    def _forget(self, name: str) -> None:
        for places in (self.keys, self.values):
            for path in [path for path in places if path[0] == name]:
                del places[path]
        for path in [path for path in self.files if path[0] == name]:
            del self.files[path]

    def _place(self, part: Part, name: str, offset: int) -> None:
        for theirs, ours in ((part.tree.keys, self.keys), (part.tree.values, self.values)):
            for path, place in theirs.items():
                if path[:1] == (name,):
                    ours.setdefault(_moved(path, offset), place)


def _moved(path: KeyPath, offset: int) -> KeyPath:
    if len(path) > 1 and isinstance(path[1], int):
        return (path[0], path[1] + offset, *path[2:])
    return path


def _named(part: Part) -> Iterator[tuple[Part, KeyPath, str]]:
    top = part.tree.value
    listed = top.get(INCLUDE) if isinstance(top, dict) else None
    for index, name in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(name, str):
            yield part, (INCLUDE, index), name


def _found(part: Part, key: KeyPath, name: str, root: Path | None) -> Path:
    place = part.tree.values.get(key, Place(1, 1))
    try:
        if root is not None:
            return resolve(name, part.path.parent, root)
    except BadInput as bad:
        problems = [
            Problem(each.message, each.cure, part.shown, place.line, place.column, show_key(key))
            for each in bad.problems
        ]
        raise BadInput(problems) from None
    return part.path.parent / name


def _tree(path: Path, shown: str) -> Tree:
    text = read_text(path, shown, "name a LiteLLM proxy's config, or a file with the arguments of its Router")
    tree = parse_json(text, shown) if path.suffix == ".json" else parse_foreign_yaml(text, shown)
    if not isinstance(tree.value, dict):
        raise BadInput([Problem("this is no mapping of settings", "write key: value", shown, 1)])
    return tree
