"""The part of JSON Schema draft-07 that our schemas use; anything else in a schema is an error."""

import re
from collections.abc import Iterator

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}
_TALK = {"$schema", "$id", "title", "description", "definitions"}


def violations(value, schema, root=None, path="$") -> Iterator[str]:
    root = schema if root is None else root
    for key, rule in schema.items():
        if key not in _TALK:
            yield from _RULES[key](value, rule, schema, root, path)


def _ref(value, rule, _schema, root, path):
    target = root
    for part in rule.removeprefix("#/").split("/"):
        target = target[part]
    yield from violations(value, target, root, path)


def _type(value, rule, _schema, _root, path):
    if not any(_is(value, name) for name in ([rule] if isinstance(rule, str) else rule)):
        yield f"{path}: {value!r} is no {rule}"


def _is(value, name):
    if name in ("number", "integer"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and (
            whole if name == "integer" else isinstance(value, int | float)
        )
    return isinstance(value, _TYPES[name])


def _required(value, rule, _schema, _root, path):
    if isinstance(value, dict):
        yield from (f"{path}: no {name}" for name in rule if name not in value)


def _properties(value, rule, _schema, root, path):
    if isinstance(value, dict):
        for name, inner in rule.items():
            if name in value:
                yield from violations(value[name], inner, root, f"{path}.{name}")


def _additional(value, rule, schema, root, path):
    if isinstance(value, dict):
        for name in value.keys() - schema.get("properties", {}).keys():
            if rule is False:
                yield f"{path}: {name} is not known"
            else:
                yield from violations(value[name], rule, root, f"{path}.{name}")


def _items(value, rule, _schema, root, path):
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from violations(item, rule, root, f"{path}[{index}]")


def _any_of(value, rule, _schema, root, path):
    if all(list(violations(value, option, root, path)) for option in rule):
        yield f"{path}: {value!r} fits none of {len(rule)} forms"


def _enum(value, rule, _schema, _root, path):
    # JSON's true is not its 1, whatever Python thinks.
    if not any(type(value) is type(option) and value == option for option in rule):
        yield f"{path}: {value!r} is not in {rule}"


def _pattern(value, rule, _schema, _root, path):
    if isinstance(value, str) and not re.search(rule, value):
        yield f"{path}: {value!r} does not match {rule}"


def _minimum(value, rule, _schema, _root, path):
    if isinstance(value, int | float) and value < rule:
        yield f"{path}: {value} < {rule}"


def _maximum(value, rule, _schema, _root, path):
    if isinstance(value, int | float) and value > rule:
        yield f"{path}: {value} > {rule}"


_RULES = {
    "$ref": _ref,
    "type": _type,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "anyOf": _any_of,
    "enum": _enum,
    "const": lambda value, rule, *rest: _enum(value, [rule], *rest),
    "pattern": _pattern,
    "minimum": _minimum,
    "maximum": _maximum,
}
