"""The share of the cache's hits that are false, over distinct pairs of questions.

A hot question is hit a thousand times by the same words, and that is one fact, not a thousand. So every pair
(the question whose answer was stored, the question it served) counts once, whatever its cases weigh, and it
is false if any of its hits was.
"""

import math
from dataclasses import replace

from evalgate.core.comparison import Change
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.scoring.cache_shares import NO_BASELINE, CacheShare, share_change
from evalgate.scoring.columns import Columns
from evalgate.scoring.hits import Hits
from evalgate.scoring.methods.one_arm import exact_interval, wilson_interval
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting

NO_HITS = "the cache served no hit; only an ordered suite passes its cases through one cache"
NO_LABELS = "no hit is labelled: give its cases same_answer, or a target and a grader"


def false_hit_rate_of(hits: Hits, setting: Setting) -> Measured:
    """Return one side's share of false hits with its exact interval; exactly 0 for a policy without cache."""
    if not hits.cached:
        return setting.estimate(0.0, (0.0, 0.0), "no_cache")
    n, false = len(hits.pairs), len(hits.false_pairs)
    if n == 0:
        return Unmeasured(NO_LABELS if hits.unknown.any() else NO_HITS)
    return setting.estimate(false / n, exact_interval(false, n, setting.alpha), "clopper_pearson")


def false_hit_change(pairs: Pairs, setting: Setting) -> Change:
    """Return the change of the share of false hits, in points.

    ``n`` counts the candidate's distinct pairs, ``affected`` the cases that either side hits differently;
    ``losses`` and ``gains`` are pairs that are false under one side only.
    """
    before, after = pairs.baseline.hits, pairs.candidate.hits
    touched = ((before.pair >= 0) | (after.pair >= 0)).any(axis=1) & pairs.differs.served
    change = _difference(before, after, setting)
    if not pairs.differs.any.any():
        change = setting.estimate(0.0, (0.0, 0.0), "identical")
    share = _share(pairs.candidate, (false_hit_rate_of(before, setting), false_hit_rate_of(after, setting)))
    losses, gains = len(after.false_pairs - before.false_pairs), len(before.false_pairs - after.false_pairs)
    found = replace(share, change=change, affected=int(touched.sum()), losses=losses, gains=gains)
    return share_change("false_hit_rate", setting, pairs.candidate.trials, found)


def false_hits_alone(columns: Columns, setting: Setting) -> Change:
    """Return the share of false hits of a policy that there is no baseline for."""
    share = _share(columns, (NO_BASELINE, false_hit_rate_of(columns.hits, setting)))
    return share_change("false_hit_rate", setting, columns.trials, share)


def _share(candidate: Columns, sides: tuple[Measured, Measured]) -> CacheShare:
    hits = candidate.hits
    return CacheShare(
        *sides,
        change=NO_BASELINE,
        n=len(hits.pairs),
        clusters=len(hits.pairs),
        affected=int((hits.pair >= 0).any(axis=1).sum()),
        assumptions=tuple(_assumptions(hits)),
    )


def _difference(before: Hits, after: Hits, setting: Setting) -> Measured:
    """Newcombe's interval of a difference of two shares (Statistics in Medicine 17, 1998, 873-890, no. 10).

    Pairs that both sides serve make the shares move together, for which it is wide rather than narrow.
    """
    shares = [false_hit_rate_of(hits, setting) for hits in (before, after)]
    unknown = next((each for each in shares if isinstance(each, Unmeasured)), None)
    if unknown is not None:
        whose = "baseline" if shares[0] is unknown else "candidate"
        return Unmeasured(f"of the {whose}: {unknown.reason}")
    (p0, low0, high0), (p1, low1, high1) = (_wilson(hits, setting) for hits in (before, after))
    low = p1 - p0 - math.hypot(p1 - low1, high0 - p0)
    high = p1 - p0 + math.hypot(high1 - p1, p0 - low0)
    return setting.estimate(p1 - p0, (max(low, -1.0), min(high, 1.0)), "newcombe")


def _wilson(hits: Hits, setting: Setting) -> tuple[float, float, float]:
    if not hits.cached:
        return 0.0, 0.0, 0.0
    n, false = len(hits.pairs), len(hits.false_pairs)
    return false / n, *wilson_interval(false, n, setting.alpha)


def _assumptions(hits: Hits) -> list[str]:
    notes = []
    if hits.pairs:
        notes.append("hits count once for each distinct pair of questions, and pairs are independent")
    if unknown := int(hits.unknown.sum()):
        notes.append(f"{unknown} hits are left out: their cases have neither same_answer nor a target")
    if unproved := int(hits.unproved.sum()):
        notes.append(
            f"{unproved} hits served wrong answers and count as false, though no fresh answer to their cases "
            "is recorded (record --cover deployments)"
        )
    return notes
