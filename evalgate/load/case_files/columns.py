"""Rows of somebody's table -> cases, by the column map under ``cases: columns:`` of ``suite.yaml``."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError

from evalgate.core.cases import Case
from evalgate.core.cases_file import CasesDataset, ColumnFile
from evalgate.core.errors import BadInput, Problem
from evalgate.core.messages import message_json
from evalgate.core.suite_file import SuiteFile
from evalgate.load.case_files.cases import RowPlace, problem_at
from evalgate.load.case_files.conversations import conversation
from evalgate.load.case_files.tables import Row, Table
from evalgate.load.syntax.documents import Document, validate
from evalgate.load.syntax.suggest import did_you_mean
from evalgate.load.syntax.values import UnfitValue, as_json, as_number, as_plain, as_text
from evalgate.load.syntax.yaml_text import Tree

GROUPED = ("slices", "vars")
Convert = Callable[[object], object]
Places = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a case and the column it comes from. ``key`` is ``input``, or ``slices.channel``."""

    key: str
    column: str
    convert: Convert

    @property
    def path(self) -> tuple[str, str | None]:
        """The field of the case, and the name inside it where the field is a mapping."""
        name, dot, inner = self.key.partition(".")
        return name, inner if dot else None


def _moment(value: object) -> object:
    """Return a time on the cases' clock: seconds, or a timestamp as it is written."""
    try:
        return as_number(value)
    except UnfitValue:
        return as_text(value)


def _texts(value: object) -> object:
    said = as_json(value)
    if not isinstance(said, Mapping):
        raise UnfitValue("expected a mapping of names to values")
    return {name: as_text(each) for name, each in said.items() if each is not None}


def _mapping(value: object) -> object:
    said = as_json(value)
    if not isinstance(said, Mapping):
        raise UnfitValue("expected a mapping of names to values")
    return said


_CONVERT: Mapping[str, Convert] = {
    "id": as_text,
    "input": as_text,
    "messages": conversation,
    "target": as_plain,
    "vars": _mapping,
    "slices": _texts,
    "group": as_text,
    "same_answer": as_text,
    "at": _moment,
    "weight": as_number,
    "slices.": as_text,
    "vars.": as_plain,
}
_AS: Mapping[str, Convert] = {"text": as_text, "number": as_number, "json": as_json}


def converter_of(key: str) -> Convert | None:
    """Return what turns a cell into this part of a case; None when a case has no such part."""
    name, dot, inner = key.partition(".")
    if dot:
        return _CONVERT[f"{name}."] if name in GROUPED and inner else None
    return _CONVERT.get(key)


def unknown_part(key: str) -> str:
    """Return the cure for a key that is no part of a case."""
    name, dot, inner = key.partition(".")
    if dot and inner:
        near = did_you_mean(name, GROUPED)
        return f"did you mean '{near.split(chr(39))[1]}.{inner}'?" if near.startswith("did") else _PARTS
    near = did_you_mean(key, _CONVERT)
    return near if near.startswith("did") else _PARTS


_PARTS = (
    "the parts are "
    + ", ".join(key for key in _CONVERT if not key.endswith("."))
    + (", slices.<name>, vars.<name>")
)


def compile_columns(document: Document[SuiteFile], table: Table) -> tuple[Part, ...]:
    """Return the parts of a case with their columns.

    Raises:
        BadInput: with every unknown part and every missing column, at its place in ``suite.yaml``.

    """
    written = document.value.cases
    assert isinstance(written, CasesDataset)
    where = ("cases", "columns")
    problems: list[Problem] = []
    parts: list[Part] = []
    for key, column in written.columns.items():
        convert = converter_of(key)
        name = column.column if isinstance(column, ColumnFile) else column
        if convert is None:
            message = "a case has no such part"
            problems.append(document.problem((*where, key), message, unknown_part(key), at_key=True))
        elif name not in table.columns:
            cure = did_you_mean(name, table.columns, "its columns are")
            problems.append(document.problem((*where, key), f"{table.shown} has no column {name!r}", cure))
        else:
            parts.append(_part(key, column, convert, table))
    if not written.columns:
        parts = [_part(key, key, each, table) for key in table.columns if (each := converter_of(key))]
    asked = {part.key for part in parts} & {"input", "messages"}
    if not problems and len(asked) != 1:
        have = f"{table.shown} has the columns {', '.join(table.columns)}"
        message = "a case has either input or messages" if asked else "no column is the question"
        problems.append(document.problem(where, message, f"write columns: {{input: <column>}}; {have}"))
    if problems:
        raise BadInput(problems)
    return tuple(parts)


def _part(key: str, column: str | ColumnFile, convert: Convert, table: Table) -> Part:
    name = column.column if isinstance(column, ColumnFile) else column
    if isinstance(column, ColumnFile):
        convert = partial(_one_after_the_other, _AS[column.type], convert)
    elif name in table.labels:
        convert = partial(_one_after_the_other, partial(_label, table.labels[name]), convert)
    return Part(key, name, convert)


def _one_after_the_other(first: Convert, second: Convert, value: object) -> object:
    return second(first(value))


def _label(names: Sequence[str], value: object) -> object:
    """Return the name of a class that is stored as its number; -1 is how hidden labels are stored."""
    if not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None


def read_rows(table: Table, parts: Sequence[Part], problems: list[Problem]) -> Iterator[tuple[int, Case]]:
    """Yield the cases with their places, one at a time; what is wrong with a row is added to ``problems``.

    A row without an id gets one from its number, so the same file gives the same ids every time.
    """
    validate_case = Case.__pydantic_validator__.validate_python
    for number, (place, row) in enumerate(table.rows, start=1):
        raw: dict[str, Any] = {}
        before = len(problems)
        for part in parts:
            try:
                _put(raw, part, row, table)
            except UnfitValue as unfit:
                at = RowPlace(table.shown, place, table.unit)
                problems.append(problem_at(at, unfit.message, unfit.cure, f"{part.key} ({part.column})"))
        if len(problems) > before:
            continue
        raw.setdefault("id", f"row-{number}")
        try:
            case = validate_case(raw)
        except ValidationError:
            problems.extend(_refused(raw, table, place))
            continue
        yield place, case


def _put(raw: dict[str, Any], part: Part, row: Row, table: Table) -> None:
    cell = row.get(part.column)
    if cell is None or (table.blank_is_missing and cell == ""):
        return
    value = part.convert(cell)
    if value is None:
        return
    name, inner = part.path
    if inner is None:
        raw[name] = {**value, **raw.get(name, {})} if name in GROUPED else value  # type: ignore[dict-item]
    else:
        raw.setdefault(name, {})[inner] = value


def _refused(raw: Mapping[str, Any], table: Table, place: int) -> Iterator[Problem]:
    at = RowPlace(table.shown, place, table.unit)
    if "input" not in raw and "messages" not in raw:
        yield problem_at(at, "the row has no question", "fill the column that is the input, or drop the row")
        return
    plain = dict(raw)
    if "messages" in plain:
        plain["messages"] = [message_json(message) for message in plain["messages"]]
    try:
        validate(Tree(plain, {}, {}), Case, table.shown)
    except BadInput as bad:
        for problem in bad.problems:
            yield problem_at(at, problem.message, problem.cure, problem.key)
