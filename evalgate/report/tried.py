"""What became of attempts, side by side: rows of the ledger that also stand alone."""

from collections.abc import Callable
from typing import NamedTuple

from evalgate.core.numbers import Unmeasured
from evalgate.core.reliability_use import ReliabilityUse
from evalgate.core.verdict import Judgement, SideSummary
from evalgate.report.numbers import MISSING, pair, usd_or_missing

# What a row is called where it does not stand below the cost that it is a part of.
_ALONE = {"of it wasted": "wasted per request"}


class LedgerRow(NamedTuple):
    """One line of the ledger; ``baseline`` is empty where there is no baseline. All of it is safe text."""

    label: str
    baseline: str
    candidate: str


def tried(judgement: Judgement) -> list[LedgerRow]:
    """Return what became of attempts; nothing where every call of both sides answered at once."""
    before, after = judgement.baseline_side, judgement.candidate_side
    if not _eventful(before, after):
        return []
    rows = [*tried_rows(before, after), *wasted_rows(before, after)]
    told = [row._replace(label=_ALONE.get(row.label, row.label)) for row in rows]
    return told if judgement.baseline else [row._replace(baseline="") for row in told]


def tried_rows(before: SideSummary, after: SideSummary) -> list[LedgerRow]:
    """Return the rows that count."""
    return [
        LedgerRow("retries", f"{before.retries:,}", f"{after.retries:,}"),
        LedgerRow("fallbacks", f"{before.fallbacks:,}", f"{after.fallbacks:,}"),
        *(_attempts(before, after) if _eventful(before, after) else []),
        LedgerRow("failures", f"{before.failures:,}", f"{after.failures:,}"),
    ]


def wasted_rows(before: SideSummary, after: SideSummary) -> list[LedgerRow]:
    """Return what was paid for nothing."""
    if not _eventful(before, after):
        return []
    first, second = (
        0.0 if use is None else use.wasted_usd for use in (before.reliability, after.reliability)
    )
    return [LedgerRow("of it wasted", *side_by_side(first, second))]


def side_by_side(first: float | Unmeasured, second: float | Unmeasured) -> tuple[str, str]:
    """Return two amounts with digits enough to tell them apart."""
    if isinstance(first, Unmeasured) or isinstance(second, Unmeasured):
        return usd_or_missing(first), usd_or_missing(second)
    return pair("usd", first, second)


def _eventful(before: SideSummary, after: SideSummary) -> bool:
    return any(use is not None and use.eventful for use in (before.reliability, after.reliability))


def _attempts(before: SideSummary, after: SideSummary) -> list[LedgerRow]:
    sides = before.reliability, after.reliability

    def row(label: str, shown: Callable[[ReliabilityUse], str]) -> LedgerRow:
        return LedgerRow(label, *(MISSING if use is None else shown(use) for use in sides))

    counts = [(0, 0, 0) if use is None else (use.faulted, use.hedges, use.skipped) for use in sides]
    met, beside, alone = (any(numbers) for numbers in zip(*counts, strict=True))
    return [
        row("attempts per request", lambda use: f"{use.attempts_per_request:.3f}"),
        *([row("attempts into faults", lambda use: f"{use.faulted:,}")] if met else []),
        *([row("hedges won", lambda use: f"{use.hedges_won:,} of {use.hedges:,}")] if beside else []),
        *([row("left alone to cool down", lambda use: f"{use.skipped:,}")] if alone else []),
    ]
