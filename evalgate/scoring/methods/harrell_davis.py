"""The quantile estimate of Harrell and Davis (Biometrika 69, 1982, 635-640)."""

from functools import lru_cache

import numpy as np
from numpy.polynomial.legendre import leggauss

from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.special import betainc

# From this size on the Beta density is so smooth between two order statistics that eight points integrate it
# to rounding, thousands of times as fast as its distribution function.
_SMOOTH_FROM = 400
_NODES, _NODE_WEIGHTS = leggauss(8)
_REACH_SD = 14


def harrell_davis(values: Floats, share: float, weights: Floats | None = None) -> float:
    """Return the quantile of ``values`` below which ``share`` of them lie.

    A mean of all order statistics with weights from the Beta((n+1) p, (n+1)(1-p)) distribution, which is
    smoother than any one of them. With case ``weights`` each order statistic takes the Beta probability of
    its stretch of the weighted distribution, with ``n`` the number of equal weights of the same efficiency.
    """
    if weights is None:
        first, parts = _equal_parts(len(values), share)
        ranked = np.partition(values, np.arange(first, first + len(parts)))
        return float(parts @ ranked[first : first + len(parts)])
    order = np.argsort(values, kind="stable")
    steps = np.concatenate(([0.0], np.cumsum(weights[order])))
    size = float(weights.sum() ** 2 / (weights**2).sum())
    first, parts = _parts(steps / steps[-1], size, share)
    return float(parts @ values[order][first : first + len(parts)])


def harrell_davis_ranked(ranked: Floats, share: float) -> float:
    """Return :func:`harrell_davis` of values that are sorted already and weigh the same."""
    first, parts = _equal_parts(len(ranked), share)
    return float(parts @ ranked[first : first + len(parts)])


@lru_cache(maxsize=256)
def _equal_parts(n: int, share: float) -> tuple[int, Floats]:
    return _parts(np.arange(n + 1) / n, float(n), share)


def _parts(edges: Floats, size: float, share: float) -> tuple[int, Floats]:
    """The first order statistic that matters, and the Beta probabilities from there on."""
    a, b = (size + 1) * share, (size + 1) * (1 - share)
    # Beyond a dozen standard deviations the Beta distribution holds nothing that a double can show.
    reach = _REACH_SD * np.sqrt(share * (1 - share) / (size + 2))
    first = max(int(np.searchsorted(edges, share - reach)) - 1, 0)
    last = min(int(np.searchsorted(edges, share + reach)) + 1, len(edges) - 1)
    window = edges[first : last + 1]
    parts = _beta_masses(a, b, window) if size >= _SMOOTH_FROM else np.diff(betainc(a, b, window))
    return first, parts / parts.sum()


def _beta_masses(a: float, b: float, edges: Floats) -> Floats:
    """Probabilities between ``edges`` up to a constant factor, by Gauss-Legendre quadrature."""
    middles, halves = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    points = np.clip(middles[:, np.newaxis] + halves[:, np.newaxis] * _NODES, 1e-300, 1 - 1e-16)
    mode = (a - 1) / (a + b - 2)
    # Relative to the density at the mode, which keeps the exponentials in range.
    log_density = (a - 1) * np.log(points / mode) + (b - 1) * np.log((1 - points) / (1 - mode))
    return np.asarray((np.exp(log_density) @ _NODE_WEIGHTS) * halves)
