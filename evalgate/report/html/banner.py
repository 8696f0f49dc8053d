"""The verdict: one word, one sentence, what changed, and what it was judged on."""

from collections.abc import Sequence

from evalgate.core.report_data import ComparisonData
from evalgate.core.verdict import Decision, Judgement
from evalgate.report import wording
from evalgate.report.announced import announcements, previewed
from evalgate.report.html.markup import Child, Html, joined, tag
from evalgate.report.html.section import Place, header_row, stacking_table
from evalgate.report.html.svg import scroller
from evalgate.report.html.typeset import badge, icon, name, sentence, typeset, verdict_word, versus
from evalgate.report.ledger import judging, not_spent, stakes
from evalgate.report.numbers import count, usd_or_missing
from evalgate.report.safe_text import safe_line

_DIFF_SHOWN = 6


def banner(decision: Decision, comparisons: Sequence[ComparisonData]) -> Html:
    """Return the top of the page; with several comparisons, a table of them stands in it."""
    style = wording.outcome_style(decision)
    alone = comparisons[0].judgement if len(comparisons) == 1 else None
    return tag(
        "section",
        _eyebrow(comparisons),
        tag("h1", icon(style), tag("span", verdict_word(decision)), id="verdict-title"),
        tag("p", sentence(wording.summary_sentence(decision)), class_="headline"),
        facts(alone) if alone is not None else None,
        policy_diff(alone) if alone is not None else None,
        overview(comparisons) if len(comparisons) > 1 else None,
        _announced(decision),
        notes(decision.notes),
        class_=f"banner {style}",
        id="verdict",
        aria_labelledby="verdict-title",
    )


def comparison_head(judgement: Judgement, place: Place) -> Html:
    """Return the head of one of several comparisons."""
    style = wording.outcome_style(judgement)
    return tag(
        "div",
        tag(
            "h2",
            name(judgement.suite),
            ": ",
            versus(judgement),
            id=place.id("title"),
        ),
        tag("p", badge(verdict_word(judgement), style), " ", sentence(wording.headline(judgement))),
        facts(judgement),
        policy_diff(judgement),
        class_="comparison-head",
    )


def facts(judgement: Judgement) -> Html:
    """Return what the verdict rests on: cases, mode, calls, money."""
    cases, calls = judgement.cases, judgement.calls
    rows: list[tuple[str, Child]] = [("Cases", f"{cases.total:,}")]
    if judgement.baseline:
        rows.append(("Flips", f"{cases.broke:,} broke, {cases.fixed:,} fixed"))
    if cases.failed:
        rows.append(("Without an answer", f"{cases.failed:,}"))
    rows.append(("Mode", judgement.mode))
    if calls.needed:
        rows.append(("Calls", f"{calls.reused:,} reused, {calls.made:,} made"))
        rows.append(("Spent on this run", usd_or_missing(judgement.spend_usd)))
    for row in stakes(judgement):
        value = f"{row.baseline} → {row.candidate}" if judgement.baseline else row.candidate
        rows.append((f"{row.label[0].upper()}{row.label[1:]}", value))
    if said := judging(judgement).removeprefix("judging: "):
        rows.append(("Judging", said))
    if said := not_spent(judgement):
        rows.append(("Not spent", said.removeprefix("not spent: ")))
    return tag(
        "dl",
        *(tag("div", tag("dt", term), tag("dd", value)) for term, value in rows),
        class_="facts",
    )


def policy_diff(judgement: Judgement) -> Html | None:
    """Return what the candidate changes, line by line."""
    lines = judgement.policy_diff
    if not lines or not judgement.baseline:
        return None
    shown, folded = lines[:_DIFF_SHOWN], lines[_DIFF_SHOWN:]
    return tag(
        "div",
        tag("p", "What the candidate changes", class_="small-title"),
        _diff_list(shown),
        tag("details", tag("summary", f"{count(len(folded), 'more line')}"), _diff_list(folded))
        if folded
        else None,
        class_="policy-diff",
    )


def overview(comparisons: Sequence[ComparisonData]) -> Html:
    """Return one row for each of several comparisons."""
    rows = []
    for index, each in enumerate(comparisons):
        judgement = each.judgement
        word = badge(verdict_word(judgement), wording.outcome_style(judgement))
        link = tag("a", versus(judgement), href=f"#c{index}-")
        rows.append(
            tag(
                "tr",
                tag("th", name(judgement.suite), scope="row", role="rowheader"),
                tag("td", link, role="cell"),
                tag("td", word, role="cell"),
                tag("td", sentence(wording.headline(judgement)), role="cell"),
                role="row",
            )
        )
    head = header_row(("suite", ""), ("change", ""), ("verdict", ""), ("because", ""))
    return scroller(
        "Comparisons", stacking_table("The comparisons of this page", head, [joined(rows)], "overview")
    )


def notes(texts: Sequence[str]) -> Html | None:
    """Return notes on the whole decision."""
    if not texts:
        return None
    return tag("ul", *(tag("li", safe_line(text, 400)) for text in texts), class_="notes")


def _announced(decision: Decision) -> Html | None:
    """Return what a reviewer must not miss, in amber, and what rules that do not count yet would say."""
    said = [
        *announcements(decision),
        *(f"preview, nothing follows from it: {previewed(each)}" for each in decision.previews),
    ]
    if not said:
        return None
    return tag("ul", *(tag("li", badge("!", "unsure"), " ", typeset(text)) for text in said), class_="notes")


def _eyebrow(comparisons: Sequence[ComparisonData]) -> Html | None:
    if len(comparisons) == 1:
        judgement = comparisons[0].judgement
        return tag(
            "p", name(judgement.suite), tag("span", " · ", class_="dot"), versus(judgement), class_="eyebrow"
        )
    suites = list(dict.fromkeys(safe_line(each.judgement.suite) for each in comparisons))
    if not suites:
        return None
    return tag(
        "p", f"{count(len(comparisons), 'comparison')} on {count(len(suites), 'suite')}", class_="eyebrow"
    )


def _diff_list(lines: Sequence[str]) -> Html:
    return tag("ul", *(_diff_line(safe_line(line, 300)) for line in lines), class_="diff-lines")


def _diff_line(line: str) -> Html:
    key, colon, change = line.partition(": ")
    old, arrow, new = change.partition(" → ")
    if not colon or not arrow:
        return tag("li", tag("code", line))
    return tag(
        "li",
        tag("code", key, class_="key"),
        tag("span", tag("del", old), tag("span", " → ", class_="arrow"), tag("ins", new)),
    )
