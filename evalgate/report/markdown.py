"""The result as GitHub-flavoured Markdown, small enough for a job summary and safe to render.

Names and answers stand in code spans, where GitHub resolves neither mentions nor links; sentences are
escaped character by character.
"""

from collections.abc import Iterable, Sequence

from evalgate.core.verdict import Check, Decision, Flip, Judgement
from evalgate.report import prompt_caches, wording
from evalgate.report.announced import announcements, previewed
from evalgate.report.answers import AnswerRow, answer_rows, recovery_rows
from evalgate.report.confusions import matrix
from evalgate.report.ledger import judging, ledger, not_spent, unpriced
from evalgate.report.markdown_escape import code, fence, prose
from evalgate.report.numbers import usd_or_missing
from evalgate.report.rests import both, evidence
from evalgate.report.safe_text import no_command, safe_line
from evalgate.report.sensitivity import at_utilisations

# GitHub drops a job summary of more than 1 MiB altogether.
MOST_BYTES = 900_000
_FLIPS_SHOWN = 50
_ANNOUNCED_SHOWN = 50
_PREVIEWS_SHOWN = 50
_LEFT_OUT = "\n_{} left out to stay below the size of a job summary; the JSON result has everything._\n"


def render(decision: Decision) -> str:
    """Return at most 900,000 bytes: what does not fit is left out whole, details first, and counted."""
    head = _head(decision)
    foot = _previews(decision) + _foot(decision)
    room = MOST_BYTES - _size(head) - _size(foot) - 2 * _size(_LEFT_OUT)
    alone = len(decision.judgements) == 1
    bodies = [_essentials(judgement, alone=alone) for judgement in decision.judgements]
    # Where not all fit, what blocks must be among those that are shown.
    order = sorted(range(len(bodies)), key=lambda index: not decision.judgements[index].blocked)
    kept = sorted(order[place] for place in _fitting([bodies[index] for index in order], room))
    room -= sum(_size(bodies[index]) for index in kept)
    extras = [_details(decision.judgements[index]) for index in kept]
    detailed = set(_fitting(extras, room))
    parts = [head]
    for place, index in enumerate(kept):
        parts.append(bodies[index])
        parts.append(extras[place] if place in detailed else "")
    lost, bare = len(bodies) - len(kept), len(kept) - len(detailed)
    if lost:
        parts.append(_LEFT_OUT.format(f"{lost:,} comparisons were"))
    if bare:
        parts.append(_LEFT_OUT.format(f"The details of {bare:,} comparisons were"))
    text = "".join([*parts, foot])
    return "\n".join(no_command(line) for line in text.split("\n"))


def _head(decision: Decision) -> str:
    word = wording.outcome_word(decision).lower()
    lines = [
        f"## {wording.outcome_mark(decision)} evalgate: {word}",
        "",
        prose(wording.summary_sentence(decision)),
        "",
        *announced(decision, _ANNOUNCED_SHOWN),
    ]
    return "\n".join(lines)


def announced(decision: Decision, most: int) -> list[str]:
    """Return a list of what a reviewer must not miss; nothing where there is nothing."""
    said = announcements(decision)
    if not said:
        return []
    shown = [f"- ⚠️ {prose(text)}" for text in said[:most]]
    more = [f"- and {len(said) - most:,} more"] if len(said) > most else []
    return [*shown, *more, ""]


def _previews(decision: Decision) -> str:
    if not decision.previews:
        return ""
    said = [f"- {prose(previewed(each))}" for each in decision.previews[:_PREVIEWS_SHOWN]]
    lines = ["", "**Preview by the rules of this change.** Nothing follows from it.", "", *said, ""]
    return "\n".join(lines)


def _essentials(judgement: Judgement, *, alone: bool) -> str:
    heading = f"### {wording.outcome_mark(judgement)} {code(judgement.suite)}: {compared(judgement)}"
    said = [] if alone else [prose(wording.headline(judgement)), ""]
    lines = ["", heading, "", *said, *limits_table(judgement, judgement.checks), ""]
    why = [f"- {prose(reason)}" for _, reason in wording.reasons(judgement)]
    why += [f"- {prose(said.text)}" for said in at_utilisations(judgement)]
    if judgement.baseline:
        why.append(f"- cases: {wording.counts(judgement)}")
    why.append(
        f"- calls: {wording.calls(judgement)}; spent on this run: {usd_or_missing(judgement.spend_usd)}"
    )
    if cached := prompt_caches.said(judgement):
        why.append(f"- {prose(cached)}")
    if judged := judging(judgement):
        why.append(f"- {prose(judged)}")
    if saved := not_spent(judgement):
        why.append(f"- {prose(saved)}")
    return "\n".join([*lines, *why, ""])


def compared(judgement: Judgement) -> str:
    """Return which policies were compared, in code."""
    if not judgement.baseline:
        return f"{code(judgement.candidate)} (no baseline)"
    return f"{code(judgement.baseline)} → {code(judgement.candidate)}"


def _subject(words: wording.CheckWords) -> str:
    return words.metric if words.slice is None else f"{words.metric} in {code(words.slice)}"


def limits_table(judgement: Judgement, checks: Sequence[Check]) -> list[str]:
    """Return the lines of a table with one row for each of the judgement's ``checks``."""
    if not judgement.checks:
        return ["No limits are set, so nothing was judged."]
    rows = []
    for check in checks:
        words = wording.check_words(check)
        change = words.change + wording.level_note(judgement, check)
        rows.append([_subject(words), words.baseline, words.candidate, change, words.budget, words.verdict])
    headings = ["limit on", "baseline", "candidate", wording.change_heading(judgement), "budget", "verdict"]
    return md_table(headings, "lrrrll", rows)


def _details(judgement: Judgement) -> str:
    blocks = [_folded("Where the money went", _money(judgement))]
    if judgement.policy_diff:
        diff = fence([safe_line(line, 300) for line in judgement.policy_diff])
        blocks.append(_folded("What the candidate changes", diff))
    for kind, title in (("broke", "Cases that broke"), ("fixed", "Cases that were fixed")):
        flips = [flip for flip in judgement.flips if flip.kind == kind]
        if flips:
            blocks.append(_folded(f"{title} ({len(flips):,})", _flips(flips)))
    if rows := answer_rows(judgement):
        blocks.append(_folded("What became of the answers", _answers(rows)))
    if judgement.answers is not None and judgement.answers.requantized:
        slices = recovery_rows(judgement, small=False)[:_FLIPS_SHOWN]
        if slices:
            blocks.append(_folded("Accuracy recovered, worst slices first", _answers(slices)))
    if judgement.confusions is not None:
        found = judgement.confusions
        headings = ["expected", *map(code, found.read)]
        cells = [[code(first), *rest] for first, *rest in matrix(found)]
        lines = md_table(headings, "l" + "r" * len(found.read), cells)
        blocks.append(_folded("What was read as what (candidate, change against the baseline)", lines))
    rests = [f"- {prose(text)}" for text in both(evidence(judgement))]
    if rests:
        blocks.append(_folded("What the numbers rest on", rests))
    return "".join(blocks)


def _answers(rows: Sequence[AnswerRow]) -> list[str]:
    cells = [(prose(row.label), row.sides, row.change) for row in rows]
    return md_table(["", "baseline → candidate", "share or change"], "lrr", cells)


def _money(judgement: Judgement) -> list[str]:
    rows = ledger(judgement)
    if judgement.baseline:
        cells = [[prose(row.label), row.baseline, row.candidate] for row in rows]
        lines = md_table(["", code(judgement.baseline), code(judgement.candidate)], "lrr", cells)
    else:
        lines = md_table(
            ["", code(judgement.candidate)], "lr", [[prose(row.label), row.candidate] for row in rows]
        )
    missing = [f"- {prose(text)}" for text in unpriced(judgement)]
    return [*lines, "", *missing] if missing else lines


def _flips(flips: Sequence[Flip]) -> list[str]:
    rows = [
        [
            code(flip.case_id),
            "" if flip.target is None else code(flip.target, 60),
            code(flip.baseline, 60),
            code(flip.candidate, 60),
        ]
        for flip in flips[:_FLIPS_SHOWN]
    ]
    lines = md_table(["case", "expected", "baseline", "candidate"], "llll", rows)
    more = len(flips) - len(rows)
    return [*lines, "", f"and {more:,} more; the JSON result lists all"] if more else lines


def _foot(decision: Decision) -> str:
    notes = [f"- {prose(note)}" for note in wording.notes(decision)]
    kept = [notes[index] for index in _fitting(notes, MOST_BYTES // 10)]
    lines = ["", "**Notes**", "", *kept] if kept else []
    if len(kept) < len(notes):
        lines.append(f"- and {len(notes) - len(kept):,} more")
    return "\n".join([*lines, "", prose(wording.exit_sentence(decision)), ""])


def md_table(headings: Sequence[str], aligns: str, rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; ``aligns`` has a letter a column, ``r`` for right."""
    rule = ["---:" if align == "r" else "---" for align in aligns]
    return [f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows)]


def _folded(title: str, lines: Iterable[str]) -> str:
    return "\n".join(["", f"<details><summary>{title}</summary>", "", *lines, "", "</details>", ""])


def _fitting(parts: Sequence[str], room: int) -> list[int]:
    """Return the indices of the leading parts that fit together into ``room`` bytes."""
    kept = []
    for index, part in enumerate(parts):
        room -= _size(part) + 1
        if room < 0:
            break
        kept.append(index)
    return kept


def _size(text: str) -> int:
    return len(text.encode())
