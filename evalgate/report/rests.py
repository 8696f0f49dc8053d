"""What the numbers rest on, in words."""

from collections.abc import Iterable

from evalgate.core.verdict import Judgement
from evalgate.report import wording
from evalgate.report.numbers import count
from evalgate.report.quiet import is_quiet
from evalgate.report.safe_text import safe_line

_COUNTED = {
    "false_hit_rate": ("distinct hit", "distinct hits"),
    "near_miss_rate": ("near-miss", "near-misses"),
}


def evidence(judgement: Judgement) -> list[tuple[str, str]]:
    """Return what each number rests on: method, cases, clusters, trials, how many were affected and how."""
    found: dict[tuple[str, str], None] = {}
    for check in judgement.checks:
        if is_quiet(check):
            continue
        words = wording.check_words(check)
        singular, plural = _COUNTED.get(check.metric, ("case", "cases"))
        parts = [safe_line(check.method, 60), count(check.n, singular, plural)]
        if check.clusters != check.n:
            parts.append(count(check.clusters, "group"))
        if check.trials != 1:
            parts.append(count(check.trials, "trial"))
        parts.append(f"{check.affected:,} affected")
        if check.losses is not None and check.gains is not None:
            parts.append(f"{check.losses:,} worse, {check.gains:,} better")
        found[words.subject, ", ".join(part for part in parts if part)] = None
    return list(found)


def both(items: Iterable[tuple[str, str]]) -> list[str]:
    """Return pairs as ``subject: text``."""
    return [f"{subject}: {text}" for subject, text in items]
