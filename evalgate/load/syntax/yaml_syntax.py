"""What the YAML parser cannot read, told as a problem with a cure."""

import yaml

from evalgate.core.errors import Problem

# What the parser says, and what the person who wrote the file most likely has to do.
_SYNTAX_CURES = (
    ("mapping values are not allowed", 'text that holds ": " needs quotes; else check the indentation'),
    (
        "cannot start any token",
        "indent with spaces, not tabs; text that starts with @, ` or % needs quotes",
    ),
    ("could not find expected ':'", "a key is followed by a colon and a space; check the indentation"),
    ("expected ',' or", "close the bracket, or separate the items by commas"),
    (
        "expected <block end>",
        "keys of one mapping start in one column; text that goes on after quotes needs quotes around all",
    ),
    ("did not find expected key", "keys of one mapping start in the same column"),
    ("undefined alias", "text that starts with * needs quotes"),
    ("escape", "in double quotes a backslash starts an escape; use single quotes, as in '\\d+'"),
    ("unexpected end of stream", "close the quotes"),
)


def syntax_problem(error: yaml.MarkedYAMLError, file: str) -> Problem:
    """Return what the parser stumbled over, where, and what most likely has to be done."""
    said = error.problem or error.context or "it cannot be read"
    mark = error.problem_mark or error.context_mark
    cure = next((cure for sign, cure in _SYNTAX_CURES if sign in said), "check the text around this place")
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    return Problem(f"this is not valid YAML: {said}", cure, file, line, column)


def character_problem(text: str, error: yaml.reader.ReaderError, file: str) -> Problem:
    """Return where ``text`` holds a character that YAML does not allow."""
    found = error.character
    code = found if isinstance(found, int) else ord(found[:1] or "\0")
    before, _, _ = text.partition(chr(code))
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Problem(f"the character U+{code:04X} is not allowed in YAML", "remove it", file, line, column)
