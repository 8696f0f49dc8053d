"""RE2 patterns that people write into policies: linear in the text, whatever the pattern."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from evalgate.core.digest import valid_text
from evalgate.core.errors import BadInput, Problem

_REFERENCE = re.compile(r"\\(?:([0-9])|g<([^>]*)>|(\\)|(.?))", re.DOTALL)


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Any:
    """Compile an RE2 pattern.

    Raises:
        BadInput: the pattern is not RE2; look-around and back-references are not.

    """
    options = re2.Options()
    options.log_errors = False  # the error below says it; RE2 would also write to stderr
    try:
        return re2.compile(valid_text(pattern), options)
    except re2.error as error:
        why = error.args[0] if error.args else "cannot be compiled"
        why = why.decode() if isinstance(why, bytes) else str(why)
        cure = "Patterns are RE2: https://github.com/google/re2/wiki/Syntax."
        raise BadInput([Problem(f"{pattern!r} is not a pattern: {why}", cure, key="regex")]) from error


def compile_substitution(pattern: str, replacement: str) -> Callable[[str], str]:
    r"""Return a function that replaces every match of ``pattern``.

    The replacement may hold ``\0`` (the match), ``\1`` to ``\9``, ``\g<name>`` and ``\\``; a group
    that took no part is empty. The binding's own templates are not used: they garble non-ASCII text.

    Raises:
        BadInput: the pattern is not RE2, or the replacement names a group that the pattern lacks.

    """
    compiled = compile_pattern(pattern)
    pieces = _pieces(compiled, pattern, valid_text(replacement))

    def expand(match: Any) -> str:
        return "".join([piece if isinstance(piece, str) else match.group(piece) or "" for piece in pieces])

    def substitute(text: str) -> str:
        replaced: str = compiled.sub(expand, valid_text(text))
        return replaced

    return substitute


def _pieces(compiled: Any, pattern: str, replacement: str) -> tuple[str | int, ...]:
    """Split a replacement into literal texts and group numbers."""
    pieces: list[str | int] = []
    end = 0
    for match in _REFERENCE.finditer(replacement):
        pieces.append(replacement[end : match.start()])
        end = match.end()
        number, name, backslash, _ = match.groups()
        if backslash:
            pieces.append("\\")
            continue
        group = int(number) if number else compiled.groupindex.get(name, -1)
        if not 0 <= group <= compiled.groups:
            message = f"{match[0]!r} in the replacement names no group of {pattern!r}"
            cure = r"Write \1 to \9 or \g<name> for a group, \0 for the whole match, \\ for a backslash."
            raise BadInput([Problem(message, cure, key="replace")])
        pieces.append(group)
    pieces.append(replacement[end:])
    return tuple(piece for piece in pieces if piece != "")
