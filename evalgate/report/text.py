"""The result as a person reads it in a terminal: verdict first, then the limits, the money, the flips."""

from collections.abc import Iterable, Iterator

from evalgate.core.verdict import Check, Decision, Flip, Judgement
from evalgate.report import prompt_caches, wording
from evalgate.report.announced import announcements, previewed
from evalgate.report.answers import AnswerRow, answer_rows, recovery_rows
from evalgate.report.confusions import most_confused
from evalgate.report.layout import UNBREAKABLE, Style, pad, paint, wrap
from evalgate.report.ledger import judging, ledger, not_spent, unpriced
from evalgate.report.numbers import usd_or_missing
from evalgate.report.quiet import is_quiet, quiet_slices
from evalgate.report.rests import both, evidence
from evalgate.report.safe_text import columns, no_command, safe_line
from evalgate.report.sensitivity import at_utilisations
from evalgate.report.table import Cell, Column, table

NARROWEST = 60
_FLIPS_SHOWN = 5
_SLICES_SHOWN = 6
_INDENT = "  "
_FLIP_STYLES: dict[str, Style] = {"broke": "bad", "fixed": "good"}


def render(decision: Decision, *, width: int = 100, color: bool = False) -> str:
    """Return the report in lines of at most ``width`` columns (never fewer than 60), with a final newline."""
    page = _Page(max(width, NARROWEST), color)
    page.banner(decision)
    if len(decision.judgements) > 1:
        page.overview(decision)
    for judgement in decision.judgements:
        page.judgement(judgement, alone=len(decision.judgements) == 1)
    page.listed("preview by the rules of this change (nothing follows from it)", _previews(decision))
    page.listed("notes", wording.notes(decision))
    page.blank()
    page.sentence(wording.exit_sentence(decision), style="quiet")
    return "\n".join(no_command(line) for line in page.lines) + "\n"


def _previews(decision: Decision) -> list[str]:
    return [previewed(each) for each in decision.previews]


class _Page:
    """The lines so far; everything that is put on it fits its width."""

    def __init__(self, width: int, color: bool) -> None:
        self.width = width
        self.color = color
        self.lines: list[str] = []

    def blank(self) -> None:
        self.lines.append("")

    def sentence(self, text: str, *, first: str = "", style: Style = "plain") -> None:
        self.lines.extend(
            paint(line, style, color=self.color) for line in wrap(text, self.width, first=first)
        )

    def heading(self, text: str) -> None:
        self.blank()
        self.sentence(text, first=_INDENT, style="strong")

    def banner(self, decision: Decision) -> None:
        word = f"{wording.outcome_mark(decision)} {wording.outcome_word(decision)}"
        first, *rest = wrap(wording.summary_sentence(decision), self.width, first=f"{word}  ", rest=_INDENT)
        painted = paint(word, wording.outcome_style(decision), color=self.color)
        self.lines.append(painted + first[len(word) :])
        self.lines.extend(rest)
        for text in announcements(decision):
            self.sentence(text, first="! ", style="unsure")

    def overview(self, decision: Decision) -> None:
        self.blank()
        for judgement in decision.judgements:
            mark = wording.outcome_mark(judgement)
            painted = paint(mark, wording.outcome_style(judgement), color=self.color)
            subject = (
                f"{safe_line(judgement.suite)}: {wording.versus(judgement)}: {wording.headline(judgement)}"
            )
            first, *rest = wrap(subject, self.width, first=f"{_INDENT}{mark} ")
            self.lines.append(first.replace(mark, painted, 1))
            self.lines.extend(rest)

    def judgement(self, judgement: Judgement, *, alone: bool) -> None:
        """Put one comparison on the page; ``alone``, its outcome already stands in the banner."""
        self.blank()
        subject = f"{safe_line(judgement.suite)}: {wording.versus(judgement)}"
        if alone:
            self.sentence(subject, style="strong")
        else:
            self._subject(judgement, subject)
        self._limits(judgement)
        self._money(judgement)
        self._diff(judgement)
        self._flips(judgement)
        self._answers(judgement)
        self._evidence(judgement)

    def _subject(self, judgement: Judgement, subject: str) -> None:
        word = f"{wording.outcome_mark(judgement)} {wording.outcome_word(judgement).lower()}"
        style = wording.outcome_style(judgement)
        gap = self.width - columns(subject) - columns(word)
        if gap >= 2:
            painted = paint(subject, "strong", color=self.color)
            self.lines.append(painted + " " * gap + paint(word, style, color=self.color))
        else:
            self.sentence(subject, style="strong")
            self.sentence(word, first=_INDENT, style=style)
        self.sentence(wording.headline(judgement), first=_INDENT)

    def listed(self, heading: str, items: Iterable[str]) -> None:
        items = list(items)
        if items:
            self.blank()
            self.sentence(heading, style="strong")
        for item in items:
            self.sentence(item, first="  · ")

    def _limits(self, judgement: Judgement) -> None:
        self.blank()
        if not judgement.checks:
            self.sentence("no limits are set, so nothing was judged", first=_INDENT)
            return
        rows = [_limit_cells(judgement, check) for check in judgement.checks if not is_quiet(check)]
        shape = (
            Column("limit on", widest=30, narrowest=16),
            Column("baseline → candidate" if judgement.baseline else "candidate", widest=28, narrowest=10),
            Column(wording.change_heading(judgement), widest=42, narrowest=_longest_word(rows, 2)),
            Column("budget", widest=20, narrowest=11),
            Column("verdict", widest=30, narrowest=15),
        )
        lines = table(shape, rows, width=self.width, indent=_INDENT, color=self.color)
        if lines is None:
            self._stacked_limits(judgement, rows)
        else:
            self.lines.extend(lines)
        why = wording.reasons(judgement)
        held = quiet_slices(judgement)
        if why or held or at_utilisations(judgement):
            self.blank()
        for said in held:
            self.sentence(said, first=f"{_INDENT}{wording.MARKS['pass']} ")
        for check, reason in why:
            self.sentence(reason, first=f"{_INDENT}{wording.check_mark(check)} ")
        for text, turns in at_utilisations(judgement):
            self.sentence(text, first=f"{_INDENT}{'?' if turns else '·'} ")

    def _stacked_limits(self, judgement: Judgement, rows: list[list[Cell]]) -> None:
        self.sentence(f"limits, {wording.change_heading(judgement)}", first=_INDENT, style="quiet")
        for subject, sides, change, budget, verdict in rows:
            self.sentence(f"{verdict.text}: {subject.text} {budget.text}", first=_INDENT, style=verdict.style)
            self.sentence(f"{sides.text};  {change.text}", first="      ")

    def _money(self, judgement: Judgement) -> None:
        self.heading("where the money went")
        rows = ledger(judgement)
        names = [safe_line(judgement.baseline or "", 22), safe_line(judgement.candidate, 22)]
        shape = [Column("", widest=24, narrowest=12)]
        shape += [Column(name, "right", 22, 14) for name in names if name]
        cells = [[Cell(text) for text in row if text] for row in rows]
        self.lines.extend(table(shape, cells, width=self.width, indent=_INDENT * 2, color=self.color) or [])
        for text in unpriced(judgement):
            self.sentence(text, first=_INDENT * 2)
        self.sentence(f"calls: {wording.calls(judgement)}", first=_INDENT * 2)
        self.sentence(f"spent on this run: {usd_or_missing(judgement.spend_usd)}", first=_INDENT * 2)
        if said := prompt_caches.said(judgement):
            self.sentence(said, first=_INDENT * 2)
        if said := judging(judgement):
            self.sentence(said, first=_INDENT * 2)
        if said := not_spent(judgement):
            self.sentence(said, first=_INDENT * 2)

    def _diff(self, judgement: Judgement) -> None:
        if not judgement.policy_diff:
            return
        self.heading("what the candidate changes")
        for line in judgement.policy_diff:
            self.sentence(safe_line(line, 300), first=_INDENT * 2)

    def _flips(self, judgement: Judgement) -> None:
        if not judgement.baseline:
            return
        self.heading("cases")
        self.sentence(wording.counts(judgement), first=_INDENT * 2)
        for kind, style in _FLIP_STYLES.items():
            flips = [flip for flip in judgement.flips if flip.kind == kind]
            if flips:
                self.sentence(kind, first=_INDENT * 2, style=style)
                self.lines.extend(_flip_lines(flips, self.width))
        confused = most_confused(judgement)
        if confused:
            self.sentence("most confused", first=_INDENT * 2)
        for said in confused:
            self.sentence(said, first=_INDENT * 3)

    def _answers(self, judgement: Judgement) -> None:
        rows = answer_rows(judgement)
        if not rows:
            return
        self.heading("answers")
        self._answer_lines(rows)
        slices = recovery_rows(judgement, small=False)
        if judgement.answers is None or not judgement.answers.requantized or not slices:
            return
        self.heading("accuracy recovered, worst slices first")
        self._answer_lines(slices[:_SLICES_SHOWN])
        if len(slices) > _SLICES_SHOWN:
            more = len(slices) - _SLICES_SHOWN
            self.sentence(f"and {more:,} more; --format json lists all", first=_INDENT * 2)

    def _answer_lines(self, rows: list[AnswerRow]) -> None:
        shape = [Column("", widest=40, narrowest=16), Column("baseline → candidate", "right", 24, 12)]
        shape.append(Column("share or change", widest=34, narrowest=24))
        cells = [[Cell(text) for text in row] for row in rows]
        self.lines.extend(table(shape, cells, width=self.width, indent=_INDENT * 2, color=self.color) or [])

    def _evidence(self, judgement: Judgement) -> None:
        rests = evidence(judgement)
        if rests:
            self.heading("what the numbers rest on")
        for text in both(rests):
            self.sentence(text, first=_INDENT * 2)


def _limit_cells(judgement: Judgement, check: Check) -> list[Cell]:
    words = wording.check_words(check)
    return [
        Cell(words.subject),
        Cell(words.sides),
        Cell(_unbroken(words.change) + wording.level_note(judgement, check)),
        Cell(words.budget),
        Cell(words.verdict, words.style),
    ]


def _unbroken(change: str) -> str:
    """Return the text with the interval's parenthesis kept on one line."""
    value, parenthesis, interval = change.partition("(")
    return value + parenthesis + interval.replace(" ", UNBREAKABLE)


def _longest_word(rows: list[list[Cell]], index: int) -> int:
    return max(columns(word) for row in rows for word in row[index].text.split(" "))


def _flip_lines(flips: list[Flip], width: int) -> Iterator[str]:
    shown = flips[:_FLIPS_SHOWN]
    ids = [safe_line(flip.case_id, 28) for flip in shown]
    widest = max(columns(case_id) for case_id in ids)
    for case_id, flip in zip(ids, shown, strict=True):
        baseline, candidate = safe_line(flip.baseline, 40) or '""', safe_line(flip.candidate, 40) or '""'
        said = f"{baseline} → {candidate}"
        if flip.target is not None:
            said += f"  (expected {safe_line(flip.target, 40)})"
        yield from wrap(said, width, first=f"      {pad(case_id, widest)}  ")
    if len(flips) > len(shown):
        yield f"      and {len(flips) - len(shown):,} more; --format json lists all"
