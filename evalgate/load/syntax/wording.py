"""What pydantic says, in the words of the person who wrote the file."""

import json
import re
from collections.abc import Callable, Mapping

from pydantic_core import ErrorDetails

from evalgate.load.syntax.schema import SchemaView
from evalgate.load.syntax.suggest import did_you_mean, said
from evalgate.load.syntax.yaml_text import QUOTE_IT, KeyPath, Tree

UNKNOWN_KEY = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
MISSING = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})


def in_words(error: ErrorDetails, path: KeyPath, schema: SchemaView, tree: Tree) -> tuple[str, str]:
    """Return the message and the cure for one of pydantic's errors about ``path``."""
    kind = error["type"]
    if kind in UNKNOWN_KEY:
        known = schema.keys_at(path[:-1], tree.value)
        return "unknown key", did_you_mean(str(path[-1]), known, "known here")
    if kind in MISSING and isinstance(error["loc"][-1], int):
        return "too few items: one more is needed", ""
    if kind in MISSING:
        return f"{str(path[-1])!r} is missing", f"add {_example(str(path[-1]))}"
    if kind in _WORDS:
        return _WORDS[kind](error)
    if kind.endswith("_type") or kind in _EXPECTED:
        return _wrong_type(error, path, schema, tree)
    return error["msg"][:1].lower() + error["msg"][1:], ""


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dataclass_type": "a mapping of keys to values",
}
_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
_QUANTITY = re.compile(rf"\s*([0-9]+(?:\.[0-9]+)?)\s*(%|{'|'.join(_SECONDS)})\s*", re.IGNORECASE)
_YAML_1_1_BOOLEANS = {
    **dict.fromkeys(("yes", "on", "y", "true"), "true"),
    **dict.fromkeys(("no", "off", "n", "false"), "false"),
}


def _wrong_type(error: ErrorDetails, path: KeyPath, schema: SchemaView, tree: Tree) -> tuple[str, str]:
    value, kind = error["input"], error["type"]
    expected = _EXPECTED.get(kind, "something else")
    if len(alternatives := schema.types_at(path, tree.value)) > 1:
        expected = said(alternatives, "or")
        kind = "string_type" if "text" in alternatives else kind
    return f"expected {expected}, found {_found_words(value)}", _type_cure(
        kind, value, str(path[-1]) if path else ""
    )


def _type_cure(kind: str, value: object, key: str) -> str:
    if kind == "bool_type" and isinstance(value, str):
        return f"write {_YAML_1_1_BOOLEANS.get(value.casefold(), 'true or false')}"
    if kind == "string_type" and isinstance(value, int | float):
        return f"put it in quotes: {json.dumps(json.dumps(value))}"
    if kind in {"int_type", "float_type"} and isinstance(value, str):
        return _number_cure(value, key)
    if kind in {"list_type", "tuple_type"} and isinstance(value, str | int | float):
        return f"write [{value}]"
    if value is None:
        return "write a value after the colon, or remove the key"
    return ""


def _number_cure(text: str, key: str) -> str:
    if _reads_as_number(text):
        return f"remove the quotes: {text}"
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return ""
    number, unit = float(match[1]), match[2].lower()
    if unit == "%":
        return f"write it as a share: {number / 100:g}"
    in_seconds = key.endswith("_s") or key in {"at", "until"}
    return f"write seconds without a unit: {number * _SECONDS[unit]:g}" if in_seconds else ""


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _found_words(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {_short(value)}"
        case list() | tuple():
            return "a list"
        case _:
            return "a mapping"


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")


_EXAMPLES = {
    "policies": "policies: policies/<family>",
    "grader": "grader: {kind: exact}; docs/graders.md lists the kinds",
    "labels": "labels: [one, other]",
    "deployments": "deployments: {main: {provider: <name in evalgate.yaml>, model: <model>}}",
    "provider": "provider: <a name under providers in evalgate.yaml>",
    "model": "model: <what answers; for a classifier router its JSON file>",
    "threshold": "threshold: <score>; cases that score this or more go to strong",
    "strong": "strong: <a deployment>",
    "weak": "weak: <a deployment>",
    "path": "path: my_package.my_module:my_function",
    "origin": "origin: http://127.0.0.1:8080",
    "mode": "mode: exact",
    "by": "by: <a key of the cases' slices>",
    "id": '"id", unique in the file',
    "column": "column: <a key of the cases' vars>",
}


def _example(key: str) -> str:
    return _EXAMPLES.get(key, f"{key}: …")


def _choice(error: ErrorDetails) -> tuple[str, str]:
    names = error["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
    value = error["input"]
    if not isinstance(value, str):
        return f"expected {said(names, 'or')}, found {_found_words(value)}", ""
    if len(names) == 1:
        return f"unknown value {_short(value)}", f"write {names[0]}"
    return f"unknown value {_short(value)}", did_you_mean(value, names)


def _kind_unknown(error: ErrorDetails) -> tuple[str, str]:
    names = error["ctx"]["expected_tags"].replace("'", "").split(", ")
    tag = str(error["ctx"]["tag"])
    near = did_you_mean(tag, names, "known kinds")
    known = "" if near.startswith("known") else f" known kinds: {said(names)}"
    return f"unknown kind {tag!r}", near + known


def _kind_missing(error: ErrorDetails) -> tuple[str, str]:
    key = error["ctx"]["discriminator"].strip("'")
    return f"{key!r} is missing", f"add {key}: …, which says what this is"


def _own_words(error: ErrorDetails) -> tuple[str, str]:
    """Our own validators write "what is wrong: write this"."""
    said_by_validator = str(error["ctx"]["error"])
    message, _, cure = said_by_validator.partition(": write ")
    return message, f"write {cure}" if cure else _CURES.get(message, "")


_CURES = {"a case has either input or messages": "keep one of the two, and write it if there is none"}


def _limit(words: str, bound: str) -> Callable[[ErrorDetails], tuple[str, str]]:
    def say(error: ErrorDetails) -> tuple[str, str]:
        limit = error["ctx"][bound]
        shown = int(limit) if isinstance(limit, float) and limit.is_integer() else limit
        return f"{error['input']} is out of range", f"write a number {words} {shown}"

    return say


_HEADER = ("the name of a header", "write it like x-api-key")
# What a pattern of ours asks for, by the last named key: what it is, and the cure.
_PATTERNED = {
    "origin": ("an origin", "write it like http://127.0.0.1:8080 or https://example.org/v1"),
    "path": ("a path", "begin it with /, as in /v1/chat/completions, without ? and #"),
    "vendor": ("a prefix of litellm", "write letters, digits and _, as in anthropic"),
    "allow_findings": ("the id of a finding", "copy the 12 characters that the message about it names"),
    "key_header": _HEADER,
    "build_header": _HEADER,
    "gateway": _HEADER,
    "expiry": ("a day", "write it like 2026-12-31"),
}
_POINTERS = frozenset({"answer", "cost_usd", "usage"})


def _pattern(error: ErrorDetails) -> tuple[str, str]:
    names = [each for each in error["loc"] if isinstance(each, str)]
    pointing = "http" in names and _POINTERS & set(names)
    what, cure = next(
        (_PATTERNED[name] for name in reversed(names) if name in _PATTERNED),
        ("a JSON pointer", "write it like /result/text") if pointing else ("of the form that is needed", ""),
    )
    return f"{_short(error['input'])} is not {what}", cure


def _count(error: ErrorDetails) -> tuple[str, str]:
    context = error["ctx"]
    if "min_length" in context and error["type"] == "string_too_short":
        return "the text is empty", "write something"
    if error["type"] == "too_long":
        return f"too many items: {context['actual_length']}", f"keep {context['max_length']}"
    if context["actual_length"] == 0:
        return "it is empty", f"write at least {context['min_length']}"
    return f"too few items: {context['actual_length']}", f"write at least {context['min_length']}"


_WORDS: Mapping[str, Callable[[ErrorDetails], tuple[str, str]]] = {
    "literal_error": _choice,
    "union_tag_invalid": _kind_unknown,
    "union_tag_not_found": _kind_missing,
    "value_error": _own_words,
    "greater_than": _limit("above", "gt"),
    "greater_than_equal": _limit("of at least", "ge"),
    "less_than": _limit("below", "lt"),
    "less_than_equal": _limit("of at most", "le"),
    "string_pattern_mismatch": _pattern,
    "string_too_short": _count,
    "too_short": _count,
    "too_long": _count,
    # What was read as JSON or YAML once fails as JSON now only for what Unicode does not hold.
    "json_invalid": lambda _: (
        "half of a surrogate pair stands in a text",
        r"escapes like \ud83d come in pairs; or save the file as UTF-8 and write the character itself",
    ),
    "finite_number": lambda error: (f"{error['input']} is not a finite number", QUOTE_IT),
    "none_required": lambda error: (f"expected nothing, found {_found_words(error['input'])}", ""),
}
