"""Small things of type: a real minus sign, words for verdicts, marks that do not rely on colour."""

import re

from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.verdict import Decision, Judgement
from evalgate.report import wording
from evalgate.report.html.markup import Html, bdi, tag
from evalgate.report.layout import Style
from evalgate.report.numbers import MISSING, Kind, with_interval
from evalgate.report.safe_text import safe_line

_MINUS = re.compile(r"(?<![\w.)\]])-(?=[$\d])")
_ICONS: dict[str, str] = {
    "good": "M4.5 10.5l3.6 3.6 7.4-8.2",
    "bad": "M5.2 5.2l9.6 9.6M14.8 5.2l-9.6 9.6",
    "unsure": "M7 7.4a3 3 0 1 1 4.4 2.6c-.9.5-1.4 1-1.4 2.2M10 15.2v.2",
    "quiet": "M5.5 10h9",
}


def typeset(text: str) -> str:
    """Return ``text`` with minus signs before numbers."""
    return _MINUS.sub("−", text)


def sentence(text: str) -> str:
    """Return one of the short messages, which begin small where they follow a word, as a sentence."""
    said = typeset(text)
    end = "" if said.endswith((".", "!", "?", "…")) else "."
    return f"{said[:1].upper()}{said[1:]}{end}" if said else ""


def name(text: str, limit: int = 80) -> Html:
    """Return somebody's name for something, made visible and kept to itself."""
    return bdi(safe_line(text, limit))


def icon(style: Style) -> Html:
    """Return the sign of a verdict: a tick, a cross or a question mark."""
    drawing = tag("path", d=_ICONS.get(style, _ICONS["quiet"]))
    return tag("svg", drawing, viewBox="0 0 20 20", class_="icon", aria_hidden="true", focusable="false")


def badge(text: str, style: Style) -> Html:
    """Return a verdict in words with its sign and colour."""
    return tag("span", icon(style), text, class_=f"badge {style}")


def verdict_word(decision: Decision | Judgement) -> str:
    """Return what follows from the data, as a person writes it."""
    said = wording.outcome_word(decision).lower()
    return said[0].upper() + said[1:]


def versus(judgement: Judgement) -> Html:
    """Return which policies were compared."""
    candidate = name(judgement.candidate)
    if not judgement.baseline:
        return tag("span", candidate, " (no baseline)")
    arrow = tag("span", " → ", class_="arrow")
    return tag("span", name(judgement.baseline), arrow, candidate)


def why_missing(measured: Measured) -> str:
    """Return the reason why a number is missing, empty if it is not."""
    return safe_line(measured.reason, 300) if isinstance(measured, Unmeasured) else ""


def missing(reason: str) -> Html:
    """Return the place of a missing number, which says why it is missing."""
    return tag("span", MISSING, class_="missing", title=safe_line(reason, 300))


def number(measured: Measured, kind: Kind) -> str | Html:
    """Return a number with its interval, or the place of a missing one."""
    if isinstance(measured, Unmeasured):
        return missing(measured.reason)
    return typeset(with_interval(measured, kind, signed=False))
