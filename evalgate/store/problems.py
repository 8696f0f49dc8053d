"""What is wrong in a file the program reads back: place, sentence and cure, everything at once."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from evalgate.core.errors import Problem

LISTED_PER_FILE = 20
_PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$?\.?(?P<key>.*)`)?", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_NOT_JSON_NUMBER = re.compile(rb":\s*-?(NaN|Infinity)")


class FileProblems:
    """The problems of one file: the first are listed, the rest are counted."""

    __slots__ = ("_count", "_listed", "file")

    def __init__(self, path: Path) -> None:
        """Collect problems of the file at ``path``."""
        self.file = str(path)
        self._listed: list[Problem] = []
        self._count = 0

    def __bool__(self) -> bool:
        """Tell whether there is any problem."""
        return self._count > 0

    @property
    def has_room(self) -> bool:
        """Tell whether the next problem will be listed, not only counted."""
        return len(self._listed) < LISTED_PER_FILE

    def add(self, message: str, cure: str = "", *, line: int | None = None, key: str | None = None) -> None:
        """Note one problem."""
        self._count += 1
        if self.has_room:
            self._listed.append(Problem(message, cure, file=self.file, line=line, key=key))

    def all(self) -> tuple[Problem, ...]:
        """Return the listed problems, and one more that counts those left out."""
        left_out = self._count - len(self._listed)
        if not left_out:
            return tuple(self._listed)
        return (*self._listed, Problem(f"{left_out} more problems in this file", file=self.file))


class _Schema(msgspec.Struct):
    schema: str


def check_schema(line: bytes, wanted: str, problems: FileProblems) -> bool:
    """Tell whether a file's first line names the schema ``wanted``; if not, note why and what to do."""
    kind, _, version = wanted.partition("@")
    try:
        found = msgspec.json.decode(line, type=_Schema).schema
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if is_torn(error, line):
            problems.add("the file broke off in its first line: nothing is in it", "delete it", line=1)
        else:
            problems.add(
                f"the first line does not describe the file ({explain(error, line, ())[0]})",
                f'put a line {{"schema": "{wanted}"}} before the others',
                line=1,
            )
        return False
    if found == wanted:
        return True
    found_kind, _, found_version = found.partition("@")
    if found_kind == kind and found_version.isdecimal() and int(found_version) > int(version):
        cure = f"upgrade evalgate; this one reads {wanted}"
        problems.add(f"written by a newer evalgate: {found}", cure, line=1, key="schema")
    else:
        problems.add(f"unknown schema {found!r}", f"evalgate reads {wanted}", line=1, key="schema")
    return False


def is_torn(error: Exception, line: bytes) -> bool:
    """Tell whether ``line`` broke off while it was written: no line end, and not a whole JSON value."""
    return not isinstance(error, msgspec.ValidationError) and not line.endswith(b"\n")


def explain(error: Exception, line: bytes, known_keys: Iterable[str]) -> tuple[str, str | None, str]:
    """Say what msgspec found: the message, the key it is about, and a near known key if one is misspelt."""
    if not isinstance(error, msgspec.ValidationError):
        odd = _NOT_JSON_NUMBER.search(line)
        if odd is not None:
            return (f"{odd[1].decode()} is not a JSON number", None, "")
        return (f"not JSON: {error}", None, "")
    place = _PLACE.fullmatch(str(error))
    what, key = (place["what"], place["key"]) if place else (str(error), None)
    unknown = _UNKNOWN_FIELD.fullmatch(what)
    if unknown is None:
        return (what, key or None, "")
    name = unknown["name"]
    near = difflib.get_close_matches(name, sorted(known_keys), n=1)
    return (f"unknown key {name!r}", f"{key}.{name}" if key else name, near[0] if near else "")
