"""The share of requests that the cache answers, and that it answers right: what a cache is worth."""

from typing import Literal

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.cache_shares import NO_BASELINE, CacheShare, share_change
from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.pseudo_case import MeanInterval, difference_interval, share_interval
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import units_of

HitRate = Literal["hit_rate", "positive_hit_rate"]
HIT_RATES: tuple[HitRate, ...] = ("hit_rate", "positive_hit_rate")
NO_LABELS = "no hit is labelled, so nobody knows which are right"


def hit_rate_change(pairs: Pairs, metric: HitRate, setting: Setting) -> Change:
    """Return the change of the share, in points, paired case by case; groups of cases are one unit."""
    before, after = pairs.baseline, pairs.candidate
    sides = _side(before, metric, setting), _side(after, metric, setting)
    moved = before.mean(_hits(after, metric) - _hits(before, metric))
    unknown = next((side for side in sides if isinstance(side, Unmeasured)), None)
    change: Measured = unknown or _difference(before, moved, setting)
    if not pairs.differs.any.any() or not (before.hits.cached or after.hits.cached):
        change = setting.estimate(0.0, (0.0, 0.0), "identical")
    made = int((moved > 0).sum()), int((moved < 0).sum())
    return share_change(metric, setting, after.trials, _share(after, (*sides, change), made))


def hit_rate_alone(columns: Columns, metric: HitRate, setting: Setting) -> Change:
    """Return the share of a policy that there is no baseline for."""
    sides = NO_BASELINE, _side(columns, metric, setting), NO_BASELINE
    return share_change(metric, setting, columns.trials, _share(columns, sides, None))


def _side(columns: Columns, metric: HitRate, setting: Setting) -> Measured:
    if columns.n == 0:
        return Unmeasured("there are no cases")
    if not columns.hits.cached:
        return setting.estimate(0.0, (0.0, 0.0), "no_cache")
    if metric == "positive_hit_rate" and columns.hits.unknown.any() and not columns.hits.pairs:
        return Unmeasured(NO_LABELS)
    units = units_of(columns)
    values = columns.mean(_hits(columns, metric))
    return _estimate(share_interval(units.sums(values), units.sizes, setting.alpha), setting)


def _hits(columns: Columns, metric: HitRate) -> Floats:
    hits = columns.hits
    if metric == "positive_hit_rate":
        return hits.right.astype(np.float64)
    return ((hits.pair >= 0) | hits.unknown).astype(np.float64)


def _difference(columns: Columns, moved: Floats, setting: Setting) -> Estimate:
    units = units_of(columns)
    return _estimate(difference_interval(units.sums(moved), units.sizes, setting.alpha), setting)


def _estimate(found: MeanInterval, setting: Setting) -> Estimate:
    return setting.estimate(found.value, (found.low, found.high), "pseudo_case_t")


def _share(
    candidate: Columns, measured: tuple[Measured, Measured, Measured], moved: tuple[int, int] | None
) -> CacheShare:
    """``gains`` are cases that the candidate's cache answers (right) and the baseline's does not."""
    gains, losses = (None, None) if moved is None else moved
    affected = 0 if moved is None else sum(moved)
    return CacheShare(*measured, candidate.n, units_of(candidate).count, affected, losses, gains)
