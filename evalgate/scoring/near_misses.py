"""The share of golden near-misses that the cache would answer with another question's answer: counted."""

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.scoring.cache_shares import NO_BASELINE, CacheShare, share_change
from evalgate.scoring.columns import Columns
from evalgate.scoring.hits import Hits
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting

NONE_NAMED = "no case names a near-miss: write near_miss_of"


def near_miss_rate_of(hits: Hits, setting: Setting) -> Measured:
    """Return one side's share, without an interval: each near-miss was tried, and nothing is random."""
    if not hits.cached:
        return setting.estimate(0.0, (0.0, 0.0), "no_cache")
    asked = int((hits.near >= 0).any(axis=1).sum())
    if not asked:
        return Unmeasured(NONE_NAMED)
    share = int((hits.near > 0).any(axis=1).sum()) / asked
    return setting.estimate(share, (share, share), "counted")


def near_miss_change(pairs: Pairs, setting: Setting) -> Change:
    """Return the change of the share, in points; ``losses`` and ``gains`` are merged under one side only."""
    before, after = pairs.baseline.hits, pairs.candidate.hits
    sides = near_miss_rate_of(before, setting), near_miss_rate_of(after, setting)
    merged = (before.near > 0).any(axis=1), (after.near > 0).any(axis=1)
    moved = int((merged[1] & ~merged[0]).sum()), int((merged[0] & ~merged[1]).sum())
    change = _difference(*sides, setting)
    if np.array_equal(before.near, after.near):
        change = setting.estimate(0.0, (0.0, 0.0), "identical")
    share = _share(pairs.candidate, sides, change, moved)
    return share_change("near_miss_rate", setting, pairs.candidate.trials, share)


def near_misses_alone(columns: Columns, setting: Setting) -> Change:
    """Return the share under a policy that there is no baseline for."""
    sides = NO_BASELINE, near_miss_rate_of(columns.hits, setting)
    share = _share(columns, sides, NO_BASELINE, None)
    return share_change("near_miss_rate", setting, columns.trials, share)


def _difference(before: Measured, after: Measured, setting: Setting) -> Measured:
    if isinstance(after, Unmeasured) or isinstance(before, Unmeasured):
        return after if isinstance(after, Unmeasured) else before
    change = after.value - before.value
    return setting.estimate(change, (change, change), "counted")


def _share(
    candidate: Columns, sides: tuple[Measured, Measured], change: Measured, moved: tuple[int, int] | None
) -> CacheShare:
    asked = int((candidate.hits.near >= 0).any(axis=1).sum())
    affected, losses, gains = (0, None, None) if moved is None else (sum(moved), *moved)
    return CacheShare(*sides, change, asked, asked, affected, losses, gains)
