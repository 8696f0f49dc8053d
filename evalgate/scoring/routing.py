"""How well a router's score tells the cases that need the strong model: curve, APGR, CPT, calibration.

Definitions follow RouteLLM (Ong et al., 2024, section 3). With a share ``c`` of cases sent to strong, the
recovered part of the performance gap is ``PGR(c) = (accuracy(c) - weak) / (strong - weak)``. APGR is the area
under it for ``c`` from 0 to 1; ``CPT(x)`` is the smallest ``c`` with ``PGR(c) >= x``. A score that knows
nothing has an APGR of 0.5 and a CPT(50 %) of 50 %.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.routing import CalibrationBin, ChosenThreshold, RouterQuality
from evalgate.scoring.methods.arrays import Bools, Floats
from evalgate.scoring.methods.special import ndtri

_NO_GAP = Unmeasured("the strong deployment is not right more often than the weak one")


@dataclass(frozen=True, slots=True)
class RoutedOutcomes:
    """One entry a case: the router's score, how often weak and strong are right, and the case's cluster."""

    score: Floats
    weak: Floats
    strong: Floats
    cluster: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class RoutingCurve:
    """Accuracy by strong share, from all weak to all strong, one point a reachable threshold.

    ``threshold[i]`` sends ``share[i]`` of the cases to strong; the first is above every score.
    """

    threshold: Floats
    share: Floats
    accuracy: Floats


def routing_curve(cases: RoutedOutcomes) -> RoutingCurve:
    """Return what every threshold gives; cases with equal scores go together."""
    order = np.argsort(-cases.score, kind="stable")
    score = cases.score[order]
    gain = np.cumsum((cases.strong - cases.weak)[order])
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    count = len(score)
    return RoutingCurve(
        threshold=np.append(math.inf, score[last]),
        share=np.append(0.0, (last + 1) / count),
        accuracy=float(cases.weak.mean()) + np.append(0.0, gain[last] / count),
    )


def apgr(cases: RoutedOutcomes, alpha: float) -> Measured:
    """Return the area under the recovered gap, with its ``1 - 2 * alpha`` interval.

    Between two thresholds the curve is straight, which is what splitting ties by a coin gives. The interval
    is the delta method's for a ratio whose numerator is a U-statistic (by its Hájek projection, so that the
    ranks vary too), over clusters.
    """
    gap = float(cases.strong.mean() - cases.weak.mean())
    if gap <= 0:
        return _NO_GAP
    gain = cases.strong - cases.weak
    below, above = _ranks(cases.score, gain)
    area = float((gain * below).mean())
    influence = (gain * below + above - 2 * area) / gap - area * (gain - gap) / gap**2
    half = ndtri(1 - alpha) * _standard_error(influence, cases.cluster)
    value = area / gap
    return Estimate(value, value - half, value + half, 1 - 2 * alpha, "u_statistic")


def cpt(curve: RoutingCurve, recovered: float) -> float | Unmeasured:
    """Return the smallest strong share that recovers this part of the gap, ties split by a coin."""
    gap = float(curve.accuracy[-1] - curve.accuracy[0])
    if gap <= 0:
        return _NO_GAP
    part = (curve.accuracy - curve.accuracy[0]) / gap
    at = int(np.argmax(part >= recovered - 1e-12))
    if at == 0:
        return 0.0
    step = min(1.0, float((recovered - part[at - 1]) / (part[at] - part[at - 1])))
    return float(curve.share[at - 1] + step * (curve.share[at] - curve.share[at - 1]))


def threshold_for(curve: RoutingCurve, wanted: float) -> ChosenThreshold:
    """Return the threshold with the largest strong share that is not above ``wanted``."""
    at = int(np.searchsorted(curve.share, wanted + 1e-12, side="right")) - 1
    return ChosenThreshold(float(curve.threshold[at]), float(curve.share[at]), float(curve.accuracy[at]))


def calibration(predicted: Floats, happened: Floats, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Return bins of nearly equally many cases by predicted probability; equal predictions stay together."""
    order = np.argsort(predicted, kind="stable")
    ordered, came = predicted[order], happened[order]
    cuts = (ordered[len(ordered) * step // bins] for step in range(bins))
    starts = sorted({int(np.searchsorted(ordered, cut, side="left")) for cut in cuts})
    ends = [*starts[1:], len(ordered)]
    return tuple(
        CalibrationBin(float(ordered[start:end].mean()), float(came[start:end].mean()), end - start)
        for start, end in zip(starts, ends, strict=True)
    )


def router_quality(
    name: str, cases: RoutedOutcomes, needed: Bools, alpha: float, wanted_share: float | None = None
) -> RouterQuality:
    """Return everything that is said of one score, whose values are probabilities that more is ``needed``."""
    curve = routing_curve(cases)
    bins = calibration(cases.score, needed.astype(np.float64))
    off = math.fsum(abs(each.predicted - each.happened) * each.cases for each in bins) / len(cases.score)
    return RouterQuality(
        name=name,
        weak_accuracy=float(cases.weak.mean()),
        strong_accuracy=float(cases.strong.mean()),
        apgr=apgr(cases, alpha),
        cpt_50=cpt(curve, 0.5),
        cpt_80=cpt(curve, 0.8),
        calibration=bins,
        calibration_error=off,
        chosen=None if wanted_share is None else threshold_for(curve, wanted_share),
    )


def _ranks(score: Floats, gain: Floats) -> tuple[Floats, Floats]:
    """For each case: the share of cases scored below it, and the mean gain of those above; ties by half."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    left = np.searchsorted(ordered, score, side="left")
    right = np.searchsorted(ordered, score, side="right")
    total = np.append(0.0, np.cumsum(gain[order]))
    below = (left + right) / (2 * len(score))
    above = (total[-1] - (total[left] + total[right]) / 2) / len(score)
    return below, above


def _standard_error(influence: Floats, cluster: Sequence[str] | None) -> float:
    sums: Floats = influence
    if cluster is not None:
        _, at = np.unique(np.asarray(cluster), return_inverse=True)
        sums = np.bincount(at, weights=influence).astype(np.float64)
    units = len(sums)
    if units < 2:
        return math.inf
    return math.sqrt(units / (units - 1) * float(np.sum((sums - sums.mean()) ** 2))) / len(influence)
