"""The few special functions that the intervals need, in numpy and the standard library alone.

Importing ``scipy.special`` takes longer than everything the gate computes on ten thousand cases, so the six
functions used here are our own; tests hold them against scipy. They have scipy's names and argument order
(which are those of the Cephes library), so a reader of the formulas meets what they know.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NORMAL = NormalDist()
_TINY = 1e-300
_CLOSE = 1e-15


def ndtr(z: float) -> float:
    """Return the standard normal distribution function at ``z``."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def ndtri(p: float) -> float:
    """Return the standard normal quantile of ``p``; infinite at 0 and 1 (Wichura 1988, AS 241)."""
    if p <= 0 or p >= 1:
        return math.copysign(math.inf, p - 0.5)
    return _NORMAL.inv_cdf(p)


def betainc(a: float, b: float, x: Floats) -> Floats:
    """Return the regularized incomplete beta function I_x(a, b) for every ``x`` in [0, 1].

    The continued fraction of Didonato and Morris 1992 (DLMF 8.17.22), evaluated by the modified Lentz method
    on the side of the mean where it converges fast.
    """
    values = np.asarray(x, dtype=np.float64)
    if not (0 < a < math.inf and 0 < b < math.inf):
        return np.full_like(values, np.nan)
    result = np.where(values >= 1.0, 1.0, 0.0)
    inside = (values > 0.0) & (values < 1.0)
    below = inside & (values < (a + 1.0) / (a + b + 2.0))
    above = inside & ~below
    result[below] = _lower_tail(a, b, values[below])
    result[above] = 1.0 - _lower_tail(b, a, 1.0 - values[above])
    return result


def beta_below(a: float, b: float, x: float) -> float:
    """Return I_x(a, b) for one ``x``, ten times as fast as an array of one."""
    if not 0.0 < x < 1.0:
        return float(x >= 1.0)
    if x < (a + 1.0) / (a + b + 2.0):
        return _front(a, b, x) * _fraction(a, b, x)
    return 1.0 - _front(b, a, 1.0 - x) * _fraction(b, a, 1.0 - x)


@lru_cache(maxsize=4096)
def bdtr(k: float, n: int, p: float) -> float:
    """Return the probability of at most ``k`` successes in ``n`` trials (DLMF 8.17.5)."""
    k = math.floor(k)
    if k < 0:
        return 0.0
    return 1.0 if k >= n else beta_below(n - k, k + 1.0, 1.0 - p)


def stdtr(df: float, t: float) -> float:
    """Return Student's distribution function with ``df`` degrees of freedom at ``t`` (DLMF 8.17 via beta)."""
    if math.isinf(df) or math.isinf(t):
        return ndtr(t)
    square = t * t
    if square < df:
        # Near the middle df / (df + t²) is all but 1, so the other tail is the exact one.
        return 0.5 + math.copysign(0.5 * beta_below(0.5, df / 2.0, square / (df + square)), t)
    tail = 0.5 * beta_below(df / 2.0, 0.5, df / (df + square))
    return 1.0 - tail if t > 0 else tail


@lru_cache(maxsize=4096)
def stdtrit(df: float, p: float) -> float:
    """Return Student's quantile of ``p`` with ``df`` degrees of freedom.

    Bisection of :func:`stdtr` after the bracket is doubled around the normal quantile; each step halves the
    error, so the result is exact to rounding.
    """
    if not df > 0 or math.isnan(p):
        return math.nan
    if not 0 < p < 1:
        return math.copysign(math.inf, p - 0.5)
    if p < 0.5:
        return -stdtrit(df, 1.0 - p)
    low, high = 0.0, max(1.0, 2.0 * ndtri(p))
    while stdtr(df, high) < p:
        low, high = high, 2.0 * high
    while high - low > 4e-16 * high:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if stdtr(df, middle) < p:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _front(a: float, b: float, x: float) -> float:
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta) / a


def _fraction(a: float, b: float, x: float) -> float:
    """As :func:`_continued_fraction`; at x below the mean no term of it comes near zero."""
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    # It converges in about the square root of the larger parameter; the rest is for rounding to settle.
    for m in range(1, 200 + 10 * math.isqrt(int(max(a, b)))):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / ((1.0 + even * d) or _TINY)
        c = (1.0 + even / c) or _TINY
        fraction *= c * d
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / ((1.0 + odd * d) or _TINY)
        c = (1.0 + odd / c) or _TINY
        step = c * d
        fraction *= step
        if abs(step - 1.0) < _CLOSE:
            break
    return fraction


def _lower_tail(a: float, b: float, x: Floats) -> Floats:
    """I_x(a, b) for x below the mean: the leading factor times the continued fraction."""
    if not x.size:
        return x
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    front = np.exp(a * np.log(x) + b * np.log1p(-x) - log_beta) / a
    return np.asarray(front * _continued_fraction(a, b, x))


def _continued_fraction(a: float, b: float, x: Floats) -> Floats:
    c = np.ones_like(x)
    d = _reciprocal(1.0 - (a + b) * x / (a + 1.0))
    fraction = d.copy()
    # It converges in about the square root of the larger parameter; the rest is for rounding to settle.
    for m in range(1, 200 + 10 * math.isqrt(int(max(a, b)))):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = _reciprocal(1.0 + even * d)
        c = _nonzero(1.0 + even / c)
        fraction *= c * d
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = _reciprocal(1.0 + odd * d)
        c = _nonzero(1.0 + odd / c)
        step = c * d
        fraction *= step
        if np.abs(step - 1.0).max() < _CLOSE:
            break
    return fraction


def _nonzero(value: Floats) -> Floats:
    return np.where(np.abs(value) < _TINY, _TINY, value)


def _reciprocal(value: Floats) -> Floats:
    return np.asarray(1.0 / _nonzero(value))
