"""CSV and JSON as rows, each with the line it starts in."""

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.case_files.cases import RowPlace, Unit, capped, problem_at
from evalgate.load.syntax.documents import read_bytes

Row = Mapping[str, object]
_BETWEEN = re.compile(r"[\s,]*")
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns, read as they are asked for, once.

    ``labels`` holds the names of columns that store classes as numbers. With ``blank_is_missing`` an empty
    text is no value: a format without types has no other way to say so.
    """

    shown: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[int, Row]]
    unit: Unit = "line"
    blank_is_missing: bool = False
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_csv(path: Path, shown: str) -> Table:
    """Return a CSV file (RFC 4180, UTF-8, the first line names the columns).

    Raises:
        BadInput: with the problems of all lines.

    """
    # A question may be a whole document, and the reader's own limit is 128 KB a cell.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(io.StringIO(_text(path, shown), newline=""), strict=True)
    rows: list[tuple[int, Row]] = []
    problems: list[Problem] = []
    header: list[str] | None = None
    try:
        for line, cells in _numbered(reader):
            if header is None:
                header = cells
                problems.extend(_header_problems(header, shown))
            elif len(cells) != len(header):
                message = f"the line has {len(cells)} cells, and the header {len(header)}"
                cure = "put cells that hold commas or line ends in double quotes"
                problems.append(Problem(message, cure, shown, line))
            else:
                rows.append((line, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        problems.append(Problem(f"this is not CSV: {error}", "save the file as CSV", shown, reader.line_num))
    if not rows and not problems:
        problems.append(Problem("the file holds no rows", "write a header line and one case a line", shown))
    if problems:
        raise BadInput(capped(problems, shown))
    return Table(shown, tuple(header or ()), rows, blank_is_missing=True)


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with the line they start in: a quoted cell may go on over several lines."""
    start = 1
    for cells in reader:
        if cells:
            yield start, cells
        start = reader.line_num + 1  # type: ignore[attr-defined]


def _header_problems(header: Sequence[str], shown: str) -> Iterator[Problem]:
    for index, name in enumerate(header):
        if name in header[:index]:
            yield Problem(f"the column {name!r} is there twice", "rename one of the two", shown, 1)


def read_json_rows(path: Path, shown: str) -> Table:
    """Return the objects of a JSON array, or of JSON Lines.

    Raises:
        BadInput: with the problems of all lines; of an array that breaks off, with the first.

    """
    text = _text(path, shown)
    problems: list[Problem] = []
    start = len(text) - len(text.lstrip())
    values = _array(text, start, problems, shown) if text[start : start + 1] == "[" else None
    rows: list[tuple[int, Row]] = []
    columns: dict[str, None] = {}
    for line, value in _lines(text, problems, shown) if values is None else values:
        if isinstance(value, dict):
            rows.append((line, value))
            columns.update(dict.fromkeys(value))
        else:
            cure = 'write each row as an object: {"column": value, …}'
            problems.append(Problem(f"expected an object, found {_kind(value)}", cure, shown, line))
    if not rows and not problems:
        problems.append(Problem("the file holds no rows", "write an array of objects, or one a line", shown))
    if problems:
        raise BadInput(capped(problems, shown))
    return Table(shown, tuple(columns), rows)


def _array(text: str, start: int, problems: list[Problem], shown: str) -> Iterator[tuple[int, object]]:
    decode = _decoder().raw_decode
    line, counted = 1, 0
    position = _SPACE.match(text, start + 1).end()  # type: ignore[union-attr]
    while position < len(text) and text[position] != "]":
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, end = decode(text, position)
        except (ValueError, RecursionError) as error:
            problems.append(_not_json(error, shown, line, text))
            return
        yield line, value
        position = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]
        if "," not in text[end:position] and text[position : position + 1] != "]":
            line += text.count("\n", counted, position)
            problems.append(Problem("a comma or ] is missing here", "mend the array", shown, line))
            return
    if not text[position + 1 :].isspace() and text[position + 1 :]:
        line += text.count("\n", counted, position)
        problems.append(Problem("the array ends here, and more follows", "keep one array", shown, line))
    elif position >= len(text):
        problems.append(Problem("the array has no end", "add ]", shown, text.count("\n") + 1))


def _lines(text: str, problems: list[Problem], shown: str) -> Iterator[tuple[int, object]]:
    decode = _decoder().decode
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.isspace():
            continue
        try:
            value = decode(line)
        except (ValueError, RecursionError) as error:
            problems.append(_not_json(error, shown, number, line))
            continue
        yield number, value


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refused)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is written twice")
    return read


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")


def _not_json(error: Exception, shown: str, line: int, text: str) -> Problem:
    if isinstance(error, json.JSONDecodeError):
        in_lines = error.doc is text and "\n" in text
        place = (error.lineno, error.colno) if in_lines else (line, error.colno)
        said = f"{error.msg[:1].lower()}{error.msg[1:]}"
        return Problem(f"this is not valid JSON: {said}", "", shown, *place)
    said = "nested too deep" if isinstance(error, RecursionError) else str(error)
    return problem_at(RowPlace(shown, line, "line"), said)


def _text(path: Path, shown: str) -> str:
    data = read_bytes(path, shown)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput([Problem("the file is not UTF-8 text", "save it as UTF-8", shown, line)]) from None


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", type(None): "nothing"}.get(type(value), f"{value!r}")
