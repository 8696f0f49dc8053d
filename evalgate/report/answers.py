"""What became of the answers, in words: the same rows in every format."""

from typing import NamedTuple

from evalgate.core.answers import AnswerChanges, Recovery
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.verdict import Judgement
from evalgate.report.numbers import MISSING, Kind, count, pair, with_interval
from evalgate.report.safe_text import safe_line

# Below this many cases a slice says little about itself, here as in the limits.
SMALL = 30


class AnswerRow(NamedTuple):
    """One line; ``sides`` is empty where a number is known of both policies together only."""

    label: str
    sides: str
    change: str


def answer_rows(judgement: Judgement) -> list[AnswerRow]:
    """Return what became of the answers, as safe text; nothing where no answer was asked for anew."""
    found = judgement.answers
    if found is None or _same(found.changed):
        return []
    before, after = found.length.baseline, found.length.candidate
    return [
        AnswerRow("read otherwise", "", _share(found.changed)),
        AnswerRow("flipped", "", _share(found.flips.candidate)),
        *_by_chance(found),
        AnswerRow(
            "format failures",
            _sides(found.format_failures.baseline, found.format_failures.candidate, "percent"),
            _moved(found.format_failures.change, "points"),
        ),
        AnswerRow(
            f"length in {found.length_unit}",
            _sides(before, after, "length"),
            _moved(found.length.change, "percent"),
        ),
        AnswerRow(
            "accuracy recovered",
            _sides(found.overall.baseline, found.overall.candidate, "percent"),
            _share(found.overall.recovery),
        ),
    ]


def recovery_rows(judgement: Judgement, *, small: bool) -> list[AnswerRow]:
    """Return the recovery of each slice, the worst first, as safe text; ``small`` ones on demand."""
    found = judgement.answers
    if found is None or _same(found.changed):
        return []
    return [_recovery(each) for each in found.slices if small or each.n >= SMALL]


def why_unknown(judgement: Judgement) -> list[str]:
    """Return why a number of the rows is missing, as safe text, what is by chance first."""
    found = judgement.answers
    if found is None or _same(found.changed):
        return []
    measured = (
        found.flips.baseline,
        found.changed,
        found.flips.candidate,
        found.length.change,
        found.overall.recovery,
    )
    reasons = [each.reason for each in measured if isinstance(each, Unmeasured)]
    return [safe_line(reason, 300) for reason in dict.fromkeys(reasons)]


def _same(measured: Measured) -> bool:
    return isinstance(measured, Estimate) and measured.method == "identical"


def _by_chance(found: AnswerChanges) -> list[AnswerRow]:
    own = found.flips.baseline
    if isinstance(own, Unmeasured):
        return [AnswerRow("of it by chance", "", "not known")]
    return [
        AnswerRow("of it by chance", "", _share(own)),
        AnswerRow("beyond chance", "", _moved(found.flips.change, "points")),
    ]


def _recovery(each: Recovery) -> AnswerRow:
    where = f"{safe_line(each.key or '', 30)} {safe_line(each.slice or '', 40)}"
    return AnswerRow(
        f"{where} ({count(each.n, 'case')})",
        _sides(each.baseline, each.candidate, "percent"),
        _share(each.recovery),
    )


def _share(measured: Measured) -> str:
    return MISSING if isinstance(measured, Unmeasured) else with_interval(measured, "percent", signed=False)


def _moved(measured: Measured, kind: Kind) -> str:
    if isinstance(measured, Unmeasured):
        return MISSING
    if measured.low == measured.value == measured.high == 0:
        return "none"
    return with_interval(measured, kind, signed=True)


def _sides(before: Measured, after: Measured, kind: Kind) -> str:
    match before, after:
        case Estimate(value=first), Estimate(value=second):
            return " → ".join(pair(kind, first, second))
        case _:
            return " → ".join(
                MISSING if isinstance(each, Unmeasured) else pair(kind, each.value, each.value)[0]
                for each in (before, after)
            )
