"""Where the money went: from the baseline's cost of a request to the candidate's, lever by lever."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from evalgate.core.numbers import Unmeasured
from evalgate.core.policy_file import Price
from evalgate.core.report_data import ComparisonData, LeverEffect, Waterfall
from evalgate.core.run import Run
from evalgate.core.verdict import SideSummary
from evalgate.report.html.attempts import attempts_table
from evalgate.report.html.markup import Html, joined, tag
from evalgate.report.html.prompt_caches import cold_and_warm
from evalgate.report.html.scales import Scale
from evalgate.report.html.section import Place, cell, header_row, section, stacking_table
from evalgate.report.html.svg import path, place, scroller, svg
from evalgate.report.html.typeset import typeset
from evalgate.report.numbers import count, percent, usd, usd_column
from evalgate.report.safe_text import safe_line

_WIDTH, _HEIGHT = 300, 34
# Sums of binary fractions leave dust; a lever or residual this small against the costs is none.
_DUST = 1e-9
_MOST_DETAILS = 4
_WHEN = ("per request", "per month")


@dataclass(frozen=True, slots=True)
class _Row:
    """One bar from ``start`` to ``end`` USD a request."""

    label: str
    details: Sequence[str]
    start: float
    end: float
    role: str

    @property
    def usd(self) -> float:
        return self.end - self.start if self.role == "lever" else self.end


def waterfall_section(data: ComparisonData, where: Place) -> Html:
    """Return the waterfall per request and, where traffic is known, per month."""
    found = data.waterfall
    if isinstance(found, Unmeasured):
        why = f"The cost of a request cannot be split: {safe_line(found.reason, 300)}."
        beside = attempts_table(data.judgement), cold_and_warm(data.judgement)
        return section(where, "money", "Where the money went", why, *beside)
    rows = _rows(found, data)
    monthly = data.candidate.manifest.requests_per_month
    scale = Scale(0.0, max(max(row.start, row.end) for row in rows) * 1.04 or 1.0, 2.0, _WIDTH - 2.0)
    head = header_row(
        ("lever", ""), ("bar", "unseen"), *((when, "num") for when in _WHEN[: 2 if monthly else 1])
    )
    columns = [_amounts(rows, 1)] + ([_amounts(rows, monthly)] if monthly else [])
    body = joined(
        _table_row(row, rows[index - 1] if index else None, scale, [column[index] for column in columns])
        for index, row in enumerate(rows)
    )
    caption = "Cost of a request, from baseline to candidate"
    return section(
        where,
        "money",
        "Where the money went",
        _lead(monthly),
        scroller("Where the money went", stacking_table(caption, head, [body], "waterfall")),
        _unchanged(found),
        attempts_table(data.judgement),
        cold_and_warm(data.judgement),
    )


def _lead(monthly: int | None) -> str:
    said = (
        "The mean cost of a request, lever by lever. Levers that act together on a case share their effect "
        "equally over every order (Shapley), so the split does not depend on one. Judges are not in it: "
        "production does not pay them."
    )
    return f"{said} A month is {monthly:,} requests." if monthly else said


def _rows(found: Waterfall, data: ComparisonData) -> list[_Row]:
    judgement = data.judgement
    rows = [_Row(safe_line(judgement.baseline or "", 40), ("baseline",), 0.0, found.baseline_usd, "base")]
    at = found.baseline_usd
    for effect in found.effects:
        if _moves(effect.usd, found):
            rows.append(_Row(effect.lever, _detail(effect, data), at, at + effect.usd, "lever"))
            at += effect.usd
    residual = found.residual_usd if _moves(found.residual_usd, found) else 0.0
    rows.append(_Row("residual", ("what no lever explains",), at, at + residual, "lever"))
    rows.append(_Row(safe_line(judgement.candidate, 40), ("candidate",), 0.0, found.candidate_usd, "cand"))
    return rows


def _moves(amount: float, found: Waterfall) -> bool:
    return abs(amount) > _DUST * max(found.baseline_usd, found.candidate_usd)


def _unchanged(found: Waterfall) -> Html | None:
    still = [effect.lever for effect in found.effects if not _moves(effect.usd, found)]
    return tag("p", f"Without effect here: {', '.join(still)}.", class_="lead") if still else None


def _amounts(rows: Sequence[_Row], times: int) -> list[str]:
    """A column of money: signed where a lever moves it, all with the same decimals."""
    texts = usd_column([row.usd * times for row in rows])
    return [
        typeset(f"+{text}" if row.role == "lever" and row.usd > 0 else text)
        for row, text in zip(rows, texts, strict=True)
    ]


def _table_row(row: _Row, before: _Row | None, scale: Scale, amounts: Sequence[str]) -> Html:
    details = [
        tag("span", f"{detail};" if index < len(row.details) else detail, class_="phrase")
        for index, detail in enumerate(row.details, 1)
    ]
    spaced = [part for detail in details for part in (detail, " ")]
    return tag(
        "tr",
        tag(
            "th",
            tag("bdi", row.label),
            tag("span", *spaced, class_="detail") if spaced else None,
            scope="row",
            role="rowheader",
        ),
        cell(_bar(row, before, scale), "mark-cell"),
        *(cell(amount, "num", when) for amount, when in zip(amounts, _WHEN, strict=False)),
        class_=None if row.role == "lever" else "total",
        role="row",
    )


def _bar(row: _Row, before: _Row | None, scale: Scale) -> Html:
    left, right = sorted((scale(row.start), scale(row.end)))
    lever = row.role == "lever"
    direction = "" if not lever or row.start == row.end else " saves" if row.end < row.start else " costs"
    level = None if before is None else scale(before.end)
    drop = (
        None if level is None else path(f"M{place(level)} 0V{_HEIGHT if not lever else _HEIGHT / 2}", "step")
    )
    rest = path(f"M{place(scale(row.end))} {_HEIGHT / 2}V{_HEIGHT}", "step") if row.role != "cand" else None
    bar = tag(
        "rect",
        x=left,
        y=9,
        width=max(right - left, 1.5),
        height=_HEIGHT - 18,
        class_=f"bar {row.role}{direction}",
    )
    return svg(_WIDTH, _HEIGHT, drop, rest, bar, stretch=True)


def _detail(effect: LeverEffect, data: ComparisonData) -> Sequence[str]:
    """What moved with the money. A lever that is known by its calls alone says how many there are."""
    before, after = data.judgement.baseline_side, data.judgement.candidate_side
    runs = (data.baseline or data.candidate, data.candidate)
    said: dict[str, Callable[[], Sequence[str]]] = {
        "cache hits": lambda: (f"{_hits(before)} → {_hits(after)} of requests", _false_hits(before, after)),
        "share per deployment": lambda: _shares(before, after),
        "unit prices": lambda: _prices(*runs),
        "tokens per call": lambda: (" → ".join(map(_tokens, runs)) + " on average",),
        "prompt caching": lambda: (" → ".join(map(_cached, runs)) + " of the input cached",),
        "retries": lambda: (f"{before.retries:,} → {after.retries:,}",),
        "fallbacks": lambda: (f"{before.fallbacks:,} → {after.fallbacks:,}",),
        "hedges": lambda: (f"{_calls(runs[0], 'hedge'):,} → {_calls(runs[1], 'hedge'):,} calls",),
        "escalations": lambda: (f"{_escalated(before)} → {_escalated(after)} of requests",),
        "samples and verifiers": lambda: (f"{_checks(before):,} → {_checks(after):,} calls",),
    }
    if effect.lever in said:
        return said[effect.lever]()
    calls = [_calls(run, effect.lever) for run in runs]
    return (f"{calls[0]:,} → {count(calls[1], 'call')}",) if any(calls) else ()


def _calls(run: Run, role: str) -> int:
    return sum(step.role == role for graded in run.results for step in graded.outcome.steps)


def _hits(side: SideSummary) -> str:
    return percent(side.cache_hit_share or 0.0)


def _escalated(side: SideSummary) -> str:
    return percent(side.cascade.escalation_rate if side.cascade is not None else 0.0)


def _checks(side: SideSummary) -> int:
    return side.cascade.checks if side.cascade is not None else 0


def _false_hits(before: SideSummary, after: SideSummary) -> str:
    told = [usage.false if usage is not None else 0 for usage in (before.cache, after.cache)]
    return f"false hits {told[0]:,} → {told[1]:,}"


def _shares(before: SideSummary, after: SideSummary) -> Sequence[str]:
    first, second = dict(before.deployment_shares), dict(after.deployment_shares)
    moved = [
        f"{safe_line(alias, 30)} {percent(first.get(alias, 0.0))} → {percent(second.get(alias, 0.0))}"
        for alias in dict.fromkeys([*first, *second])
        if first.get(alias) != second.get(alias)
    ]
    return _few(moved)


def _prices(baseline: Run, candidate: Run) -> Sequence[str]:
    before, after = baseline.manifest.prices, candidate.manifest.prices
    return _few(
        [
            _requantized(alias, baseline, candidate) + _price_change(before[alias], after[alias])
            for alias in before
            if alias in after and before[alias] != after[alias]
        ]
    )


def _requantized(alias: str, baseline: Run, candidate: Run) -> str:
    """The deployment, with its number format where that is what the other price is for."""
    before, after = (run.manifest.quantizations.get(alias, "") for run in (baseline, candidate))
    named = safe_line(alias, 30)
    if before == after:
        return named
    return f"{named}, {safe_line(before or 'as it is', 20)} → {safe_line(after or 'as it is', 20)}"


def _price_change(before: Price, after: Price) -> str:
    said = [
        f"{word} {usd(first)} → {usd(second)}"
        for word, first, second in (
            ("input", before.input_per_1m, after.input_per_1m),
            ("output", before.output_per_1m, after.output_per_1m),
        )
        if first != second
    ]
    return f": {', '.join(said) or 'other terms'} per million tokens"


def _tokens(run: Run) -> str:
    steps = [step for graded in run.results for step in graded.outcome.steps]
    usages = [step.attempts[-1].usage for step in steps if step.attempts]
    known = [((usage.input_tokens or 0), (usage.output_tokens or 0)) for usage in usages if usage is not None]
    if not known:
        return "unknown"
    return f"{fmean(first for first, _ in known):.1f} in, {fmean(second for _, second in known):.1f} out"


def _cached(run: Run) -> str:
    """The share of the input that was read from provider caches."""
    usages = [step.attempts[-1].usage for graded in run.results for step in graded.outcome.steps]
    read = sum(usage.cached_input_tokens or 0 for usage in usages if usage is not None)
    whole = sum(usage.input_tokens or 0 for usage in usages if usage is not None)
    return percent(read / whole) if whole else "none"


def _few(said: Sequence[str]) -> Sequence[str]:
    more = len(said) - _MOST_DETAILS
    return (*said[:_MOST_DETAILS], f"and {more} more") if more > 0 else said
