"""When requests come: gamma renewals at a rate, or the moments of a trace."""

import numpy as np

from evalgate.scoring.methods.arrays import Floats

# ServeGen and BurstGPT both find real traffic to be burstier than Poisson (whose coefficient is 1).
BURSTY = 2.0


def gamma_arrivals(requests: int, rps: float, variation: float, rng: np.random.Generator) -> Floats:
    """Return ascending seconds whose gaps are gamma distributed with mean ``1 / rps``.

    ``variation`` is the gaps' coefficient of variation: 1 is Poisson traffic, 0 a metronome.
    """
    if variation == 0:
        return np.arange(1, requests + 1, dtype=np.float64) / rps
    shape = 1 / variation**2
    gaps: Floats = rng.gamma(shape, 1 / (shape * rps), requests)
    moments: Floats = np.cumsum(gaps)
    return moments


def rescaled(arrivals: Floats, rps: float) -> Floats:
    """Return a trace's moments, from 0 on, stretched so that its mean rate is ``rps``."""
    if len(arrivals) < 2:
        return np.zeros(len(arrivals))
    start, span = float(arrivals[0]), float(arrivals[-1] - arrivals[0])
    stretch = (len(arrivals) - 1) / (rps * span) if span else 1.0
    moments: Floats = (arrivals - start) * stretch
    return moments
