"""The words and marks that every format uses for the same thing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalgate.core.errors import ExitCode
from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.verdict import Check, Decision, Judgement, Verdict
from evalgate.report.layout import Style
from evalgate.report.numbers import (
    MISSING,
    allowance,
    change_kind,
    count,
    level,
    pair,
    value_kind,
    with_interval,
)
from evalgate.report.safe_text import safe_line

MARKS: dict[Verdict, str] = {"pass": "✓", "fail": "✗", "inconclusive": "?"}
STYLES: dict[Verdict, Style] = {"pass": "good", "fail": "bad", "inconclusive": "unsure"}
SENTENCE = 400
_NUMBER = re.compile(r"[0-9][0-9.,]*")

_EXITS = {
    ExitCode.OK: "nothing blocked",
    ExitCode.BLOCKED: "blocked, a budget is exceeded (proven)",
    ExitCode.BLOCKED_UNPROVEN: "blocked without proof: the data do not show that the budget is kept",
}


@dataclass(frozen=True, slots=True)
class CheckWords:
    """One check in words: what a row of any table holds. ``slice`` is safe text."""

    metric: str
    slice: str | None
    baseline: str
    candidate: str
    change: str
    budget: str
    verdict: str
    style: Style

    @property
    def subject(self) -> str:
        """The metric and, where the limit is about one slice, its name."""
        return self.metric if self.slice is None else f"{self.metric} [{self.slice}]"

    @property
    def sides(self) -> str:
        """Both values with an arrow; the candidate's alone where there is no baseline."""
        return self.candidate if self.baseline == MISSING else f"{self.baseline} → {self.candidate}"


def check_words(check: Check) -> CheckWords:
    """Return a check in words."""
    baseline, candidate = _sides(check)
    return CheckWords(
        metric=METRICS[check.metric].heading,
        slice=None if check.slice is None else safe_line(check.slice, 60),
        baseline=baseline,
        candidate=candidate,
        change=_change(check),
        budget=allowance(check),
        verdict=_verdict(check),
        style=check_style(check) if check.gated else "quiet",
    )


def check_word(check: Check) -> str:
    """Return the verdict on a limit, and that it is waived."""
    return check.verdict if check.waiver is None else f"{check.verdict}, waived"


def check_mark(check: Check) -> str:
    """Return the mark beside the verdict on a limit."""
    return MARKS[check.verdict] if check.waiver is None else "⚠"


def check_style(check: Check) -> Style:
    """Return the colour of the verdict on a limit."""
    return STYLES[check.verdict] if check.waiver is None else "unsure"


def outcome_word(decision: Decision | Judgement) -> str:
    """Return what follows from the data, in a word or two."""
    if decision.blocked:
        return "BLOCKED"
    if is_waived(decision):
        return "WAIVED"
    return {"pass": "PASS", "fail": "FAIL, NOT GATED", "inconclusive": "INCONCLUSIVE, NOT BLOCKED"}[
        decision.verdict
    ]


def outcome_mark(decision: Decision | Judgement) -> str:
    """Return the mark beside the word: a block is a cross whatever it was blocked for."""
    if is_waived(decision) and not decision.blocked:
        return "⚠"
    return "✗" if decision.blocked else MARKS[decision.verdict]


def outcome_style(decision: Decision | Judgement) -> Style:
    """Return the colour of the word."""
    if is_waived(decision) and not decision.blocked:
        return "unsure"
    return "bad" if decision.blocked else STYLES[decision.verdict]


def is_waived(decision: Decision | Judgement) -> bool:
    """Whether anything is let pass by a waiver."""
    judgements = decision.judgements if isinstance(decision, Decision) else (decision,)
    return any(check.waiver is not None for judgement in judgements for check in judgement.checks)


def summary_sentence(decision: Decision) -> str:
    """Return the sentence that stands beside the word."""
    judgements = decision.judgements
    if not judgements:
        return "there is nothing to judge" if decision.verdict != "pass" else "nothing that is judged changed"
    if len(judgements) == 1:
        return headline(judgements[0])
    blocked = sum(judgement.blocked for judgement in judgements)
    unsure = sum(judgement.verdict == "inconclusive" and not judgement.blocked for judgement in judgements)
    said = f"{blocked:,} of {count(len(judgements), 'comparison')} blocked"
    return f"{said}, {unsure:,} inconclusive" if unsure else said


def headline(judgement: Judgement) -> str:
    """Return the judgement's own sentence, as safe text."""
    return safe_line(judgement.headline, SENTENCE)


def versus(judgement: Judgement) -> str:
    """Return which policies were compared, as safe text."""
    candidate = safe_line(judgement.candidate)
    if not judgement.baseline:
        return f"{candidate} (no baseline)"
    return f"{safe_line(judgement.baseline)} → {candidate}"


def change_heading(judgement: Judgement) -> str:
    """Return the heading over the intervals: it names their level where all have the same."""
    levels = {check.level for check in judgement.checks}
    return f"change ({level(levels.pop())} interval)" if len(levels) == 1 else "change (interval)"


def level_note(judgement: Judgement, check: Check) -> str:
    """Return the check's own level where the checks of one table differ in it."""
    levels = {each.level for each in judgement.checks}
    return f" at {level(check.level)}" if len(levels) > 1 and isinstance(check.change, Estimate) else ""


def reasons(judgement: Judgement) -> list[tuple[Check, str]]:
    """Return why each check that did not simply pass came out so, naming its subject, as safe text."""
    wanted = [check for check in judgement.checks if check.verdict != "pass" or not check.gated]
    return [(check, text) for check in wanted if (text := _reason(check))]


def notes(decision: Decision) -> list[str]:
    """Return every note and assumption once, as safe text.

    What holds for one of several comparisons alone begins with its name.
    """
    told: dict[str, list[Judgement]] = {}
    for judgement in decision.judgements:
        for note in _notes_of(judgement):
            told.setdefault(note, []).append(judgement)
    several = len(decision.judgements) > 1
    lines = [safe_line(note, SENTENCE) for note in decision.notes]
    for note, where in told.items():
        only = where[0] if several and len(where) == 1 else None
        lines.append(f"{safe_line(only.suite)}, {safe_line(only.candidate)}: {note}" if only else note)
    return list(dict.fromkeys(lines))


def counts(judgement: Judgement) -> str:
    """Return the 2x2 of the cases in words."""
    cases = judgement.cases
    said = (
        f"{cases.broke:,} broke, {cases.fixed:,} fixed, {cases.both_right:,} right on both sides, "
        f"{cases.both_wrong:,} wrong on both; {count(cases.total, 'case')}"
    )
    return f"{said}, {cases.failed:,} of them without an answer" if cases.failed else said


def calls(judgement: Judgement) -> str:
    """Return how the calls were come by, in words."""
    numbers = judgement.calls
    return (
        f"{numbers.needed:,} needed, {numbers.reused:,} reused, {numbers.made:,} made ({judgement.mode} mode)"
    )


def exit_sentence(decision: Decision) -> str:
    """Return what the process tells the shell, in words."""
    return f"exit code {int(decision.exit_code)}: {_EXITS.get(decision.exit_code, 'could not judge')}"


def _sides(check: Check) -> tuple[str, str]:
    kind = value_kind(check)
    match check.baseline, check.candidate:
        case Estimate(value=before), Estimate(value=after):
            return pair(kind, before, after)
        case Estimate(value=before), Unmeasured():
            return pair(kind, before, before)[0], MISSING
        case Unmeasured(), Estimate(value=after):
            return MISSING, pair(kind, after, after)[0]
        case _:
            return MISSING, MISSING


def _change(check: Check) -> str:
    if check.limit in ("min", "max"):
        # An absolute limit is judged on the candidate alone, so its interval is the candidate's.
        if isinstance(check.candidate, Unmeasured):
            return _unmeasured(check)
        return f"is {with_interval(check.candidate, value_kind(check), signed=False)}"
    if isinstance(check.change, Unmeasured):
        return _unmeasured(check)
    if check.change.low == check.change.value == check.change.high == 0:
        return "none, identical"
    return with_interval(check.change, change_kind(check), signed=True)


def _unmeasured(check: Check) -> str:
    """A limit on times passes without a number only where there is no wait that it could be about."""
    return (
        "does not apply" if check.verdict == "pass" and METRICS[check.metric].unit == "s" else "not measured"
    )


def _verdict(check: Check) -> str:
    said = f"{check_mark(check)} {check_word(check)}"
    if check.blocked and check.verdict != "fail":
        said += ", blocks"
    return said if check.gated else f"{said}, not gated"


def _notes_of(judgement: Judgement) -> Iterator[str]:
    """A slice says much the same as the whole with other numbers; that stands in the JSON, not here."""
    said: set[str] = set()
    for note in judgement.notes:
        yield safe_line(note, SENTENCE)
    for check in sorted(judgement.checks, key=lambda check: check.slice is not None):
        for assumption in check.assumptions:
            shape = _NUMBER.sub("0", assumption)
            if check.slice is None:
                yield safe_line(assumption, SENTENCE)
            elif shape not in said:
                yield f"{check_words(check).subject}: {safe_line(assumption, SENTENCE)}"
            said.add(shape)


def _reason(check: Check) -> str:
    missing = [
        side.reason
        for side in (check.baseline, check.candidate, check.change)
        if isinstance(side, Unmeasured) and side.reason not in check.reason
    ]
    said = "; ".join(dict.fromkeys(part for part in (check.reason, *missing) if part))
    if check.cases_needed is not None and str(check.cases_needed) not in said.replace(",", ""):
        said += f"; about {count(check.cases_needed, 'case')} would decide"
    words = check_words(check)
    named = said.startswith((words.metric, METRICS[check.metric].name))
    about = said if named else f"{words.subject}: {said}"
    return safe_line(about, SENTENCE) if said else ""
