"""How small a drop of accuracy a number of cases can rule out, before anything is measured.

For two answers a case, right or wrong. Where the policies disagree on few cases the formulas are a little
too optimistic, by 1 to 8 % of the cases where at least 27 disagree.
"""

import math
from statistics import NormalDist


def provable_drop(cases: int, alpha: float) -> float:
    """Return the drop that is ruled out when not one of ``cases`` changed: ``1 - alpha ** (1 / cases)``.

    With a true drop of b nothing breaks with probability ``(1 - b) ** cases``, which must be under ``alpha``
    (the rule of three: Hanley and Lippman-Hand, JAMA 249, 1983, 1743-1745).
    """
    return 1 - float(alpha ** (1 / cases))


def least_cases(drop: float, alpha: float) -> int:
    """Return the cases below which a budget of ``drop`` cannot be shown to hold, whatever the answers.

    ``ln(alpha) / ln(1 - drop)``, the inverse of :func:`provable_drop`.
    """
    return math.ceil(math.log(alpha) / math.log1p(-drop) - 1e-9)


def noise(cases: int, discordance: float, alpha: float, power: float = 0.8) -> float:
    """Return the budget that a candidate without a true change passes with probability ``power``.

    ``(z_alpha + z_power) sqrt(discordance / cases)``, where ``discordance`` is the share of cases on which
    the two sides differ by chance (Connor, Biometrics 43, 1987, 207-211, for equal marginals).
    """
    return _reach(alpha, power) * math.sqrt(discordance / cases)


def cases_for(drop: float, discordance: float, alpha: float, power: float = 0.8) -> int:
    """Return the cases with which an unchanged candidate passes a budget of ``drop`` with ``power``."""
    resolving = discordance * (_reach(alpha, power) / drop) ** 2
    return max(math.ceil(resolving), least_cases(drop, alpha))


def _reach(alpha: float, power: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha) + normal.inv_cdf(power)
