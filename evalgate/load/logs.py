"""A team's own log of calls -> the calls, each with the parts of a case that the log knows."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.case_files.cases import capped
from evalgate.load.case_files.tables import Row, Table, read_csv, read_json_rows
from evalgate.load.log_columns import LogColumns
from evalgate.load.log_lines import LoggedCall, LogLine, cell_of
from evalgate.load.syntax.suggest import did_you_mean
from evalgate.load.syntax.values import UnfitValue, as_text

_CHAT = frozenset({"completion", "acompletion", ""})


@dataclass(frozen=True, slots=True)
class Log:
    """The calls of a log, and how many lines were passed over for which reason."""

    shown: str
    calls: tuple[LoggedCall, ...]
    skipped: Mapping[str, int]


def read_log(path: Path, shown: str, columns: LogColumns, where: Mapping[str, str]) -> Log:
    """Return the calls of a ``.csv``, ``.json`` or ``.jsonl`` log whose columns have the values in ``where``.

    Raises:
        BadInput: with the problems of all lines.

    """
    table = read_csv(path, shown) if path.suffix == ".csv" else read_json_rows(path, shown)
    problems = [*_unknown_columns(table, columns, where)]
    if problems:
        raise BadInput(problems)
    calls: list[LoggedCall] = []
    skipped: Counter[str] = Counter()
    for line, row in table.rows:
        if reason := _not_wanted(row, columns, where):
            skipped[reason] += 1
            continue
        reader = LogLine(row, columns)
        call = reader.call(line)
        calls.extend([call] if call is not None else [])
        problems.extend(
            Problem(unfit.message, unfit.cure, shown, line, None, key) for key, unfit in reader.unfit
        )
    if problems:
        raise BadInput(capped(problems, shown))
    if not calls:
        said = "; ".join(f"{count} of its lines: {reason}" for reason, count in skipped.items())
        raise BadInput([Problem(f"the log holds no call to import ({said})", "check --where", shown)])
    return Log(shown, tuple(calls), dict(skipped))


def _unknown_columns(table: Table, columns: LogColumns, where: Mapping[str, str]) -> Iterator[Problem]:
    named = [(f"--columns {key}", columns.of[key][0]) for key in sorted(columns.named)]
    for option, column in [*named, *((f"--where {column}=…", column) for column in where)]:
        if column not in table.columns and column.partition(".")[0] not in table.columns:
            message = f"{option}: the log has no column {column!r}"
            yield Problem(message, did_you_mean(column, table.columns, "its columns are"), table.shown)


def _not_wanted(row: Row, columns: LogColumns, where: Mapping[str, str]) -> str | None:
    for column, value in where.items():
        try:
            same = as_text(cell_of(row, column)) == value
        except UnfitValue:
            same = False
        if not same:
            return "other than --where asks for"
    if columns.litellm and str(row.get("cache_hit") or "").lower() == "true":
        return "answered by the proxy's own cache, without a model"
    if columns.litellm and str(row.get("call_type") or "") not in _CHAT:
        return "no chat completion"
    return None
