"""The ``list_f1`` grader: which of the expected items does the answer list, and what else?"""

import re
from collections import Counter
from unicodedata import normalize

from evalgate.core.outcome import Grade
from evalgate.core.suite_file import ListF1Grader
from evalgate.grading.excerpt import excerpt
from evalgate.grading.json_answer import json_text, stated_json

_BULLET = re.compile(r"\s*(?:[-*•‣–+]|\(?\d{1,4}[.)])\s+")
_TRAILING = " .,;\t"


def grade_list_f1(text: str, target: object, grader: ListF1Grader, correct_at: float) -> Grade:
    """Grade ``2 × common / (expected + listed)``, counting an item as often as it stands there."""
    expected = Counter(_fold(item, grader) for item in items(target))
    listed = Counter(_fold(item, grader) for item in items(text))
    common = (expected & listed).total()
    total = expected.total() + listed.total()
    score = 2 * common / total if total else 1.0
    told = f"{common} of {expected.total()} expected items among {listed.total()} listed"
    if missing := expected - listed:
        told += f"; lacks {excerpt(next(iter(missing)))}"
    if extra := listed - expected:
        told += f"; holds {excerpt(next(iter(extra)))} too"
    return Grade(score, score >= correct_at, told)


def items(written: object) -> list[object]:
    """Return the items of a list, the fields of a mapping, or what a text lists.

    A text that is JSON, or holds it in a fence, is read as JSON; any other lists an item a line, or, in one
    line, between commas or semicolons.
    """
    if isinstance(written, str):
        stated = stated_json(written)
        if not isinstance(stated, list | dict):
            return list(_lines(written))
        written = stated
    match written:
        case list():
            return written
        case dict():
            return [
                f"{key}: {value if isinstance(value, str) else json_text(value)}"
                for key, value in written.items()
            ]
        case _:
            return [written]


def _lines(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and not _BULLET.match(lines[0]):
        lines = [part for part in re.split(r"[,;]", lines[0]) if part.strip()]
    return [_BULLET.sub("", line, count=1) for line in lines]


def _fold(item: object, grader: ListF1Grader) -> str:
    text = item if isinstance(item, str) else json_text(item)
    text = " ".join(normalize("NFC", text).split()).strip(_TRAILING)
    return text.casefold() if grader.ignore_case else text
