"""Hostile text inside GitHub-flavoured Markdown.

A backslash does not stop a mention and a character reference outside code is decoded before mentions are
looked for; inside ``<code>`` neither mentions, issue numbers nor links are resolved. A ``|`` inside a code
span ends a table cell, and escaping it can be undone by a backslash before it. So text with anything but
harmless characters becomes an HTML ``<code>`` element in which every special character is a reference.
"""

import re
from collections.abc import Iterable

from evalgate.report.safe_text import safe_line

_HARMLESS = re.compile(r"[\w .,/+=()%$:;'\"!?→…·-]*")
# A colon ends a word in peace; inside one it may begin an emoji's name or a runner's command.
_SPECIAL = re.compile(r"[^\w .,/+=()%;:'\"?→…·≤≥∞-]|_|:(?!$)")
_BLOCK_START = re.compile(r"[-+=]|[0-9]+[.)]")
# What GitHub turns into a mention, a reference or a link.
_RESOLVED = re.compile(r"[@#]|://|\bwww\.|\bGH-\d", re.IGNORECASE)
_BACKTICKS = re.compile(r"`+")


def code(text: str, limit: int = 80) -> str:
    """Return one line of code that shows exactly the (safe) text."""
    safe = safe_line(text, limit)
    if not safe:
        return "_(empty)_"
    return (
        f"`{safe}`" if _HARMLESS.fullmatch(safe) and "::" not in safe else f"<code>{_referenced(safe)}</code>"
    )


def prose(text: str) -> str:
    """Return a sentence that reads as written: no markup, no mention, no link, no table cell ends in it."""
    said = " ".join(_word(word) for word in text.split())
    return f"&#{ord(said[0])};{said[1:]}" if _BLOCK_START.match(said) else said


def fence(lines: Iterable[str]) -> list[str]:
    """Return a code block whose fence is longer than any run of backticks inside."""
    lines = list(lines)
    longest = max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0)
    marks = "`" * max(3, longest + 1)
    return [f"{marks}text", *lines, marks]


def _word(word: str) -> str:
    return f"<code>{_referenced(word)}</code>" if _RESOLVED.search(word) else _referenced(word)


def _referenced(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)
