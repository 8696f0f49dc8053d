"""Response rules: what is done to every answer, cached ones too, before the user gets it.

A rule never fails: an answer that it does not fit stays as it is. Answers leave as valid Unicode.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from evalgate.core.digest import canonical_json, valid_text
from evalgate.core.response_file import ExtractJson, ExtractRegex, ResponseName
from evalgate.serving.patterns import compile_pattern

Rule = Callable[[str], str]

# Every opening bracket could start the answer's JSON; more than this many false starts is prose.
MAX_JSON_STARTS = 100
_BRACKET = re.compile(r"[{\[]")
_INDEX = re.compile(r"\[([0-9]+)\]")
_FENCE = re.compile(r"`{3,}|~{3,}")
_NOTHING = object()


def compile_response(rules: Sequence[ResponseName | ExtractRegex | ExtractJson]) -> Rule:
    """Return one function that applies ``rules`` in order to the text of an answer.

    Raises:
        BadInput: a pattern is not RE2.

    """
    return _compiled(tuple(rules))


@lru_cache(maxsize=64)
def _compiled(rules: tuple[ResponseName | ExtractRegex | ExtractJson, ...]) -> Rule:
    steps = tuple(_step(rule) for rule in rules)

    def respond(text: str) -> str:
        text = valid_text(text)
        for step in steps:
            text = step(text)
        return text

    return respond


def _step(rule: ResponseName | ExtractRegex | ExtractJson) -> Rule:
    match rule:
        case "strip":
            return str.strip
        case "strip_code_fences":
            return strip_code_fences
        case ExtractRegex(extract_regex=pattern):
            return _regex_extractor(pattern)
        case ExtractJson(extract_json=path):
            return _json_extractor(path)


def strip_code_fences(text: str) -> str:
    """Return what is inside the fence when the whole answer is one fenced block, else the answer."""
    block = text.strip()
    opening = _FENCE.match(block)
    if opening is None or len(block) < 2 * len(opening[0]):
        return text
    fence = opening[0]
    first, newline, rest = block.partition("\n")
    if not newline:
        inside = block[len(fence) : -len(fence)]
        return inside if block.endswith(fence) and fence not in inside else text
    body, _, last = rest.rpartition("\n")
    closes = last.strip() == fence and fence[0] not in first[len(fence) :]
    if not closes or any(line.strip() == fence for line in body.split("\n")):
        return text
    return body


def _regex_extractor(pattern: str) -> Rule:
    compiled = compile_pattern(pattern)

    def extract(text: str) -> str:
        match = compiled.search(text)
        if match is None:
            return text
        groups: tuple[str | None, ...] = match.groups()
        taken = next((group for group in groups if group is not None), None)
        return taken if taken is not None else str(match.group())

    return extract


def _json_extractor(path: str) -> Rule:
    steps = tuple(step for step in _INDEX.sub(r".\1", path).split(".") if step)

    def extract(text: str) -> str:
        value = _first_json(text)
        for step in steps:
            value = _child(value, step)
        if value is _NOTHING:
            return text
        try:
            return _as_text(value)
        except (ValueError, RecursionError):  # 1e999 has no JSON form; nesting can be too deep to write
            return text

    return extract


def _first_json(text: str) -> object:
    """Return the answer itself when it is JSON, else the first object or array in it, else nothing."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    try:
        return decoder.decode(text)
    except RecursionError:
        return _NOTHING
    except ValueError:
        pass
    for attempt, bracket in enumerate(_BRACKET.finditer(text)):
        if attempt == MAX_JSON_STARTS:
            break
        try:
            return decoder.raw_decode(text, bracket.start())[0]
        except RecursionError:
            break
        except ValueError:
            continue
    return _NOTHING


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _child(value: object, step: str) -> object:
    if isinstance(value, dict):
        return value.get(step, _NOTHING)
    if isinstance(value, list) and step.isdecimal() and step.isascii() and len(step) < 10:
        index = int(step)
        return value[index] if index < len(value) else _NOTHING
    return _NOTHING


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # canonical JSON would quote an integer beyond 2**53
    return canonical_json(value)
