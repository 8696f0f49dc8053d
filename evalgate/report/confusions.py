"""Which label was read where another was expected: the pairs worth a look, and the whole matrix."""

from evalgate.core.confusions import Confusions
from evalgate.core.verdict import Judgement
from evalgate.report.safe_text import safe_line

_SHOWN = 5


def most_confused(judgement: Judgement) -> list[str]:
    """Return the pairs that the candidate confuses most, those that grew first: ``a read as b: 3 → 20``."""
    found = judgement.confusions
    if found is None:
        return []
    pairs = [
        (after, after - before, expected, read)
        for expected, befores, afters in zip(found.expected, found.baseline, found.candidate, strict=True)
        for read, before, after in zip(found.read, befores, afters, strict=True)
        if read != expected and (before or after)
    ]
    ranked = sorted(pairs, key=lambda pair: (-max(pair[1], 0), -pair[0], pair[2], pair[3]))
    return [_said(judgement, *pair) for pair in ranked[:_SHOWN]]


def matrix(found: Confusions) -> list[list[str]]:
    """Return the candidate's matrix with its change: a row an expected label, a cell a count."""
    return [
        [safe_line(expected, 40), *map(_cell, befores, afters)]
        for expected, befores, afters in zip(found.expected, found.baseline, found.candidate, strict=True)
    ]


def _said(judgement: Judgement, after: int, grew: int, expected: str, read: str) -> str:
    counts = f"{after - grew:,} → {after:,}" if judgement.baseline else f"{after:,}"
    return f"{safe_line(expected, 40)} read as {safe_line(read, 40)}: {counts}"


def _cell(before: int, after: int) -> str:
    return f"{after:,}" if before == after else f"{after:,} ({after - before:+,})"
