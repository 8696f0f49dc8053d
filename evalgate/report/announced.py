"""What a reviewer must not miss, and what does not count yet, in words."""

from evalgate.core.verdict import Decision, Judgement
from evalgate.report import wording
from evalgate.report.safe_text import safe_line


def announcements(decision: Decision) -> list[str]:
    """Return what a reviewer must not miss, as safe text."""
    return list(dict.fromkeys(safe_line(text, wording.SENTENCE) for text in decision.announcements))


def previewed(judgement: Judgement) -> str:
    """Return what rules that do not count yet would make of a candidate, as safe text."""
    word = wording.outcome_word(judgement).lower()
    return f"{safe_line(judgement.suite)}, {wording.versus(judgement)}: {word}; {wording.headline(judgement)}"
