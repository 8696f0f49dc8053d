"""The report as one file: all of it inside, nothing asked of the network, no script but our own."""

import hashlib
from base64 import b64encode
from importlib.resources import files

from evalgate.core.report_data import ComparisonData, ReportData
from evalgate.report import wording
from evalgate.report.answers import answer_rows
from evalgate.report.html.answers import answers_section
from evalgate.report.html.banner import banner, comparison_head
from evalgate.report.html.case_table import case_view, cases_section
from evalgate.report.html.ecdf import latency_section
from evalgate.report.html.flips import flips_section
from evalgate.report.html.gate_table import gate_section
from evalgate.report.html.markup import Html, joined, raw_element, tag
from evalgate.report.html.pareto import pareto_section
from evalgate.report.html.payload import payload
from evalgate.report.html.provenance import provenance_section
from evalgate.report.html.section import Place
from evalgate.report.html.slices import slices_section
from evalgate.report.html.typeset import name, verdict_word
from evalgate.report.html.waterfall import waterfall_section
from evalgate.report.safe_text import safe_line

SCRIPTS = ("bunzip.js", "page.js", "rows.js", "diff.js", "view.js", "keys.js")
_PARTS = (
    ("limits", "Limits"),
    ("flips", "Flips"),
    ("answers", "Answers"),
    ("pareto", "Cost and accuracy"),
    ("latency", "Latency"),
    ("money", "Money"),
    ("slices", "Slices"),
)


def render(data: ReportData) -> str:
    """Return the page; equal data give equal bytes."""
    script = _script()
    return document(_title(data), _body(data, script), script)


def document(title: str, body: Html, script: str = "") -> str:
    """Return a page in our style that runs ``script`` and no other, and asks for nothing."""
    style = _asset("report.css")
    html = tag("html", _head(title, style, script), body, lang="en", class_="plain")
    return str(joined((Html("<!doctype html>\n"), html, Html("\n"))))


def _head(title: str, style: str, script: str) -> Html:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        raw_element("style", style),
    )


def _policy(style: str, script: str) -> str:
    """Only our own style and script run, nothing is loaded, no text can become markup."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'sha256-{_hash(script)}'",
            f"style-src 'sha256-{_hash(style)}'",
            "style-src-attr 'none'",
            "script-src-attr 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _title(data: ReportData) -> str:
    found = list(dict.fromkeys(safe_line(each.judgement.suite, 40) for each in data.comparisons))
    return f"{verdict_word(data.decision)}: {', '.join(found[:3]) or 'nothing judged'} · evalgate"


def _body(data: ReportData, script: str) -> Html:
    alone = len(data.comparisons) == 1
    top = Place("", 2)
    parts = (
        _comparison(data.comparisons[0], top, 0)
        if alone
        else joined(
            tag(
                "article",
                comparison_head(each.judgement, place),
                _comparison(each, place, index),
                id=place.id(""),
                class_="comparison",
            )
            for index, each in enumerate(data.comparisons)
            for place in (Place(f"c{index}-", 3),)
        )
    )
    return tag(
        "body",
        tag("a", "Skip to the verdict", href="#verdict", class_="skip"),
        tag(
            "div",
            _navigation(data, alone=alone),
            tag("main", banner(data.decision, data.comparisons), parts, *_rest(data, top)),
            class_="page",
        ),
        tag("footer", tag("p", f"evalgate · {wording.exit_sentence(data.decision)}")),
        case_view() if data.comparisons else None,
        joined(payload(data)),
        raw_element("script", script),
    )


def _rest(data: ReportData, top: Place) -> tuple[Html, ...]:
    if not data.comparisons:
        return ()
    return cases_section(data, top), provenance_section(data, top)


def _navigation(data: ReportData, *, alone: bool) -> Html:
    links = [tag("a", "Verdict", href="#verdict")]
    if alone:
        only = data.comparisons[0]
        links += [tag("a", text, href=f"#{part}") for part, text in _PARTS if _stands(part, only)]
    else:
        links += [
            tag(
                "a",
                name(each.judgement.suite, 24),
                ": ",
                name(each.judgement.candidate, 24),
                href=f"#c{index}-",
            )
            for index, each in enumerate(data.comparisons)
        ]
    if data.comparisons:
        links += [tag("a", "Cases", href="#cases"), tag("a", "How measured", href="#how")]
    return tag("nav", tag("p", "evalgate", class_="mark-name"), *links, aria_label="Parts of the report")


def _stands(part: str, data: ComparisonData) -> bool:
    """Whether a comparison has the part at all."""
    return {"slices": bool(data.slices), "answers": bool(answer_rows(data.judgement))}.get(part, True)


def _comparison(data: ComparisonData, place: Place, index: int) -> Html:
    """The parts of one comparison, in the order in which a reader decides."""
    return joined(
        (
            gate_section(data, place),
            flips_section(data, place, index),
            answers_section(data, place),
            pareto_section(data, place),
            latency_section(data, place),
            waterfall_section(data, place),
            slices_section(data, place),
        )
    )


def _script() -> str:
    parts = "\n".join(_asset(each) for each in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();\n'


def _asset(file: str) -> str:
    return files("evalgate.report.html").joinpath("assets", file).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
