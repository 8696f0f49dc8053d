"""The frame of the case table and of the case view; scripts fill both from the page's own data."""

from collections.abc import Sequence

from evalgate.core.report_data import ComparisonData, ReportData
from evalgate.report.html.flips import named_flips
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.section import Place, section
from evalgate.report.html.typeset import name, versus
from evalgate.report.safe_text import safe_line

_KEYS = (
    ("/", "search"),
    ("j", "next case"),
    ("k", "previous case"),
    ("f", "show broke, then fixed, then all"),
    ("Enter", "open the case"),
    ("Esc", "close"),
    ("?", "this list"),
)


def cases_section(data: ReportData, place: Place) -> Html:
    """Return the part of the page that holds the cases."""
    texts = data.texts != "none"
    static = [
        _static(each, Place(f"c{index}-", 3), alone=len(data.comparisons) == 1, texts=texts)
        for index, each in enumerate(data.comparisons)
    ]
    return section(
        place,
        "cases",
        "Cases",
        tag(
            "span",
            tag("span", "Broke first, then fixed, then the largest change. Press ", class_="scripted"),
            tag("kbd", "?", class_="scripted"),
            tag("span", " for the keys.", class_="scripted"),
            tag("span", "With scripts, this part searches and opens every case.", class_="unscripted"),
        ),
        _controls(data.comparisons),
        _grid(),
        _pager(),
        *static,
    )


def case_view() -> Html:
    """Return the dialog in which one case is opened, and the one that lists the keys."""
    return joined(
        (
            tag(
                "dialog",
                tag(
                    "div",
                    tag(
                        "div",
                        tag("h2", "", id="case-title"),
                        tag("p", "", id="case-badge"),
                        class_="case-name",
                    ),
                    tag(
                        "div",
                        _button("case-previous", "Previous"),
                        _button("case-next", "Next"),
                        _button("case-close", "Close"),
                        class_="buttons",
                    ),
                    class_="case-head",
                ),
                tag("div", "", id="case-body", tabindex="0"),
                id="case",
                aria_labelledby="case-title",
            ),
            tag(
                "dialog",
                tag("h2", "Keys", id="keys-title"),
                tag("dl", *(tag("div", tag("dt", tag("kbd", key)), tag("dd", does)) for key, does in _KEYS)),
                tag("div", _button("keys-close", "Close"), class_="buttons"),
                id="keys",
                aria_labelledby="keys-title",
            ),
        )
    )


def _static(each: ComparisonData, place: Place, *, alone: bool, texts: bool) -> Html | None:
    found = named_flips(each, place, texts=texts)
    if found is None or alone:
        return found
    return tag(
        "div",
        tag("h3", name(each.judgement.suite), ": ", versus(each.judgement)),
        found,
        class_="static-flips",
    )


def _controls(comparisons: Sequence[ComparisonData]) -> Html:
    choices = [
        tag(
            "option",
            safe_line(
                f"{c.judgement.suite}: {c.judgement.baseline or 'no baseline'} → {c.judgement.candidate}", 90
            ),
            value=index,
        )
        for index, c in enumerate(comparisons)
    ]
    return tag(
        "div",
        _field(
            "In",
            "pick-comparison",
            tag("select", *choices, id="pick-comparison"),
            hidden=len(comparisons) < 2,
        ),
        _field(
            "Search",
            "search",
            tag("input", id="search", type="search", autocomplete="off", spellcheck="false"),
            wide=True,
        ),
        _field("Show", "pick-kind", tag("select", id="pick-kind")),
        _field("Slice", "pick-slice", tag("select", id="pick-slice")),
        _field("Path", "pick-path", tag("select", id="pick-path")),
        tag("div", _button("reset", "Reset"), class_="field"),
        class_="controls scripted",
        role="search",
        aria_label="Cases",
    )


def _field(text: str, target: str, control: Html, *, wide: bool = False, hidden: bool = False) -> Html:
    label = tag("label", text, for_=target)
    return tag("div", label, control, class_="field wide" if wide else "field", hidden=hidden)


def _grid() -> Html:
    body = tag(
        "table",
        tag("caption", "Cases", class_="unseen"),
        tag("thead", tag("tr", id="case-head", role="row"), role="rowgroup"),
        tag("tbody", id="case-rows", role="rowgroup"),
        class_="stacking cases",
        role="table",
    )
    return tag("div", body, class_="scroller scripted", tabindex="0", role="group", aria_label="Case table")


def _pager() -> Html:
    return tag(
        "div",
        tag("p", "", id="case-count", role="status"),
        tag(
            "div",
            _button("page-previous", "Previous 100"),
            _button("page-next", "Next 100"),
            class_="buttons",
        ),
        class_="pager scripted",
    )


def _button(button_id: str, text: str) -> Html:
    return tag("button", text, id=button_id, type="button")
