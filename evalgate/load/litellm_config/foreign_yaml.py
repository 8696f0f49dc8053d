"""YAML as other programs read it, with aliases, merge keys and YAML 1.1 words, and each value's place.

evalgate's own files are read strictly. A LiteLLM config is read as LiteLLM reads it, by PyYAML's safe rules,
or the gate would judge another file than the one that serves. Only a key that stands twice is refused: PyYAML
takes the last one, and a reader takes the first.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import yaml

from evalgate.core.errors import BadInput, Problem
from evalgate.load.syntax.yaml_syntax import character_problem, syntax_problem
from evalgate.load.syntax.yaml_text import KeyPath, Place, Tree, show_key

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset(f"{_TAG}{name}" for name in ("null", "bool", "int", "float"))
_KNOWN = _PLAIN | {f"{_TAG}{name}" for name in ("str", "timestamp", "value", "map", "seq", "merge")}
_MERGE = f"{_TAG}merge"
# Aliases of aliases can spell out more than any memory holds.
_MOST_VALUES = 100_000
_MOST_DEPTH = 64


def parse_foreign_yaml(text: str, file: str) -> Tree:
    """Return the document in ``text``; ``file`` is how problems name it.

    Raises:
        BadInput: it is not YAML, is not one document, or has a key twice.

    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise BadInput([syntax_problem(error, file)]) from None
    except yaml.reader.ReaderError as error:
        raise BadInput([character_problem(text, error, file)]) from None
    if node is None:
        return Tree({}, {}, {(): Place(1, 1)})
    reader = _Reader(file)
    value = reader.value(node, ())
    if reader.problems:
        raise BadInput(reader.problems)
    return Tree(value, reader.keys, reader.values)


@dataclass(slots=True)
class _Reader:
    """Turns nodes into values, noting where each stands."""

    file: str
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    scalars: Any = field(default_factory=yaml.constructor.SafeConstructor)

    def value(self, node: Any, path: KeyPath) -> object:
        self.values[path] = _place(node)
        if len(self.values) > _MOST_VALUES or len(path) > _MOST_DEPTH:
            place = _place(node)
            message = "its aliases spell out too much, or it is nested too deep"
            raise BadInput([Problem(message, "write it flatter", self.file, place.line, place.column)])
        if node.tag not in _KNOWN:
            self._refuse(node, path, f"the tag {node.tag} is not known", "remove it")
            return None
        if isinstance(node, yaml.MappingNode):
            return {name: self._entry(*pair, (*path, name)) for name, pair in self._pairs(node, path).items()}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]
        return self._scalar(node)

    def _entry(self, key: Any, node: Any, path: KeyPath) -> object:
        self.keys[path] = _place(key)
        return self.value(node, path)

    def _pairs(self, node: Any, path: KeyPath) -> dict[str, tuple[Any, Any]]:
        """Return the entries of a mapping by name; its own go over those that it merges."""
        own: dict[str, tuple[Any, Any]] = {}
        merged: dict[str, tuple[Any, Any]] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                for each in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(each, yaml.MappingNode) and len(path) <= _MOST_DEPTH:
                        merged = {**self._pairs(each, (*path, key.value)), **merged}
            elif not isinstance(key, yaml.ScalarNode):
                self._refuse(key, path, "a list or mapping cannot be a key", "put it in quotes")
            elif key.value in own:
                first = _place(own[key.value][0]).line
                message = f"{key.value!r} is written twice (first in line {first})"
                self._refuse(key, (*path, key.value), message, "keep one of the two")
            else:
                own[key.value] = (key, value)
        return {**merged, **own}

    def _scalar(self, node: Any) -> object:
        if node.tag not in _PLAIN:
            return str(node.value)
        value = self.scalars.construct_object(node)
        finite = not isinstance(value, float) or math.isfinite(value)
        return value if finite else str(node.value)

    def _refuse(self, node: Any, path: KeyPath, message: str, cure: str) -> None:
        place = _place(node)
        self.problems.append(Problem(message, cure, self.file, place.line, place.column, show_key(path)))


def _place(node: Any) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
