"""What prompt caches do, cold and warm, on both sides: a table beside the waterfall."""

from collections.abc import Sequence

from evalgate.core.prompt_cache import CostInState
from evalgate.core.verdict import Judgement
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.section import cell, header_row, stacking_table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import number, sentence, typeset
from evalgate.report.prompt_caches import change_in, cost_rows, said, token_rows
from evalgate.report.safe_text import safe_line

_CAPTION = "Prompt caches, cold and warm"


def cold_and_warm(judgement: Judgement) -> Html | None:
    """Return both costs of both sides and what is cached; None where nothing is predicted."""
    costs = cost_rows(judgement)
    if not costs:
        return None
    both = bool(judgement.baseline)
    names = [safe_line(each, 30) for each in (judgement.baseline, judgement.candidate) if each]
    names += ["change"] if both else []
    rows = [
        *(_row(label, _cost(cost, both=both), names) for label, cost in costs),
        *(
            _row(label, [before, after] if both else [after], names)
            for label, before, after in token_rows(judgement)
        ),
    ]
    head = header_row(("prompt caches", ""), *((each, "num") for each in names))
    return tag(
        "div",
        tag("p", sentence(said(judgement)), class_="lead"),
        scroller(_CAPTION, stacking_table(_CAPTION, head, [joined(rows)], "plain narrow")),
    )


def _cost(cost: CostInState, *, both: bool) -> list[str | Html]:
    candidate = number(cost.candidate, "usd")
    return [number(cost.baseline, "usd"), candidate, typeset(change_in(cost))] if both else [candidate]


def _row(label: str, shown: Sequence[str | Html], names: Sequence[str]) -> Html:
    """A row; what has no change says nothing of it."""
    cells = [cell(each, "num", name) for each, name in zip(shown, names, strict=False)]
    cells += [cell("", "num")] * (len(names) - len(shown))
    return tag("tr", tag("th", label, scope="row", role="rowheader"), *cells, role="row")
