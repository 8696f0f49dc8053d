"""What a model allows at a place of a file, read from its JSON Schema when something is wrong there."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from evalgate.load.syntax.yaml_text import KeyPath

_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


class SchemaView:
    """The JSON Schema of one kind of file, asked by key path."""

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        """Look at the schema of what ``adapter`` validates."""
        self._adapter = adapter
        self._schema: Mapping[str, Any] | None = None

    def keys_at(self, path: KeyPath, value: object) -> list[str]:
        """Return the keys that a mapping at ``path`` may have, given the ``value`` of the whole file."""
        return list(
            dict.fromkeys(key for node in self._at(path, value) for key in node.get("properties", {}))
        )

    def types_at(self, path: KeyPath, value: object) -> list[str]:
        """Return in words what may stand at ``path``; leaving it empty is not offered."""
        kinds = (node.get("type") for node in self._at(path, value))
        return list(dict.fromkeys(_TYPE_WORDS[kind] for kind in kinds if kind in _TYPE_WORDS))

    def _at(self, path: KeyPath, value: object) -> list[Mapping[str, Any]]:
        if self._schema is None:
            self._schema = self._adapter.json_schema(mode="validation")
        nodes = list(self._alternatives(self._schema, value))
        for part in path:
            value = _step(value, part)
            nodes = [
                alternative
                for node in nodes
                for child in _children(node, part)
                for alternative in self._alternatives(child, value)
            ]
        return nodes

    def _alternatives(self, node: Mapping[str, Any], value: object) -> Iterator[Mapping[str, Any]]:
        """Yield every schema that ``value`` could be meant as: of a union by kind, the kind it names."""
        if "$ref" in node:
            assert self._schema is not None
            yield from self._alternatives(self._schema["$defs"][node["$ref"].rsplit("/", 1)[1]], value)
            return
        mapping = node.get("discriminator", {}).get("mapping", {})
        kind = (
            value.get(node["discriminator"]["propertyName"]) if mapping and isinstance(value, dict) else None
        )
        if isinstance(kind, str) and kind in mapping:
            yield from self._alternatives({"$ref": mapping[kind]}, value)
            return
        branches = [*node.get("anyOf", ()), *node.get("oneOf", ())]
        if not branches:
            yield node
        for branch in branches:
            yield from self._alternatives(branch, value)


def _step(value: object, part: str | int) -> object:
    match value, part:
        case dict(), str():
            return value.get(part)
        case list(), int():
            return value[part] if part < len(value) else None
        case _:
            return None


def _children(node: Mapping[str, Any], part: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, int):
        candidates = [node.get("items")]
    elif part in node.get("properties", {}):
        candidates = [node["properties"][part]]
    else:
        candidates = [node.get("additionalProperties")]
    yield from (each for each in candidates if isinstance(each, dict))
