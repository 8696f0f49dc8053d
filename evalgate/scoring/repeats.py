"""Repeating cases: what it buys, what it never buys, and when cases are the better buy.

``Var(change) = (between + within / k) / n``: ``within`` is the flip rate, the share of cases on which two
runs of one policy disagree; ``between`` the variance of how much cases truly move, near 0 for a change that
does next to nothing. Repeats shrink only the first, and a rule-of-three term stays that only cases shrink.
"""

import math
from dataclasses import dataclass

from evalgate.core.comparison import units_to_resolve
from evalgate.scoring.methods.pseudo_case import pseudo_units
from evalgate.scoring.methods.smallest_drop import least_cases, provable_drop
from evalgate.scoring.power import POWER

NOISY = 0.05
"""From this flip rate on, three runs of the affected cases pay."""
QUIET = 0.02
"""Below this flip rate repeats are useless: add cases."""
MOST_TRIALS = 5


@dataclass(frozen=True, slots=True)
class RepeatsPlan:
    """How to reach a budget: ``cases`` with one run each, or ``cases_repeated`` with ``trials`` runs.

    ``resolves`` is the drop that the suite sees as it stands. ``trials`` is 1 where repeats do not pay.
    """

    resolves: float
    cases: int
    trials: int
    cases_repeated: int


def repeats_mde(
    flip_rate: float, n: int, trials: int, alpha: float, *, between: float = 0.0, power: float = POWER
) -> float:
    """Return the smallest drop budget that an unchanged candidate passes with ``power``.

    ``(z_alpha + z_power) sqrt((between + within / k) / n + 2 w / n**2)``; the last term is that of the
    imaginary cases of the interval for repeats, so it is absent with a single trial (Tango's interval),
    where the rule of three is the floor instead.
    """
    variance = (between + flip_rate / trials) / n
    if trials > 1:
        variance += 2 * pseudo_units(alpha) / n**2
    return max(math.sqrt(units_to_resolve(1.0, 1.0, alpha, power) * variance), provable_drop(n, alpha))


def repeats_required_n(
    flip_rate: float, budget: float, trials: int, alpha: float, *, between: float = 0.0, power: float = POWER
) -> int:
    """Return the cases with which :func:`repeats_mde` reaches ``budget``; its inverse in ``n``."""
    reach = 1 / units_to_resolve(1.0, budget, alpha, power)
    spread = between + flip_rate / trials
    fixed = 2 * pseudo_units(alpha) if trials > 1 else 0.0
    n = (spread + math.sqrt(spread**2 + 4 * reach * fixed)) / (2 * reach)
    return max(math.ceil(n), least_cases(budget, alpha))


def repeats_plan(
    flip_rate: float, n: int, budget: float, alpha: float, *, between: float = 0.0
) -> RepeatsPlan:
    """Return what this suite sees, and what to do for ``budget``: more cases, or repeats of fewer."""
    trials = 3 if flip_rate >= NOISY else 1
    return RepeatsPlan(
        resolves=repeats_mde(flip_rate, n, 1, alpha, between=between),
        cases=repeats_required_n(flip_rate, budget, 1, alpha, between=between),
        trials=trials,
        cases_repeated=repeats_required_n(flip_rate, budget, trials, alpha, between=between),
    )


def best_trials(usd_per_case: float, usd_per_run: float, within: float, between: float) -> int:
    """Return the runs a case that buy most for the money: ``sqrt((c_case / c_run) within / between)``.

    The optimum of two-stage sampling (Cochran, Sampling Techniques, 1977, section 10.6), from 1 to 5.
    """
    if between <= 0 or usd_per_run <= 0:
        return MOST_TRIALS if within > 0 else 1
    best = math.sqrt(usd_per_case / usd_per_run * within / between)
    return min(max(round(best), 1), MOST_TRIALS)
