"""What became of the answers, and what each slice recovers of the baseline's accuracy."""

from evalgate.core.report_data import ComparisonData
from evalgate.report.answers import SMALL, AnswerRow, answer_rows, recovery_rows, why_unknown
from evalgate.report.html.gate_table import change_parts
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.section import Place, cell, header_row, section, stacking_table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import sentence, typeset
from evalgate.report.numbers import level
from evalgate.report.safe_text import safe_line

_SHOWN = 60


def answers_section(data: ComparisonData, place: Place) -> Html | None:
    """Return the part; None where every answer is the same on both sides by construction."""
    rows = answer_rows(data.judgement)
    if not rows:
        return None
    unknown = [tag("p", sentence(text), class_="lead") for text in why_unknown(data.judgement)]
    return section(
        place,
        "answers",
        "Answers",
        "What became of the answers themselves. Accuracy can stand still while answers flip; a flip is one "
        "that turned from right to wrong or back.",
        scroller("Answers", _table("What became of the answers", ("what", "share or change"), rows, data)),
        *unknown,
        _slices(data),
    )


def _slices(data: ComparisonData) -> Html | None:
    rows = recovery_rows(data.judgement, small=True)
    found = data.judgement.answers
    if not rows or found is None:
        return None
    shown = rows[:_SHOWN]
    notes = [f"{len(rows) - len(shown):,} more stand in the JSON result."] if len(rows) > _SHOWN else []
    notes += [f"{safe_line(key, 40)}: too many values for a table." for key in found.left_out]
    small = {index for index, each in enumerate(found.slices) if each.n < SMALL}
    body = _table("Recovery in each slice", ("slice, worst first", "recovered"), shown, data, small)
    return tag(
        "details",
        tag("summary", "What each slice recovers of the baseline's accuracy"),
        scroller("Recovery in each slice", body),
        *(tag("p", note, class_="lead") for note in notes),
        open=found.requantized,
    )


def _table(
    caption: str,
    outer: tuple[str, str],
    rows: list[AnswerRow],
    data: ComparisonData,
    small: set[int] | None = None,
) -> Html:
    levels = {check.level for check in data.judgement.checks}
    interval = f" ({level(levels.pop())} interval)" if len(levels) == 1 else ""
    head = header_row((outer[0], ""), ("baseline → candidate", "num"), (outer[1] + interval, "num"))
    body = joined(
        _row(row, "small" if small is not None and index in small else None) for index, row in enumerate(rows)
    )
    return stacking_table(caption, head, [body], "answers")


def _row(row: AnswerRow, class_: str | None) -> Html:
    return tag(
        "tr",
        tag("th", tag("bdi", row.label), scope="row", role="rowheader"),
        cell(row.sides, "num", "baseline → candidate" if row.sides else None),
        tag("td", *change_parts(typeset(row.change)), class_="num change", role="cell"),
        class_=class_,
        role="row",
    )
