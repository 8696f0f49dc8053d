"""What became of attempts on both sides: a table beside the waterfall."""

from evalgate.core.verdict import Judgement
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.section import cell, header_row, stacking_table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import typeset
from evalgate.report.safe_text import safe_line
from evalgate.report.tried import LedgerRow, tried

_CAPTION = "What became of attempts"


def attempts_table(judgement: Judgement) -> Html | None:
    """Return retries, fallbacks, hedges and what they met; None where every call answered at once."""
    rows = tried(judgement)
    if not rows:
        return None
    names = [safe_line(each, 30) for each in (judgement.baseline, judgement.candidate) if each]
    head = header_row(("attempts", ""), *((each, "num") for each in names))
    body = joined(_row(row, names) for row in rows)
    return scroller(_CAPTION, stacking_table(_CAPTION, head, [body], "plain narrow"))


def _row(row: LedgerRow, names: list[str]) -> Html:
    shown = [row.baseline, row.candidate][-len(names) :]
    cells = [cell(typeset(text), "num", name) for text, name in zip(shown, names, strict=True)]
    return tag("tr", tag("th", row.label, scope="row", role="rowheader"), *cells, role="row")
