"""The step time of a batching engine, fitted to what a benchmark measured at several concurrency levels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalgate.core.load import LoadLevel, StepTime
from evalgate.core.numbers import Unmeasured
from evalgate.core.service_time_file import LEVELS_NEEDED
from evalgate.scoring.methods.arrays import Floats


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted step time, and by how much its times miss the measured ones at worst, as a share of them."""

    step: StepTime
    worst_error: float


def fit_step_time(levels: Sequence[LoadLevel], max_running: int) -> Fit | Unmeasured:
    """Return the non-negative step time that comes closest, in relative terms, to the measured levels.

    With ``c`` requests running, an iteration takes ``a + b c + g p``. In a steady closed loop each request
    brings its prompt once in as many iterations as it has output tokens, so between two tokens of a request
    ``p = c * prompt / output``. The first token comes with the iteration that takes in the request's own
    prompt, after half of another where others are running. Both times are linear in (a, b, g): least squares
    on the relative errors, with negative coefficients set to 0 one after the other.
    """
    distinct = len({level.concurrency for level in levels})
    if distinct < LEVELS_NEEDED:
        return Unmeasured(
            f"{distinct} concurrency levels were measured; a step time needs {LEVELS_NEEDED} or more"
        )
    rows, measured = [], []
    for level in levels:
        crowd = level.concurrency * level.prompt_tokens / max(level.output_tokens, 1.0)
        between = np.array([1.0, level.concurrency, crowd])
        wait = 0.5 * (1 - 1 / level.concurrency) * between
        others = crowd * (1 - 1 / level.concurrency)
        rows += [between, wait + np.array([1.0, level.concurrency, level.prompt_tokens + others])]
        measured += [level.tpot_s, level.ttft_s]
    design, times = np.array(rows), np.array(measured)
    found = _non_negative(design / times[:, np.newaxis], np.ones(len(times)))
    error = float(np.abs(design @ found / times - 1).max())
    return Fit(StepTime(float(found[0]), float(found[1]), float(found[2]), max_running), error)


def _non_negative(design: Floats, target: Floats) -> Floats:
    free = list(range(design.shape[1]))
    found = np.zeros(design.shape[1])
    while free:
        solved, *_ = np.linalg.lstsq(design[:, free], target, rcond=None)
        if (solved >= 0).all():
            found[free] = solved
            break
        free.pop(int(np.argmin(solved)))
    return found
