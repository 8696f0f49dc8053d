"""Our special functions against scipy's, over the ranges that the intervals reach."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special as scipy_special

from evalgate.scoring.methods import special

PROBABILITIES = st.floats(1e-9, 1 - 1e-9)


@given(PROBABILITIES)
def test_normal_quantile(p):
    assert special.ndtri(p) == pytest.approx(scipy_special.ndtri(p), rel=1e-12, abs=1e-12)


@given(st.floats(-30, 30))
def test_normal_distribution(z):
    assert special.ndtr(z) == pytest.approx(scipy_special.ndtr(z), rel=1e-12)


@given(st.floats(0.5, 50_000), st.floats(0.5, 50_000), st.floats(0, 1))
def test_incomplete_beta(a, b, x):
    mean = a / (a + b)
    spread = (mean * (1 - mean) / (a + b + 1)) ** 0.5
    points = np.clip([x, mean, mean - 2 * spread, mean + 3 * spread], 0, 1)
    expected = scipy_special.betainc(a, b, points)
    assert special.betainc(a, b, points) == pytest.approx(expected, rel=1e-9, abs=1e-14)


@given(st.integers(1, 20_000), st.floats(0.001, 0.999), st.floats(0, 1))
def test_binomial(n, p, share):
    k = int(share * n)
    assert special.bdtr(k, n, p) == pytest.approx(scipy_special.bdtr(k, n, p), rel=1e-9, abs=1e-14)
    assert special.bdtr(-1, n, p) == 0
    assert special.bdtr(n, n, p) == 1


@given(st.floats(1, 1e6), st.floats(-40, 40))
def test_student_distribution(df, t):
    assert special.stdtr(df, t) == pytest.approx(scipy_special.stdtr(df, t), rel=1e-8, abs=1e-13)


@given(st.floats(1, 1e6), st.floats(0.001, 0.999))
def test_student_quantile(df, p):
    assert special.stdtrit(df, p) == pytest.approx(scipy_special.stdtrit(df, p), rel=1e-8, abs=1e-8)


def test_the_ends():
    assert special.ndtri(0) == -np.inf
    assert special.ndtri(1) == np.inf
    assert special.stdtrit(5, 1) == np.inf
    assert list(special.betainc(2, 3, np.array([0.0, 1.0]))) == [0, 1]
