"""What a suite can see before anything is run: smallest effects, cases and repeats needed, chances.

``sd`` is always that of one independent unit (case or group) on the scale of the budget: shares for accuracy
and score, logarithms of the ratio for cost and latency. ``alpha`` is one-sided, as everywhere.
"""

import math
from dataclasses import dataclass

import numpy as np

from evalgate.core.comparison import Change, units_to_resolve
from evalgate.core.numbers import Unmeasured
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.smallest_drop import least_cases, provable_drop
from evalgate.scoring.methods.special import ndtr, ndtri
from evalgate.scoring.methods.tango import tango_interval, tango_z

POWER = 0.8
WORST_COPY = 1.3
"""The copy of the worst case in the interval of the cost asks for about 30 % more cases."""

_EXACT_BELOW = 120.0  # expected discordant cases
_NORMAL_FROM = 2000.0


def required_n(sd: float, budget: float, alpha: float, power: float = POWER, true: float = 0.0) -> int:
    """Return the units with which a candidate of true change ``true`` passes a drop budget with ``power``.

    ``((z_alpha + z_power) sd / (budget + true))**2``, at least ``ln(alpha) / ln(1 - budget)``; a gain is
    positive. Low by up to 28 % where fewer than 30 units are discordant: see :func:`tango_required_n`.
    """
    return max(math.ceil(units_to_resolve(sd, budget + true, alpha, power)), least_cases(budget, alpha))


def required_n_ratio(sd: float, budget: float, alpha: float, power: float = POWER) -> int:
    """Return the units with which an unchanged candidate passes a rise budget (0.05 is 5 %)."""
    return math.ceil(units_to_resolve(sd, math.log1p(budget), alpha, power))


def required_n_p95(slow_on_one_side: float, density: float, budget: float, alpha: float) -> int:
    """Return the calls a side with which an unchanged P95 passes a rise budget with 80 % power.

    ``(z_alpha + z_power)**2 psi / (ln(1 + budget) h)**2``: psi is the share of cases slow in exactly one arm,
    h the density of the logarithm of latency at its P95 (:func:`density_at_p95`).
    """
    return math.ceil(units_to_resolve(math.sqrt(slow_on_one_side) / density, math.log1p(budget), alpha))


def density_at_p95(latency_s: Floats) -> float:
    """Return the density of log latency at its P95: ``.08 / (ln q.98 - ln q.90)``.

    Between those quantiles lie 8 % of the calls. Infinite where they are equal.
    """
    low, high = np.log(np.quantile(latency_s, [0.90, 0.98]))
    return 0.08 / float(high - low) if high > low else math.inf


def mde(sd: float, n: int, alpha: float, power: float = POWER) -> float:
    """Return the smallest drop budget that an unchanged candidate passes with ``power``.

    ``(z_alpha + z_power) sd / sqrt(n)``, at least ``1 - alpha**(1/n)``; equally the smallest true drop that
    is told from none.
    """
    return max(math.sqrt(units_to_resolve(sd, 1.0, alpha, power) / n), provable_drop(n, alpha))


def mde_ratio(sd: float, n: int, alpha: float, power: float = POWER) -> float:
    """Return the smallest rise budget, as a ratio minus one, that an unchanged candidate passes."""
    return math.expm1(math.sqrt(units_to_resolve(sd, 1.0, alpha, power) / n))


def smallest_effect(change: Change, alpha: float, power: float = POWER) -> float | Unmeasured:
    """Return the smallest change of this metric that these cases tell from none, from what they showed."""
    if isinstance(change.change, Unmeasured):
        return change.change
    if change.sd is None or change.clusters == 0:
        return Unmeasured("the interval is unbounded, so its width says nothing")
    if change.scale == "relative":
        return mde_ratio(change.sd, change.clusters, alpha, power)
    return mde(change.sd, change.clusters, alpha, power)


@dataclass(frozen=True, slots=True)
class Chances:
    """How a limit comes out, as probabilities that add to one."""

    passes: float
    fails: float

    @property
    def inconclusive(self) -> float:
        """The rest."""
        return max(1.0 - self.passes - self.fails, 0.0)


def normal_chances(sd: float, n: int, budget: float, alpha: float, true: float = 0.0) -> Chances:
    """Return the chances of a drop limit by normal theory; for a rise give logarithms and ``-true``."""
    se = sd / math.sqrt(n)
    if se == 0:
        return Chances(float(true >= -budget), float(true < -budget))
    z, margin = ndtri(1 - alpha), (budget + true) / se
    return Chances(ndtr(margin - z), ndtr(-margin - z))


def tango_chances(n: int, discordance: float, budget: float, alpha: float, true: float = 0.0) -> Chances:
    """Return the exact chances of an accuracy limit judged by Tango's interval on ``n`` cases.

    Every table of losses and gains with its multinomial weight: cases differ with probability
    ``discordance``, to the good and bad so that the true change is ``true`` (``discordance >= |true|``).
    By normal theory beyond 2,000 expected discordant cases, where both agree to three digits.
    """
    if n * discordance > _NORMAL_FROM:
        return normal_chances(math.sqrt(discordance - true**2), n, budget, alpha, true)
    share_lost = 0.5 if discordance == 0 else (discordance - true) / (2 * discordance)
    reach = 9 * math.sqrt(n * discordance * (1 - discordance)) + 9
    first, last = max(int(n * discordance - reach), 0), min(int(n * discordance + reach), n)
    moved = np.arange(first, last + 1, dtype=np.float64)
    losses = np.arange(last + 1, dtype=np.float64)[:, np.newaxis]
    possible = losses <= moved
    gains = np.where(possible, moved - losses, 0)
    weight = np.where(possible, _binomial(losses, moved, share_lost), 0.0)
    weight = weight * _binomial(moved, np.array(float(n)), discordance)
    z, bound = tango_z(losses, gains, n, np.array(-budget)), ndtri(1 - alpha)
    passed, failed = z > bound, z < -bound
    still = (losses == 0) & (moved == 0)
    passed = np.where(still, tango_interval(0, 0, n, alpha)[0] >= -budget, passed)
    return Chances(float(weight[passed].sum()), float(weight[failed & ~still].sum()))


def tango_power(n: int, discordance: float, budget: float, alpha: float, true: float = 0.0) -> float:
    """Return the exact probability that Tango's interval passes a drop budget."""
    return tango_chances(n, discordance, budget, alpha, true).passes


def tango_required_n(discordance: float, budget: float, alpha: float, power: float = POWER) -> int:
    """Return the cases with which an unchanged candidate passes exactly ``power`` of the time, or more.

    By the formula where it is within 2 % (120 discordant cases and more), else exactly. Power is a sawtooth
    in the number of cases; the answer is the first number from which no tooth of a tenth of it fails.
    """
    formula = required_n(math.sqrt(discordance), budget, alpha, power)
    if discordance * formula >= _EXACT_BELOW:
        return formula
    n = least_cases(budget, alpha)
    while True:
        ahead = range(n, n + max(n // 10, 2))
        short = [each for each in ahead if tango_power(each, discordance, budget, alpha) < power]
        if not short:
            return n
        n = short[-1] + 1


def _binomial(k: Floats, n: Floats, p: float) -> Floats:
    """Binomial probabilities by log factorials; meaningless where k > n."""
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, int(n.max()) + 1)))))
    rest = np.maximum(n - k, 0.0)
    ways = log_factorial[n.astype(int)] - log_factorial[k.astype(int)] - log_factorial[rest.astype(int)]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_p = np.where(k > 0, k * np.log(p), 0.0) + np.where(rest > 0, rest * np.log1p(-p), 0.0)
    return np.asarray(np.exp(ways + log_p))
