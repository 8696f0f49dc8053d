"""The 2x2 of both sides, and the first flips by name."""

from evalgate.core.numbers import Unmeasured
from evalgate.core.report_data import ComparisonData
from evalgate.core.verdict import CaseCounts, Flip, Judgement
from evalgate.report.confusions import matrix
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.section import Place, header_row, section, table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import badge, typeset
from evalgate.report.layout import Style
from evalgate.report.numbers import count
from evalgate.report.safe_text import safe_line

SHOWN = 50
# Above this a matrix is a sea of zeros; the JSON result has it.
MOST_LABELS = 20
_STYLES: dict[str, Style] = {"broke": "bad", "fixed": "good"}


def flips_section(data: ComparisonData, place: Place, index: int) -> Html:
    """Return how the cases stand on both sides; each number shows its cases in the table below."""
    cases = data.judgement.cases
    if data.baseline is None:
        text = f"{cases.both_right:,} right, {cases.both_wrong:,} wrong of {count(cases.total, 'case')}."
        return section(place, "flips", "Right and wrong", text)
    return section(
        place,
        "flips",
        "Flips",
        "What happened to each case. A number shows its cases in the table below.",
        tag(
            "div",
            _square(cases, index),
            tag("div", _test(cases, data.exact_p), *_apart(cases, index), class_="beside"),
            class_="flips",
        ),
        _confusion(data.judgement),
    )


def named_flips(data: ComparisonData, place: Place, *, texts: bool) -> Html | None:
    """Return the first flips by name: what remains of the case table without scripts and on paper."""
    flips = data.judgement.flips[:SHOWN]
    if not flips:
        return None
    more = len(data.judgement.flips) - len(flips)
    caption = f"The first {len(flips):,} of {count(len(flips) + more, 'flip')}" if more else "Every flip"
    rows = [_row(flip, texts=texts) for flip in flips]
    last = ("expected", "baseline answered", "candidate answered") if texts else ()
    head = header_row(("what happened", "unseen"), ("case", ""), *((text, "") for text in last))
    body = table(caption, head, joined(rows), "plain", show_caption=True)
    return tag("div", scroller("Flips", body), class_="static-flips", id=place.id("flip-list"))


def _confusion(judgement: Judgement) -> Html | None:
    found = judgement.confusions
    if found is None or len(found.expected) > MOST_LABELS:
        return None
    head = header_row(("expected", ""), *((safe_line(each, 40), "num") for each in found.read))
    rows = [
        tag("tr", tag("th", first, scope="row"), *(tag("td", typeset(cell), class_="num") for cell in rest))
        for first, *rest in matrix(found)
    ]
    caption = (
        "Rows: expected. Columns: read in the candidate's answers, with the change against the baseline."
    )
    body = scroller("What was read as what", table(caption, head, joined(rows), "plain", show_caption=True))
    return tag("details", tag("summary", "What was read as what"), body)


def _square(cases: CaseCounts, index: int) -> Html:
    head = tag(
        "thead",
        tag(
            "tr",
            tag("td"),
            tag("th", "candidate right", scope="col"),
            tag("th", "candidate wrong", scope="col"),
        ),
    )
    rows = (
        tag(
            "tr",
            tag("th", "baseline right", scope="row"),
            _cell("both right", cases.both_right, "right", index),
            _cell("broke", cases.broke, "broke", index),
        ),
        tag(
            "tr",
            tag("th", "baseline wrong", scope="row"),
            _cell("fixed", cases.fixed, "fixed", index),
            _cell("both wrong", cases.both_wrong, "wrong", index),
        ),
    )
    caption = tag("caption", "Cases by correctness on both sides", class_="unseen")
    return tag("table", caption, head, tag("tbody", *rows), class_="square")


def _cell(text: str, number: int, show: str, index: int) -> Html:
    style = {"broke": "bad", "fixed": "good"}.get(show, "even") if number else "even"
    return tag("td", _link(show, index, tag("b", f"{number:,}"), tag("span", text)), class_=style)


def _link(show: str, index: int, *children: str) -> Html:
    return tag("a", *children, href="#cases", data_show=show, data_in=index)


def _test(cases: CaseCounts, p: float | Unmeasured) -> Html:
    flips = f"{count(cases.broke, 'case')} broke against {cases.fixed:,} fixed."
    if isinstance(p, Unmeasured):
        return tag("p", f"{flips} The exact test is not given: {safe_line(p.reason, 200)}.")
    if not cases.broke + cases.fixed:
        return tag("p", "No case flipped.")
    said = "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}" if p < 0.01 else f"p = {p:.2f}"
    return tag(
        "p",
        f"{flips} Were both equally likely, a split at least this uneven would come up with ",
        tag("b", said),
        " (McNemar's exact test, two-sided). The gate judges the interval above, not this.",
    )


def _apart(cases: CaseCounts, index: int) -> tuple[Html, ...]:
    said = []
    if cases.failed:
        text = f"{count(cases.failed, 'case')} got no answer on a side; they count as wrong."
        said.append(tag("p", badge("failed", "unsure"), " ", _link("failed", index, text)))
    ungraded = cases.total - cases.both_right - cases.both_wrong - cases.fixed - cases.broke
    if ungraded:
        text = f"{count(ungraded, 'case')} cannot be graded and stand in no cell."
        said.append(tag("p", badge("not graded", "quiet"), " ", _link("ungraded", index, text)))
    return tuple(said)


def _row(flip: Flip, *, texts: bool) -> Html:
    answers: list[Html] = []
    if texts:
        said = ("" if flip.target is None else flip.target, flip.baseline, flip.candidate)
        answers = [tag("td", safe_line(text, 60), dir="auto") for text in said]
    return tag(
        "tr",
        tag("td", flip.kind, class_=f"kind {_STYLES[flip.kind]}"),
        tag("th", safe_line(flip.case_id, 60), scope="row", dir="auto"),
        *answers,
    )
