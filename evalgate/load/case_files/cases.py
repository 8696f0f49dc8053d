"""Golden cases from JSON Lines: fast where a line is right, exact about the place where it is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, Problem
from evalgate.load.syntax.documents import parse_json, read_bytes, validate

Unit = Literal["line", "row"]
MOST_PROBLEMS = 50
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_KEYS = tuple(f'"{name}"'.encode() for name in Case.model_fields)
_EXAMPLE = '{"id": "t-001", "input": "…", "target": "…"}'


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The cases of a suite; ``lines[i]`` is where ``cases[i]`` stands.

    In a file without lines (``unit`` "row") it is the number of the row, which a Problem says in words.
    """

    shown: str
    cases: tuple[Case, ...]
    lines: tuple[int, ...]
    unit: Unit = "line"

    def problem(self, index: int, message: str, cure: str = "", key: str | None = None) -> Problem:
        """Return a Problem in the line of one case."""
        return problem_at(RowPlace(self.shown, self.lines[index], self.unit), message, cure, key)

    def place(self, index: int) -> str:
        """Return where a case stands, in words."""
        return f"{self.unit} {self.lines[index]}"


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A line of a text file, or a row of a file that has no lines."""

    shown: str
    number: int
    unit: Unit


def problem_at(place: RowPlace, message: str, cure: str = "", key: str | None = None) -> Problem:
    """Return a Problem at a line or a row."""
    if place.unit == "line":
        return Problem(message, cure, place.shown, place.number, None, key)
    return Problem(f"row {place.number}: {message}", cure, place.shown, None, None, key)


def read_cases(path: Path, shown: str) -> CaseFile:
    """Return the cases of a ``.jsonl`` file in order; blank lines, CRLF and a byte-order mark are fine.

    Raises:
        BadInput: with the problems of all lines (the first 50 and how many more).

    """
    data = read_bytes(
        path, shown, "suite.yaml's `cases` names the file, from the suite's folder"
    ).removeprefix(_BYTE_ORDER_MARK)
    validate_line = Case.__pydantic_validator__.validate_json
    cases: list[Case] = []
    lines: list[int] = []
    problems: list[Problem] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line or line.isspace():
            continue
        try:
            case = validate_line(line)
        except ValidationError:
            problems.extend(_diagnose(line, number, shown))
            continue
        if _may_repeat_a_key(line, case):
            problems.extend(_repeated_keys(line, number, shown))
        cases.append(case)
        lines.append(number)
    problems.extend(repeated_ids(cases, lines, shown))
    if not cases and not problems:
        problems.append(Problem("the file holds no cases", f"write one case a line: {_EXAMPLE}", shown))
    if problems:
        raise BadInput(capped(problems, shown))
    return CaseFile(shown, tuple(cases), tuple(lines))


def capped(problems: list[Problem], shown: str) -> list[Problem]:
    """Return the first problems of a file and the number of the others: nobody reads ten thousand."""
    problems = sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
    more = len(problems) - MOST_PROBLEMS
    if more <= 0:
        return problems
    return [*problems[:MOST_PROBLEMS], Problem(f"and {more} more problems in this file", "", shown)]


def _diagnose(line: bytes, number: int, shown: str) -> list[Problem]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return [Problem("the line is not UTF-8 text", "save the file as UTF-8", shown, number)]
    try:
        validate(parse_json(text, shown, number), Case, shown)
    except BadInput as bad:
        return list(bad.problems)
    return [Problem("the line is JSON that only some readers accept", "write it anew", shown, number)]


def _may_repeat_a_key(line: bytes, case: Case) -> bool:
    """Tell cheaply which lines deserve a second look: those where a key's name occurs twice."""
    if line.count(b'":') == len(case.model_fields_set) + len(case.vars) + len(case.slices):
        return False
    return any(line.count(key) > 1 for key in _KEYS)


def _repeated_keys(line: bytes, number: int, shown: str) -> Iterator[Problem]:
    try:
        parse_json(line.decode(), shown, number)
    except BadInput as bad:
        yield from bad.problems


def repeated_ids(cases: list[Case], lines: list[int], shown: str, unit: Unit = "line") -> Iterator[Problem]:
    """Yield each case whose id an earlier one has."""
    first: dict[str, int] = {}
    for case, line in zip(cases, lines, strict=True):
        if (earlier := first.setdefault(case.id, line)) != line:
            message = f"the id {case.id!r} is taken by {unit} {earlier}"
            yield problem_at(RowPlace(shown, line, unit), message, "give every case its own id", "id")
