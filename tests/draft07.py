"""A validator of the part of JSON Schema draft-07 that our schemas use; any other keyword is an error."""

import json
import math
import re

_TYPES = {
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_SAYS_NOTHING = {"$schema", "title", "description", "default", "examples", "definitions"}


def faults(value, schema, root=None, place="$"):
    """Return what is wrong with ``value``, as sentences."""
    root = schema if root is None else root
    found = []
    for keyword, wanted in schema.items():
        if keyword not in _SAYS_NOTHING:
            found += _KEYWORDS[keyword](value, wanted, schema, root, place)
    return found


def _ref(value, wanted, schema, root, place):
    assert list(schema) == ["$ref"], "draft-07 ignores what stands beside $ref"
    return faults(value, root["definitions"][wanted.removeprefix("#/definitions/")], root, place)


def _type(value, wanted, schema, root, place):
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if wanted in ("number", "integer"):
        right = number and (wanted == "number" or float(value).is_integer())
    else:
        right = isinstance(value, _TYPES[wanted])
    return [] if right else [f"{place}: {json.dumps(value)} is not a {wanted}"]


def _properties(value, wanted, schema, root, place):
    if not isinstance(value, dict):
        return []
    return [
        fault
        for name, inner in wanted.items()
        if name in value
        for fault in faults(value[name], inner, root, f"{place}.{name}")
    ]


def _additional_properties(value, wanted, schema, root, place):
    if not isinstance(value, dict) or wanted is True:
        return []
    others = [name for name in value if name not in schema.get("properties", {})]
    if wanted is False:
        return [f"{place}: {name!r} is not allowed" for name in others]
    return [fault for name in others for fault in faults(value[name], wanted, root, f"{place}.{name}")]


def _items(value, wanted, schema, root, place):
    if not isinstance(value, list):
        return []
    inner = wanted if isinstance(wanted, list) else [wanted] * len(value)
    pairs = zip(value, inner, strict=False)
    return [
        fault for i, (each, one) in enumerate(pairs) for fault in faults(each, one, root, f"{place}[{i}]")
    ]


def _additional_items(value, wanted, schema, root, place):
    assert wanted is False
    assert isinstance(schema["items"], list)
    too_many = isinstance(value, list) and len(value) > len(schema["items"])
    return [f"{place}: too many items"] if too_many else []


def _branches(value, wanted, root, place):
    return [faults(value, each, root, place) for each in wanted]


def _any_of(value, wanted, schema, root, place):
    found = _branches(value, wanted, root, place)
    return [] if not all(found) else [f"{place}: none of {len(found)} ways fits: {found}"]


def _one_of(value, wanted, schema, root, place):
    found = _branches(value, wanted, root, place)
    return [] if sum(not each for each in found) == 1 else [f"{place}: not exactly one way fits: {found}"]


def _all_of(value, wanted, schema, root, place):
    return [fault for each in _branches(value, wanted, root, place) for fault in each]


def _only(kind, broken):
    """A keyword that says nothing about values of another kind."""

    def check(value, wanted, schema, root, place):
        wrong = isinstance(value, kind) and not isinstance(value, bool) and broken(value, wanted)
        return [f"{place}: {value!r} breaks {wanted!r}"] if wrong else []

    return check


def _required(value, wanted, schema, root, place):
    missing = [name for name in wanted if isinstance(value, dict) and name not in value]
    return [f"{place}: {name!r} is missing" for name in missing]


_NUMBER = int | float
_KEYWORDS = {
    "$ref": _ref,
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional_properties,
    "items": _items,
    "additionalItems": _additional_items,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "allOf": _all_of,
    "required": _required,
    "enum": lambda v, w, s, r, p: [] if v in w else [f"{p}: {v!r} is not one of {w}"],
    "const": lambda v, w, s, r, p: [] if v == w else [f"{p}: {v!r} is not {w!r}"],
    "pattern": _only(str, lambda v, w: not re.search(w, v)),
    "minLength": _only(str, lambda v, w: len(v) < w),
    "maxLength": _only(str, lambda v, w: len(v) > w),
    "minItems": _only(list, lambda v, w: len(v) < w),
    "maxItems": _only(list, lambda v, w: len(v) > w),
    "minProperties": _only(dict, lambda v, w: len(v) < w),
    "minimum": _only(_NUMBER, lambda v, w: v < w),
    "maximum": _only(_NUMBER, lambda v, w: v > w),
    "exclusiveMinimum": _only(_NUMBER, lambda v, w: v <= w),
    "exclusiveMaximum": _only(_NUMBER, lambda v, w: v >= w or math.isnan(v)),
}
