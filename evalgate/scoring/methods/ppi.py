"""Accuracy by a judge, corrected by people: prediction-powered inference on the paired difference.

A judge's errors bias both sides, and not always alike: a candidate whose style the judge likes gains ten
points for nothing. People label both answers of a random part of the cases; where a label exists the judge's
error is known, and its mean over the labelled cases corrects the mean of the judged ones (Angelopoulos,
Bates, Fannjiang, Jordan, Zrnic, Science 382, 2023; with the tuned weight of PPI++, arXiv 2311.01453).
Cases whose two answers are the same differ by nothing, whoever judges, and need no label: they are a
stratum of their own, known exactly.
"""

import math
from dataclasses import dataclass

import numpy as np

from evalgate.core.comparison import units_to_resolve
from evalgate.scoring.methods.arrays import Bools, Floats
from evalgate.scoring.methods.pseudo_case import MeanInterval, pseudo_units
from evalgate.scoring.methods.special import stdtr, stdtrit

LEAST_LABELS = 50
"""With fewer labelled cases the judge counts as not calibrated."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Differences (candidate minus baseline, -1 to 1) on the cases whose answers differ.

    ``judged`` and ``human`` hold one number a case, ``human`` only where ``labelled``. ``total`` counts all
    cases, those with equal answers too.
    """

    judged: Floats
    human: Floats
    labelled: Bools
    total: int


def corrected_interval(cases: Judged, alpha: float) -> MeanInterval:
    """Return the interval of the mean human difference over all cases.

    Inside the stratum of differing answers, ``lambda mean(f) + mean(h - lambda f)`` over unlabelled and
    labelled cases, with 1.66 imaginary labels at each end and the correction for skew as in the pseudo-case
    interval; times the stratum's share of all cases, whose own sampling error is added. At least two labels.
    """
    f, h = cases.judged[cases.labelled], cases.human[cases.labelled]
    rest = cases.judged[~cases.labelled]
    weight = tuned_weight(h, f, rest)
    correction = _with_pseudo_labels(h - weight * f, alpha)
    prediction = weight * float(rest.mean()) if len(rest) else 0.0
    inside = prediction + correction.value
    variance, third = correction.variance, correction.third
    if len(rest) > 1:
        variance += weight**2 * float(rest.var(ddof=1)) / len(rest)
        third += weight**3 * float(((rest - rest.mean()) ** 3).sum()) / len(rest) ** 3
    share = len(cases.judged) / cases.total
    centre = share * (prediction + correction.centre)
    variance = share**2 * variance + share * (1 - share) * inside**2 / cases.total
    value, se = share * inside, math.sqrt(variance)
    t = stdtrit(correction.df, 1 - alpha)
    shift = share**3 * third / variance * (2 * t**2 + 1) / 6 if variance > 0 else 0.0
    return MeanInterval(
        value=value,
        low=max(min(centre - t * se + min(shift, 0.0), value), -1.0),
        high=min(max(centre + t * se + max(shift, 0.0), value), 1.0),
        sd=se * math.sqrt(cases.total),
        p_nonnegative=stdtr(correction.df, centre / se) if se > 0 else float(value >= 0),
    )


def tuned_weight(human: Floats, judged: Floats, rest: Floats) -> float:
    """Return lambda of PPI++ for a mean: ``cov(h, f) / ((1 + n / N) var(f))``, between 0 and 1.

    ``n`` labelled (``human`` and ``judged``) and ``N`` unlabelled cases (``rest``); 0 without the latter, and
    where the judge never varies.
    """
    if len(rest) == 0 or len(human) < 2:
        return 0.0
    spread = float(np.concatenate((judged, rest)).var(ddof=1))
    if spread == 0:
        return 0.0
    covariance = float(((human - human.mean()) * (judged - judged.mean())).mean())
    return min(max(covariance / ((1 + len(human) / len(rest)) * spread), 0.0), 1.0)


def labels_needed(cases: Judged, budget: float, alpha: float, power: float = 0.8) -> int | None:
    """Return the labelled differing cases with which a budget could be decided; None when none would do.

    The correction's part of the variance falls with the labels; what the cases themselves leave does not.
    """
    f, h = cases.judged[cases.labelled], cases.human[cases.labelled]
    if len(h) < 2:
        return min(LEAST_LABELS, len(cases.judged))
    share = len(cases.judged) / cases.total
    allowed = 1 / units_to_resolve(1.0, budget, alpha, power)
    fixed = share * (1 - share) * float(h.mean()) ** 2 / cases.total
    if allowed <= fixed:
        return None
    weight = tuned_weight(h, f, cases.judged[~cases.labelled])
    residual = float((h - weight * f).var(ddof=1)) + 2 * pseudo_units(alpha) / len(h)
    needed = math.ceil(share**2 * residual / (allowed - fixed))
    return max(needed, min(LEAST_LABELS, len(cases.judged)))


@dataclass(frozen=True, slots=True)
class _Correction:
    value: float
    centre: float
    variance: float
    third: float
    df: float


def _with_pseudo_labels(residuals: Floats, alpha: float) -> _Correction:
    """The mean residual with its variance; an imaginary label at +-1 leaves +-1 of residual whatever f."""
    w = pseudo_units(alpha)
    total = len(residuals) + 2 * w
    centre = float(residuals.sum()) / total
    spread = float(((residuals - centre) ** 2).sum()) + w * ((1 - centre) ** 2 + (1 + centre) ** 2)
    return _Correction(
        value=float(residuals.mean()),
        centre=centre,
        variance=spread / (total - 1) / total,
        third=float(((residuals - centre) ** 3).sum()) / total**3,
        df=total - 1,
    )
