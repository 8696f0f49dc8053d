"""The gate: one row a limit, with the interval in words and as a mark."""

from evalgate.core.report_data import ComparisonData
from evalgate.core.verdict import Check, Judgement
from evalgate.report import wording
from evalgate.report.html import forest
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.section import Place, cell, header_row, section, stacking_table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import badge, missing, typeset, why_missing
from evalgate.report.layout import Style
from evalgate.report.numbers import MISSING, level
from evalgate.report.quiet import is_quiet, quiet_slices
from evalgate.report.sensitivity import at_utilisations

# A page of a thousand critical slices is no page; the JSON result has all of them.
MOST_ROWS = 60


def gate_section(data: ComparisonData, place: Place) -> Html:
    """Return the limits of one comparison and why each came out as it did."""
    judgement = data.judgement
    checks = [check for check in judgement.checks if not is_quiet(check)]
    if not judgement.checks:
        return section(place, "limits", "Limits", "No limits are set, so nothing was judged.")
    shown = sorted(checks, key=_order)[:MOST_ROWS]
    left_out = len(checks) - len(shown)
    rows = joined([_row(judgement, check) for check in shown])
    caption = "Limits, what was measured, and the verdict on each"
    return section(
        place,
        "limits",
        "Limits",
        _lead(judgement),
        scroller("Limits", stacking_table(caption, _head(judgement), [rows], "gate")),
        None if not left_out else tag("p", f"{left_out:,} more stand in the JSON result.", class_="lead"),
        _said(judgement),
    )


def _order(check: Check) -> int:
    """What blocks first only where not everything can be shown; else as the suite wrote it."""
    return 0 if check.slice is None else 1


def _lead(judgement: Judgement) -> str:
    levels = {check.level for check in judgement.checks}
    said = f"{level(levels.pop())} interval" if len(levels) == 1 else "interval"
    return (
        f"The mark is the estimate with its {said}; the solid line is no change (for ≥ and ≤, the baseline), "
        "the shaded zone is what the budget forbids. A limit fails when the whole interval lies in the zone."
    )


def _head(judgement: Judgement) -> Html:
    before = [("baseline", "num")] if judgement.baseline else []
    return header_row(
        ("limit on", ""),
        ("verdict", ""),
        *before,
        ("candidate", "num"),
        (wording.change_heading(judgement), "num"),
        ("against the budget", "mark-head"),
        ("budget", "num"),
    )


def _row(judgement: Judgement, check: Check) -> Html:
    words = wording.check_words(check)
    subject = (
        [words.metric] if words.slice is None else [words.metric, tag("bdi", words.slice, class_="slice")]
    )
    mark = forest.mark_of(check, words.style)
    change = typeset(words.change + wording.level_note(judgement, check))
    before, after = (
        cell(_side(text, why_missing(measured)), "num", side)
        for side, text, measured in (
            ("baseline", words.baseline, check.baseline),
            ("candidate", words.candidate, check.candidate),
        )
    )
    return tag(
        "tr",
        tag("th", *subject, scope="row", role="rowheader"),
        cell(badge(_verdict(check), words.style), "verdict"),
        before if judgement.baseline else None,
        after,
        tag("td", *change_parts(change), class_="num change", role="cell"),
        cell(forest.draw(mark) if mark is not None else None, "mark-cell"),
        cell(words.budget, "num budget"),
        class_="blocks" if check.blocked else None,
        role="row",
    )


def change_parts(change: str) -> tuple[str | Html, ...]:
    """Return the number and, quieter, its interval."""
    value, parenthesis, interval = change.partition(" (")
    if not parenthesis:
        return (change,)
    return tag("span", value, class_="value"), " ", tag("span", f"({interval}", class_="interval")


def _side(text: str, why: str) -> str | Html:
    return missing(why) if text == MISSING and why else typeset(text)


def _verdict(check: Check) -> str:
    said = wording.check_word(check)
    if check.blocked and check.verdict != "fail":
        said += ", blocks"
    return said if check.gated else f"{said}, not gated"


def _said(judgement: Judgement) -> Html | None:
    """Why what did not pass came out as it did, and what held in many slices, in a sentence each."""
    why = [
        (wording.check_word(check), wording.check_style(check), text)
        for check, text in wording.reasons(judgement)[:MOST_ROWS]
    ]
    held = [("pass", wording.STYLES["pass"], text) for text in quiet_slices(judgement)]
    filled: list[tuple[str, Style, str]] = [
        ("turns" if said.turns else "holds", "unsure" if said.turns else "quiet", said.text)
        for said in at_utilisations(judgement)
    ]
    items = [
        tag("li", badge(word, style), " ", typeset(text)) for word, style, text in (*why, *held, *filled)
    ]
    return tag("ul", *items, class_="said") if items else None
