"""A file a person wrote, read and validated, with the place of every key for later problems."""

import json
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from evalgate.core.errors import BadInput, Problem
from evalgate.load.syntax.explain import explain
from evalgate.load.syntax.yaml_text import KeyPath, Place, Tree, parse_yaml, show_key

T = TypeVar("T")
# Places in a JSON file are found by a slow second reading, which is worth it only for what people write.
_PLACED_JSON_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Document(Generic[T]):
    """A validated file. ``shown`` is how problems name it."""

    path: Path
    shown: str
    value: T
    tree: Tree

    def problem(self, key: KeyPath, message: str, cure: str = "", *, at_key: bool = False) -> Problem:
        """Return a Problem at ``key``, or at the nearest enclosing one that the file really holds."""
        place = place_of(self.tree, key, at_key=at_key)
        line, column = (place.line, place.column) if place else (None, None)
        return Problem(message, cure, self.shown, line, column, show_key(key))


def place_of(tree: Tree, key: KeyPath, *, at_key: bool = False) -> Place | None:
    """Return where ``key`` stands: its value, or with ``at_key`` the key itself."""
    if at_key and key in tree.keys:
        return tree.keys[key]
    while key and key not in tree.values:
        key = key[:-1]
    return tree.values.get(key)


def read_text(path: Path, shown: str, cure: str = "") -> str:
    """Return a UTF-8 file's text, without a byte-order mark and with plain line ends.

    Raises:
        BadInput: the file is missing, not readable, or not UTF-8.

    """
    data = read_bytes(path, shown, cure)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput([Problem("the file is not UTF-8 text", "save it as UTF-8", shown, line)]) from None
    return text.replace("\r\n", "\n")


def read_bytes(path: Path, shown: str, cure: str = "") -> bytes:
    """Return a file's bytes.

    Raises:
        BadInput: the file is missing or not readable.

    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput([Problem("no such file", cure, shown)]) from None
    except IsADirectoryError:
        raise BadInput([Problem("this is a folder, a file is needed", cure, shown)]) from None
    except OSError as error:
        raise BadInput([Problem(f"cannot be read: {error.strerror or error}", cure, shown)]) from None


def read_yaml(path: Path, kind: Hashable, shown: str) -> Document[Any]:
    """Return a YAML file validated as ``kind``.

    Raises:
        BadInput: with every problem of the file.

    """
    text = read_text(path, shown)
    tree = parse_yaml(text, shown)
    return Document(path, shown, validate(tree, kind, shown), tree)


def read_json(path: Path, kind: Hashable, shown: str) -> Any:
    """Return a JSON file validated as ``kind``; an intact file is read once, fast.

    Raises:
        BadInput: with every problem of the file.

    """
    text = read_text(path, shown)
    try:
        value = adapter_of(kind).validate_json(text)
    except ValidationError:
        return validate(parse_json(text, shown), kind, shown)
    return value


def validate(tree: Tree, kind: Hashable, shown: str) -> Any:
    """Return ``tree`` as ``kind``, by the rules of JSON (lists are tuples, nothing else is coerced).

    Raises:
        BadInput: with every problem, each at its place.

    """
    adapter = adapter_of(kind)
    try:
        return adapter.validate_json(json.dumps(tree.value))
    except ValidationError as error:
        raise BadInput(explain(error.errors(include_url=False), adapter, tree, shown)) from None


def parse_json(text: str, shown: str, first_line: int = 1) -> Tree:
    """Return JSON with places where they can be had; ``first_line`` is the line ``text`` starts in.

    Raises:
        BadInput: the text is not JSON, or has a key twice.

    """
    twice: list[str] = []
    try:
        value = json.loads(text, object_pairs_hook=lambda pairs: _noting_twice(pairs, twice))
    except json.JSONDecodeError as error:
        line = error.lineno + first_line - 1
        message = f"this is not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise BadInput([Problem(message, _json_cure(text), shown, line, error.colno)]) from None
    except RecursionError:
        raise BadInput([Problem("nested too deep", "flatten it", shown, first_line)]) from None
    if twice:
        cure = "keep one of the two"
        raise BadInput([Problem(f"{key!r} is written twice", cure, shown, first_line) for key in twice])
    try:
        # JSON is almost YAML, so the strict reader of the one finds the places of the other.
        placed = parse_yaml(text, shown) if len(text) <= _PLACED_JSON_CHARACTERS else None
    except BadInput:
        placed = None
    if placed is None:
        return Tree(value, {}, {(): Place(first_line, 1)})
    return Tree(value, _shift(placed.keys, first_line - 1), _shift(placed.values, first_line - 1))


def _json_cure(text: str) -> str:
    return "JSON wants double quotes around keys and text" if "'" in text and '"' not in text else ""


def _shift(places: Any, lines: int) -> dict[KeyPath, Place]:
    return {path: Place(place.line + lines, place.column) for path, place in places.items()}


def _noting_twice(pairs: list[tuple[str, object]], twice: list[str]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) < len(pairs):
        seen: set[str] = set()
        twice.extend(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return read


@cache
def adapter_of(kind: Any) -> TypeAdapter[Any]:
    """Return the validator of ``kind``, built once."""
    return TypeAdapter(kind)
