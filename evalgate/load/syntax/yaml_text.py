"""Strict YAML: the part of YAML 1.2 that means the same to a person and to a parser.

Duplicate keys, anchors, aliases, merge keys, tags and several documents in a file are refused. Plain scalars
follow the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema), so ``no`` and ``2026-11-01``
are text; a number with a leading zero is refused because parsers disagree on it. Every key and value keeps
its place.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from evalgate.core.errors import BadInput, Problem
from evalgate.load.syntax.yaml_syntax import character_problem, syntax_problem

KeyPath = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 64
_CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

QUOTE_IT = "if it is meant as text, put it in quotes"


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Tree:
    """JSON values as written in a file, and where each key and each value stands."""

    value: object
    keys: Mapping[KeyPath, Place]
    values: Mapping[KeyPath, Place]


def parse_yaml(text: str, file: str) -> Tree:
    """Return the one document in ``text``; ``file`` is how problems name it.

    Raises:
        BadInput: the text is not YAML, or uses a part of it that is refused; lists every refusal.

    """
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.problems.append(syntax_problem(error, file))
    except yaml.reader.ReaderError as error:
        # The C parser counts bytes here, so only a look at the text itself gives the line.
        builder.problems.append(character_problem(text, error, file))
    except _TooDeepError:
        pass
    if builder.problems:
        raise BadInput(builder.problems)
    if builder.root is None:
        # An empty file, or one of comments: a mapping without keys, whose missing ones are then named.
        return Tree({}, {}, {(): Place(1, 1)})
    return Tree(builder.root, builder.keys, builder.values)


def show_key(path: KeyPath) -> str | None:
    """Return a key path as people write it: ``deployments.weak.prompt[0].role``; None for the whole file."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return shown.removeprefix(".") or None


class _TooDeepError(Exception):
    """Nesting that nobody writes by hand; refused before it exhausts the stack."""


@dataclass(slots=True)
class _Open:
    """A mapping or a list whose end has not been read; ``key`` is the mapping's pending key."""

    value: dict[str, object] | list[object]
    path: KeyPath
    key: str | None = None


class _Builder:
    """Builds the tree from the parser's events, noting every refusal and going on."""

    def __init__(self, file: str) -> None:
        self.root: object = None
        self.problems: list[Problem] = []
        self.keys: dict[KeyPath, Place] = {}
        self.values: dict[KeyPath, Place] = {}
        self._file = file
        self._open: list[_Open] = []
        self._documents = 0
        self._skipping = 0

    def take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents == 2:
                    self._refuse(event, "a second YAML document starts here", "keep one document per file")
            case yaml.AliasEvent():
                self._refuse(
                    event, f"alias *{event.anchor} is not allowed", "write the value out where it is needed"
                )
                self._alias()
            case yaml.ScalarEvent() | yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if self._documents < 2:
                    self._node(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                if self._documents < 2:
                    self._close()
            case _:
                pass  # the stream's start and end, and a document's end, say nothing

    def _node(self, event: Any) -> None:
        if self._skipping:
            self._skipping += not isinstance(event, yaml.ScalarEvent)
            return
        if event.anchor is not None:
            self._refuse(
                event, f"anchor &{event.anchor} is not allowed", "write the value out where it is needed"
            )
        if event.tag is not None:
            self._refuse(
                event, f"tag {_short_tag(event.tag)} is not allowed", "remove it; quotes make a value text"
            )
        if self._awaits_key():
            self._key(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._place_value(self._scalar(event), event)
        else:
            value: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
            path = self._place_value(value, event)
            if len(self._open) >= _MAX_DEPTH:
                self._refuse(event, f"nested more than {_MAX_DEPTH} levels deep", "flatten it")
                raise _TooDeepError
            self._open.append(_Open(value, path))

    def _alias(self) -> None:
        if self._skipping:
            return
        if self._awaits_key():
            self._open[-1].key = _UNUSABLE
        elif self._open:
            self._put(None)

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _key(self, event: Any) -> None:
        top = self._open[-1]
        top.key = _UNUSABLE
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(
                event,
                "a list or mapping cannot be a key",
                'text that starts with { or [ needs quotes, as in "{{input}}"',
            )
            self._skipping = 1
            return
        if event.style or not self._refused_plain_key(event):
            top.key = event.value
            path = (*top.path, event.value)
            if event.value in top.value:
                self._refuse(
                    event,
                    f"{event.value!r} is written twice (first in line {self.keys[path].line})",
                    "keep one of the two",
                    key=None if _UNUSABLE in path else show_key(path),
                )
                top.key = _UNUSABLE
            else:
                self.keys[path] = _place(event)

    def _refused_plain_key(self, event: Any) -> bool:
        if event.value == "<<":
            self._refuse(event, "merge key << is not allowed", "write the keys out where they are needed")
            return True
        if event.value in _CONSTANTS or _FLOAT.fullmatch(event.value) or _BASED.fullmatch(event.value):
            shown = event.value or "(nothing)"
            self._refuse(event, f"the key {shown} is not text", f'put it in quotes: "{event.value}"')
            return True
        return False

    def _place_value(self, value: object, event: Any) -> KeyPath:
        if not self._open:
            self.values[()] = _place(event)
            self.root = value
            return ()
        path = self._put(value)
        self.values.setdefault(path, _place(event))
        return path

    def _put(self, value: object) -> KeyPath:
        top = self._open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            return (*top.path, len(top.value) - 1)
        # An unusable key's value is read for its own problems and then forgotten.
        key = top.key or ""
        if key is not _UNUSABLE:
            top.value[key] = value
        top.key = None
        return (*top.path, key)

    def _close(self) -> None:
        if self._skipping:
            self._skipping -= 1
        else:
            self._open.pop()

    def _scalar(self, event: Any) -> object:
        text: str = event.value
        if event.style or event.tag is not None:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _LEADING_ZERO.fullmatch(text):
            self._refuse(
                event,
                f"{text} starts with a zero, which some parsers read as octal",
                f'write {int(text)} for the number, or "{text}" for the text',
            )
            return None
        if _INTEGER.fullmatch(text):
            return self._integer(event)
        if _BASED.fullmatch(text):
            return int(text, 0)
        return self._float_or_text(event)

    def _integer(self, event: Any) -> int | None:
        # Longer than any number JSON readers agree on, and quadratic to convert.
        if len(event.value) > 300:
            self._refuse(event, "a number of more than 300 digits", QUOTE_IT)
            return None
        return int(event.value)

    def _float_or_text(self, event: Any) -> object:
        text: str = event.value
        number = float(text) if _FLOAT.fullmatch(text) else None
        if _NOT_FINITE.fullmatch(text) or (number is not None and math.isinf(number)):
            self._refuse(event, f"{text} is not a finite number", f"write a finite number; {QUOTE_IT}")
            return None
        return text if number is None else number

    def _refuse(self, event: Any, message: str, cure: str, key: str | None = None) -> None:
        place = _place(event)
        self.problems.append(Problem(message, cure, self._file, place.line, place.column, key))


_UNUSABLE = "\0unusable"


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
