"""Which label was read where which one was expected."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Failure, Graded

NO_LABEL = "(none)"
FAILED = "(failed)"


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well one label is told from the others; a failed or unreadable answer counts against recall."""

    label: str
    expected: int
    named: int
    precision: float | Unmeasured
    recall: float | Unmeasured
    f1: float | Unmeasured


@dataclass(frozen=True, slots=True)
class Confusion:
    """``counts[target][column]`` over cases and trials, unweighted.

    Columns are the labels, then ``(none)`` (an answer that names no label, or several) and ``(failed)``.
    """

    columns: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    classes: tuple[ClassScores, ...]


def confusion(results: Iterable[Graded], labels: Sequence[str]) -> Confusion:
    """Count the graded results of a ``choice`` suite; results without target or grade are not in it."""
    columns = (*labels, NO_LABEL, FAILED)
    counts = {label: dict.fromkeys(columns, 0) for label in labels}
    written = {label.strip().casefold(): label for label in reversed(labels)}
    for result in results:
        if result.target is None or result.grade is None:
            continue
        row = result.target
        if row not in counts:
            row = written.get(row.strip().casefold(), row)
        cells = counts.setdefault(row, dict.fromkeys(columns, 0))
        column = _column(result, result.grade.label)
        cells[column] = cells.get(column, 0) + 1
    return Confusion(columns, counts, tuple(_class_scores(label, counts) for label in labels))


def _column(result: Graded, label: str | None) -> str:
    if isinstance(result.outcome.result, Failure):
        return FAILED
    return NO_LABEL if label is None else label


def _class_scores(label: str, counts: Mapping[str, Mapping[str, int]]) -> ClassScores:
    right = counts[label][label]
    expected = sum(counts[label].values())
    named = sum(cells.get(label, 0) for cells in counts.values())
    return ClassScores(
        label=label,
        expected=expected,
        named=named,
        precision=right / named if named else Unmeasured(f"no answer names {label!r}"),
        recall=right / expected if expected else Unmeasured(f"no case expects {label!r}"),
        f1=2 * right / (named + expected)
        if named + expected
        else Unmeasured(f"no case expects {label!r} and no answer names it"),
    )
