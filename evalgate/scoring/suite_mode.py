"""What happened on this very suite: only the model's own noise is random, the cases are not.

Under ``inference: suite`` the question is not "would traffic like this get worse" but "did these cases get
worse, or would the same two policies, run again, come out otherwise". The noise is measured by repeating
each case; with fewer than three trials it is not known well enough (miss rates of .07 to .11).
"""

import math

import numpy as np

from evalgate.core.trials import pass_k_variances
from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.arrays import Bools, Floats
from evalgate.scoring.methods.pseudo_case import MeanInterval
from evalgate.scoring.methods.special import ndtr, ndtri

LEAST_TRIALS = 3


def trial_variance(columns: Columns, values: Floats) -> Floats:
    """Return, for each case, the variance of its mean over trials: the sample variance over their number.

    Zero where a case has a single trial, which says nothing.
    """
    trials = columns.present.sum(axis=1)
    centred = np.where(columns.present, values - columns.mean(values)[:, np.newaxis], 0.0)
    return np.asarray((centred**2).sum(axis=1) / (np.maximum(trials - 1, 1) * trials))


def right_variance(columns: Columns) -> Floats:
    """Return, for each case, the variance of what it counts for accuracy; its sum over cases is unbiased.

    Under ``pass^k`` see :func:`evalgate.core.trials.pass_k_variances`.
    """
    rule = columns.rule
    if rule is None:
        return trial_variance(columns, columns.correct)
    return columns.by_count(lambda trials: pass_k_variances(trials, rule.right))


def suite_interval(
    moved: Floats, variance: Floats, weights: Floats, affected: Bools, alpha: float
) -> MeanInterval:
    """Return the interval of the mean of ``moved`` when only the trials are random.

    ``d +- z sqrt(sum w**2 (s0**2 / k0 + s1**2 / k1)) / sum w`` over the affected cases; ``variance`` holds
    the bracket for each case. Cases that are served alike differ by nothing and add nothing.
    """
    total = float(weights.sum())
    value = float(weights @ moved) / total
    # An unbiased variance of few cases may come out below zero.
    se = math.sqrt(max(float((weights**2 * variance)[affected].sum()), 0.0)) / total
    half = ndtri(1 - alpha) * se
    return MeanInterval(
        value=value,
        low=max(value - half, -1.0),
        high=min(value + half, 1.0),
        sd=se * math.sqrt(len(moved)),
        p_nonnegative=ndtr(value / se) if se > 0 else float(value >= 0),
    )
