"""Where requests and money went, side by side."""

from collections.abc import Callable

from evalgate.core.batch_use import BatchUse
from evalgate.core.gateway_use import GatewayUse
from evalgate.core.hosting_file import Hosting
from evalgate.core.hosting_use import HostingUse
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.verdict import CacheUse, CascadeUse, Judgement, SideSummary
from evalgate.report import prompt_caches
from evalgate.report.numbers import (
    MISSING,
    count,
    pair,
    percent,
    seconds,
    share_or_missing,
    usd,
    usd_or_missing,
)
from evalgate.report.safe_text import safe_line
from evalgate.report.tried import LedgerRow, side_by_side, tried_rows, wasted_rows


def ledger(judgement: Judgement) -> list[LedgerRow]:
    """Return the rows, without those levers that neither side has."""
    before, after = judgement.baseline_side, judgement.candidate_side
    rows = [
        LedgerRow("cost per request", *side_by_side(before.cost_per_request_usd, after.cost_per_request_usd)),
        LedgerRow("of it for retries", *side_by_side(before.retries_usd, after.retries_usd)),
        LedgerRow("of it for fallbacks", *side_by_side(before.fallbacks_usd, after.fallbacks_usd)),
        *wasted_rows(before, after),
        *stakes(judgement),
        *_cascade_costs(before.cascade, after.cascade),
        *_machines(before, after),
        LedgerRow("cache hits", *_shares(before.cache_hit_share, after.cache_hit_share)),
        *_hits(before.cache, after.cache),
        LedgerRow("strong share", *_shares(before.strong_share, after.strong_share)),
        *_cascade(before.cascade, after.cascade),
        *_served_by(before, after),
        *_batches(before.batch, after.batch),
        *tried_rows(before, after),
        *(LedgerRow(*row) for row in prompt_caches.rows(judgement)),
        *_behind(before.gateway, after.gateway),
        *_held_back(before.queued_s, after.queued_s),
    ]
    told = [row for row in rows if not _idle(row)]
    return told if judgement.baseline else [row._replace(baseline="") for row in told]


def unpriced(judgement: Judgement) -> list[str]:
    """Return why a cost in the ledger is missing, as safe text."""
    sides = (judgement.baseline_side, judgement.candidate_side)
    missing = [
        f"cost per request of {side.policy}: {side.cost_per_request_usd.reason}"
        for side in (sides if judgement.baseline else sides[1:])
        if isinstance(side.cost_per_request_usd, Unmeasured)
    ]
    return list(dict.fromkeys(safe_line(text, 300) for text in missing))


def not_spent(judgement: Judgement) -> str:
    """Return what stopping early left undone, in words; empty where nothing could be."""
    found = judgement.not_spent
    if found is None:
        return ""
    if found.cases == found.cases_total:
        return f"not spent: nothing, it took all {count(found.cases, 'case')} to decide"
    usd = usd_or_missing(found.usd)
    return (
        f"not spent: about {usd} for {count(found.calls, 'call')} not made, "
        f"as {found.cases:,} of {count(found.cases_total, 'case')} decided"
    )


def stakes(judgement: Judgement) -> list[LedgerRow]:
    """Return what wrong answers and a month of traffic cost, as far as the suite speaks of them."""
    return [*_cleanup(judgement.baseline_side, judgement.candidate_side), *_month(judgement)]


def _cleanup(before: SideSummary, after: SideSummary) -> list[LedgerRow]:
    if after.cleanup_usd is None:
        return []
    return [
        LedgerRow("cleanup per request", *side_by_side(before.cleanup_usd or 0.0, after.cleanup_usd)),
        LedgerRow("cost per correct", *_values(before.cost_per_correct, after.cost_per_correct)),
        LedgerRow("without cleanup", *_values(before.without_cleanup, after.without_cleanup)),
    ]


def _month(judgement: Judgement) -> list[LedgerRow]:
    before, after = judgement.baseline_side.month_usd, judgement.candidate_side.month_usd
    if after is None or before is None:
        return []
    # The label says how much traffic that is; a month without a number of requests means nothing.
    label = f"per month of {judgement.requests_per_month or 0:,}"
    return [LedgerRow(label, *side_by_side(before, after))]


def _values(first: Measured | None, second: Measured | None) -> tuple[str, str]:
    none = Unmeasured("")
    known = [each.value if isinstance(each, Estimate) else none for each in (first, second)]
    return side_by_side(known[0], known[1])


def judging(judgement: Judgement) -> str:
    """Return what grading took of models, in words and safe text; empty where no model was asked."""
    use = judgement.judging
    if use is None:
        return ""
    said = f"judging: {count(use.calls, 'call')} to {safe_line(', '.join(use.models), 100)}"
    said += f", {usd_or_missing(use.spend_usd)}, which is no policy's cost"
    if use.errors:
        said += f"; {count(use.errors, 'answer')} left without a grade, as the reply could not be used"
    return said


def _shares(first: float | None, second: float | None) -> tuple[str, str]:
    if first is None or second is None:
        return share_or_missing(first), share_or_missing(second)
    return pair("percent", first, second)


def _hits(before: CacheUse | None, after: CacheUse | None) -> list[LedgerRow]:
    sides = (before, after)
    if not any(side is not None and side.hits for side in sides):
        return []
    return [
        LedgerRow(
            "right hits", *(_known(side, lambda use: use.positive_hit_rate, percent) for side in sides)
        ),
        LedgerRow(
            "false hits per hit", *(_known(side, lambda use: use.false_per_hit, percent) for side in sides)
        ),
        LedgerRow(
            "false hits per 1,000",
            *(_known(side, lambda use: use.false_per_1000_requests, "{:.3g}".format) for side in sides),
        ),
        LedgerRow("stale hits", *(MISSING if side is None else f"{side.stale:,}" for side in sides)),
        *_more_hits("hits by meaning", *(None if side is None else side.by_meaning for side in sides)),
        *_more_hits("hits that waited", *(None if side is None else side.waited for side in sides)),
    ]


def _behind(before: GatewayUse | None, after: GatewayUse | None) -> list[LedgerRow]:
    sides = (before, after)
    if sides == (None, None):
        return []
    first, second = (None if side is None else side.cache_hit_share for side in sides)
    retries = (MISSING if side is None or side.retries is None else f"{side.retries:,}" for side in sides)
    others = (MISSING if side is None or side.fallbacks is None else f"{side.fallbacks:,}" for side in sides)
    return [
        LedgerRow("gateway's cache hits", *_shares(first, second)),
        LedgerRow("gateway's retries", *retries),
        LedgerRow("gateway's fallbacks", *others),
    ]


def _held_back(before_s: float, after_s: float) -> list[LedgerRow]:
    if not before_s and not after_s:
        return []
    return [LedgerRow("held back by our limits", f"{before_s:.1f} s", f"{after_s:.1f} s")]


def _more_hits(label: str, before: int | None, after: int | None) -> list[LedgerRow]:
    """A row for what most caches do not do, where one of the two does."""
    shown = [MISSING if number is None else f"{number:,}" for number in (before, after)]
    return [LedgerRow(label, *shown)] if before or after else []


def _cascade_costs(before: CascadeUse | None, after: CascadeUse | None) -> list[LedgerRow]:
    if before is None and after is None:
        return []
    up = [0.0 if side is None else side.escalations_usd for side in (before, after)]
    sure = [0.0 if side is None else side.confidence_usd for side in (before, after)]
    return [
        LedgerRow("of it for escalations", *side_by_side(up[0], up[1])),
        LedgerRow("of it to be sure", *side_by_side(sure[0], sure[1])),
    ]


def _machines(before: SideSummary, after: SideSummary) -> list[LedgerRow]:
    rows = []
    sides = [{use.deployment: use for use in side.hosting} for side in (before, after)]
    for alias in dict.fromkeys([*sides[0], *sides[1]]):
        uses = [side.get(alias) for side in sides]
        name = safe_line(alias, 20)
        costs = [0.0 if use is None else use.usd_per_request for use in uses]
        rows.append(LedgerRow(f"of it for {name}'s machines", *side_by_side(costs[0], costs[1])))
        rows.append(
            LedgerRow(
                f"{name}'s machines", *(MISSING if use is None else machines(use.hosting) for use in uses)
            )
        )
        rows.append(LedgerRow("goodput of each", *map(_goodput, uses)))
    return rows


def machines(hosting: Hosting) -> str:
    """Return what machines of one's own cost and how full they are."""
    accelerators = hosting.replicas * hosting.accelerators
    return f"{accelerators:,} at {usd(hosting.usd_per_hour)}/h, {100 * hosting.utilisation:.3g}% full"


def _goodput(use: HostingUse | None) -> str:
    if use is None:
        return MISSING
    counted = "tokens" if use.goodput.counted == "output tokens" else "requests"
    return f"{use.goodput.per_s:.3g} {counted}/s"


def _cascade(before: CascadeUse | None, after: CascadeUse | None) -> list[LedgerRow]:
    rates = [None if side is None else side.escalation_rate for side in (before, after)]
    return [LedgerRow("escalated", *_shares(rates[0], rates[1]))]


def _batches(before: BatchUse | None, after: BatchUse | None) -> list[LedgerRow]:
    sides = (before, after)
    if sides == (None, None):
        return []
    shares = [0.0 if side is None else side.share for side in sides]
    windows = [MISSING if side is None else seconds(side.window_s) for side in sides]
    return [LedgerRow("served by a batch", *_shares(*shares)), LedgerRow("its answers within", *windows)]


def _known(
    side: CacheUse | None,
    number: Callable[[CacheUse], float | Unmeasured],
    shown: Callable[[float], str],
) -> str:
    found = None if side is None else number(side)
    return MISSING if found is None or isinstance(found, Unmeasured) else shown(found)


def _served_by(before: SideSummary, after: SideSummary) -> list[LedgerRow]:
    first, second = dict(before.deployment_shares), dict(after.deployment_shares)
    return [
        LedgerRow(
            f"served by {safe_line(alias, 30)}", *_shares(first.get(alias, 0.0), second.get(alias, 0.0))
        )
        for alias in dict.fromkeys([*first, *second])
    ]


def _idle(row: LedgerRow) -> bool:
    """Whether the row is about a lever that neither side has or pays for; the cost itself always stands."""
    values = {row.baseline, row.candidate}
    return row.label != "cost per request" and (values in ({MISSING}, {"$0"}))
