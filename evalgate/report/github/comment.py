"""The comment on a pull request: the verdict, its numbers and names. Never a prompt or an answer."""

import re
from collections.abc import Sequence

from evalgate.core.errors import ExitCode
from evalgate.core.numbers import Estimate
from evalgate.core.verdict import Check, Decision, Judgement
from evalgate.report import wording
from evalgate.report.announced import previewed
from evalgate.report.github.summary import error_title
from evalgate.report.markdown import announced, compared, limits_table, md_table
from evalgate.report.markdown_escape import code, prose
from evalgate.report.safe_text import safe_line
from evalgate.report.sensitivity import at_utilisations

MOST_CHARACTERS = 60_000
_MARKER = "<!-- evalgate:v1 {} -->"
_UNSAFE = re.compile(r"[^\w./-]+")
_ROWS_SHOWN = 40
_LIMITS_SHOWN = 12
_ANNOUNCED_SHOWN = 8
_OWNERS_SHOWN = 4


def marker(name: str) -> str:
    """Return the line by which the comment of the gate called ``name`` is found again."""
    slug = _UNSAFE.sub("-", name.encode("ascii", "replace").decode())[:80].replace("--", "-")
    return _MARKER.format(slug)


def is_worth_a_comment(decision: Decision) -> bool:
    """Tell whether something is blocked, or a metric moved by more than chance explains."""
    return decision.blocked or any(
        _moved(check) for judgement in decision.judgements for check in judgement.checks
    )


def comment_title(decision: Decision) -> str:
    """Return the first line that people read, in Markdown."""
    word = wording.outcome_word(decision).lower()
    said = prose(wording.summary_sentence(decision))
    return f"### {wording.outcome_mark(decision)} evalgate: {word}: {said}"


def render(decision: Decision, name: str, run_url: str = "") -> str:
    """Return the comment, of at most 60,000 characters."""
    several = len(decision.judgements) > 1
    parts = [marker(name), comment_title(decision), "", *announced(decision, _ANNOUNCED_SHOWN)]
    parts += _teams(decision) if several else [line for each in decision.judgements for line in _one(each)]
    if decision.previews:
        preview = previewed(decision.previews[0])
        parts += [f"By the rules of this change, which do not count yet: {prose(preview)}", ""]
    if run_url:
        parts += [f"[Summary and full report]({run_url})"]
    text = "\n".join(parts) + "\n"
    # Every line is capped, so this is never needed; a comment that GitHub refuses would be silence.
    return text if len(text) <= MOST_CHARACTERS else "\n".join(parts[:3]) + "\n"


def error_comment(error: BaseException, code: ExitCode, name: str, run_url: str = "") -> str:
    """Return the comment of a run that came to no decision."""
    said = f"Nothing was judged: this is no verdict on the change. Exit code {int(code)}."
    link = [f"[What is wrong]({run_url})"] if run_url else []
    return "\n".join([marker(name), f"### ✗ evalgate: {error_title(error)}", "", said, "", *link]) + "\n"


def _one(judgement: Judgement) -> list[str]:
    shown, left = _most_telling(judgement.checks)
    lines = [f"{code(judgement.suite)}: {compared(judgement)}{_owners(judgement)}", ""]
    lines += limits_table(judgement, shown)
    if left:
        lines += ["", f"and {left:,} more limits, all in the summary"]
    lines += [line for said in at_utilisations(judgement)[:_LIMITS_SHOWN] for line in ("", prose(said.text))]
    said = wording.counts(judgement) if judgement.baseline else f"{judgement.cases.total:,} cases"
    return [*lines, "", f"Cases: {said}. Mode: {judgement.mode}.", ""]


def _teams(decision: Decision) -> list[str]:
    """Return one row a comparison, those that block first."""
    ordered = sorted(decision.judgements, key=lambda each: not each.blocked)
    rows = [
        [
            f"{code(each.suite, 60)}{_owners(each)}",
            compared(each),
            f"{wording.outcome_mark(each)} {wording.outcome_word(each).lower()}",
            prose(safe_line(each.headline, 200)),
        ]
        for each in ordered[:_ROWS_SHOWN]
    ]
    lines = md_table(["suite", "change", "verdict", "because"], "llll", rows)
    left = len(ordered) - len(rows)
    return [*lines, "", *([f"and {left:,} more comparisons, all in the summary", ""] if left else [])]


def _owners(judgement: Judgement) -> str:
    if not judgement.owners:
        return ""
    shown = " ".join(code(owner, 40) for owner in judgement.owners[:_OWNERS_SHOWN])
    return f" ({shown})"


def _most_telling(checks: Sequence[Check]) -> tuple[list[Check], int]:
    """Return the limits on the whole suite and those of slices that did not pass, and how many are left."""
    telling = [check for check in checks if check.slice is None or check.verdict != "pass"]
    telling.sort(key=lambda check: not check.blocked)
    return telling[:_LIMITS_SHOWN], len(checks) - len(telling[:_LIMITS_SHOWN])


def _moved(check: Check) -> bool:
    return (
        check.slice is None
        and check.limit in {"max_drop", "max_rise"}
        and isinstance(check.change, Estimate)
        and (check.change.low > 0 or check.change.high < 0)
    )
