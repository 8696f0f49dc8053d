"""The JSON in an answer: the whole of it, a fenced block, or the first object or array in its prose."""

import json
import re
from typing import Final

from evalgate.core.digest import canonical_json, valid_text


class NoJson:
    """An answer holds no JSON; not the same as holding ``null``."""


NO_JSON: Final = NoJson()
# Every opening bracket could start the answer's JSON; more than this many false starts is prose.
_MOST_STARTS = 100
_BRACKET = re.compile(r"[{\[]")
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)^[ \t]*\1[`~]*[ \t]*$", re.DOTALL | re.MULTILINE)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def stated_json(text: str) -> object:
    """Return the JSON that is the whole of ``text`` or of its first fenced block that is JSON."""
    whole = _decoded(text)
    if whole is not NO_JSON or ("```" not in text and "~~~" not in text):
        return whole
    blocks = (_decoded(block[2]) for block in _FENCED.finditer(text))
    return next((value for value in blocks if value is not NO_JSON), NO_JSON)


def found_json(text: str) -> object:
    """Return the stated JSON, or else the first object or array anywhere in ``text``."""
    stated = stated_json(text)
    if stated is not NO_JSON:
        return stated
    for attempt, bracket in enumerate(_BRACKET.finditer(text)):
        if attempt == _MOST_STARTS:
            break
        try:
            found: object = _DECODER.raw_decode(text, bracket.start())[0]
        except RecursionError:
            break
        except ValueError:
            continue
        return found
    return NO_JSON


def json_text(value: object) -> str:
    """Return JSON in one spelling for equal values, for comparing and quoting; never fails."""
    try:
        return canonical_json(value)
    except (ValueError, TypeError, RecursionError):  # 1e999 has no JSON form; nesting can be too deep
        return valid_text(repr(value)) if not isinstance(value, list | dict) else _deep(value)


def _deep(value: object) -> str:
    try:
        return valid_text(json.dumps(value, sort_keys=True, default=repr))
    except (ValueError, TypeError, RecursionError):
        return "(nested too deep)"


def _decoded(text: str) -> object:
    try:
        # decode() takes space around the value, but not a byte-order mark.
        value: object = _DECODER.decode(text.strip().removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return NO_JSON
    return value
