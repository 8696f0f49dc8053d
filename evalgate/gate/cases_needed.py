"""How many cases would turn "inconclusive" into a verdict, if the truth is what was estimated."""

import math

from evalgate.core.budgets import Limit
from evalgate.core.comparison import Change, units_to_resolve
from evalgate.core.numbers import Estimate, Measured

_TOO_MANY = 10_000_000
_LEAST_CHANGED = 20
_MOST_TRIALS = 20


def for_change(change: Change, limit: Limit, alpha: float) -> int | None:
    """Return the cases that would decide a relative limit with 80 % power; None when no number would.

    The distance from the estimate to the allowance must be told from zero, and a move of a share by the
    whole allowance must not hide behind cases that all stayed alike: ``ln(alpha) / ln(1 - allowance)`` units.
    """
    measured = change.change
    if not isinstance(measured, Estimate) or change.clusters == 0:
        return None
    if change.undecided_because:
        return _beyond(change.n, change.n * _LEAST_CHANGED / change.affected) if change.affected else None
    if change.sd is None:
        return 2 * change.n
    gap = _gap(measured.value, limit)
    if gap <= 0:
        return None
    units = units_to_resolve(change.sd, gap, alpha)
    if limit.scale == "absolute" and 0 < limit.allowance < 1:
        units = max(units, math.log(alpha) / math.log1p(-limit.allowance))
    return _beyond(change.n, units * change.n / change.clusters)


def trials_for_change(change: Change, limit: Limit, alpha: float) -> int | None:
    """Return the trials of each case that would decide on these very cases; None when none up to 20 would.

    More trials shrink only their own part of the variance, ``trial_sd**2 / trials`` of ``sd**2``; it is known
    where there are several trials already.
    """
    measured = change.change
    if not isinstance(measured, Estimate) or change.trial_sd is None or change.sd is None:
        return None
    gap = _gap(measured.value, limit)
    if gap <= 0 or change.trial_sd == 0:
        return None
    enough = change.n / units_to_resolve(1.0, gap, alpha)
    rest = change.sd**2 - change.trial_sd**2 / change.trials
    trials = change.trial_sd**2 / (enough - rest) if enough > rest else math.inf
    return max(math.ceil(trials), change.trials + 1) if trials <= _MOST_TRIALS else None


def for_level(measured: Estimate, n: int, limit: Limit, alpha: float) -> int | None:
    """Return the cases that would decide an absolute limit with 80 % power; None when no number would."""
    half = (measured.high - measured.low) / 2
    gap = abs(measured.value - limit.allowance)
    if gap == 0 or half == 0:
        return None
    if math.isinf(half):
        return 2 * n
    # A half-width of one z is what one unit of standard error looks like from here.
    sd = half * math.sqrt(n) / math.sqrt(units_to_resolve(1.0, 1.0, alpha, power=0.5))
    return _beyond(n, units_to_resolve(sd, gap, alpha))


def for_hits(measured: Measured, n: int, limit: Limit, alpha: float) -> int | None:
    """Return the distinct labelled hits that would decide a limit on false ones; None when no number would.

    While none of them is false that is ``ln(alpha) / ln(1 - allowance)``.
    """
    if isinstance(measured, Estimate) and measured.value > 0:
        return for_level(measured, n, limit, alpha)
    if not 0 < limit.allowance < 1:
        return None
    return _beyond(n, math.log(alpha) / math.log1p(-limit.allowance))


def _gap(value: float, limit: Limit) -> float:
    edge = -limit.allowance if limit.limit == "max_drop" else limit.allowance
    if limit.scale == "absolute":
        return abs(value - edge)
    if value <= -1 or edge <= -1:
        return math.inf
    return abs(math.log1p(value) - math.log1p(edge))


def _beyond(n: int, needed: float) -> int | None:
    return _capped(max(needed, n + 1))


def _capped(needed: float) -> int | None:
    return math.ceil(needed) if needed < _TOO_MANY else None
