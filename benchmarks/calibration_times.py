"""P95 latency: the exceedance test on correlated lognormal latencies, and when most calls are reused."""

import math
from statistics import NormalDist

import numpy as np
from calibration_rows import ALPHA, Row, Section, Target

from evalgate.scoring.methods.exceedance import Calls, p_too_high, p_too_low
from evalgate.scoring.methods.paired_t import t_interval

Rng = np.random.Generator
BUDGET = 0.10


def times(rng: Rng, n: int, case_sd: float, call_sd: float, spikes: float) -> tuple[np.ndarray, np.ndarray]:
    case = rng.lognormal(0, case_sd, n)
    return tuple(
        case * rng.lognormal(0, call_sd, n) * np.where(rng.random(n) < spikes, 4.0, 1.0) for _ in range(2)
    )


def rates_of(rng: Rng, draws: int, draw, alpha: float = ALPHA) -> dict[str, float]:  # noqa: ANN001
    """Pass and fail by the p-values at the budget, which is what the interval's ends say."""
    found = {"false pass": 0.0, "false fail": 0.0, "power": 0.0}
    for _ in range(draws):
        bad, same = draw(rng, True), draw(rng, False)
        found["false pass"] += p_too_high(bad, 1 + BUDGET) <= alpha
        found["false fail"] += p_too_low(bad, 1 + BUDGET) <= alpha
        found["power"] += p_too_high(same, 1 + BUDGET) <= alpha
    return {key: count / draws for key, count in found.items()}


def single(before: np.ndarray, after: np.ndarray) -> Calls:
    return Calls(before, after, np.arange(len(before)), None, single=True)


def rerun_row(case_sd: float, call_sd: float, n: int, spikes: float = 0.0) -> Row:
    def draw(rng: Rng, bad: bool) -> Calls:
        before, after = times(rng, n, case_sd, call_sd, spikes)
        return single(before, after * (1 + BUDGET * bad))

    name = f"case {case_sd} / call {call_sd}{f', {spikes:.0%} x4 spikes' if spikes else ''}, {n:>4} cases"
    return Row(name, 3000, lambda rng, draws: rates_of(rng, draws, draw))


def factor_for(share: float, sd: float) -> float:
    """The slowdown of a share of the calls that makes the P95 of all of them rise by the budget exactly."""
    normal = NormalDist(0, sd)
    level = normal.inv_cdf(0.95) + math.log(1 + BUDGET)

    def above(factor: float) -> float:
        return (1 - share) * (1 - normal.cdf(level)) + share * (1 - normal.cdf(level - math.log(factor)))

    low, high = 1.0, 1e6
    for _ in range(100):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if above(middle) < 0.05 else (low, middle)
    return low


def reuse_row(share: float, n: int, case_sd: float = 0.4, call_sd: float = 0.3) -> Row:
    slower = factor_for(share, math.hypot(case_sd, call_sd))

    def draw(rng: Rng, bad: bool) -> Calls:
        before, after = times(rng, n, case_sd, call_sd, 0.0)
        anew = rng.random(n) < share
        return single(before, np.where(anew, after * (slower if bad else 1.0), before))

    return Row(f"{share:.0%} called anew, {n:>4} cases", 3000, lambda rng, draws: rates_of(rng, draws, draw))


def repeats_row(n: int, trials: int) -> Row:
    def draw(rng: Rng, bad: bool) -> Calls:
        case = np.repeat(rng.lognormal(0, 0.4, n), trials)
        before, after = (case * rng.lognormal(0, 0.4, n * trials) for _ in range(2))
        return Calls(before, after * (1 + BUDGET * bad), np.repeat(np.arange(n), trials), None, single=False)

    return Row(f"{trials} trials, {n:>4} cases", 2000, lambda rng, draws: rates_of(rng, draws, draw))


def geomean_row(call_sd: float, n: int) -> Row:
    def rates(rng: Rng, draws: int) -> dict[str, float]:
        found = {"false pass": 0.0, "false fail": 0.0, "power": 0.0}
        for _ in range(draws):
            moved = rng.normal(0, math.sqrt(2) * call_sd, n)
            bad, same = (t_interval(moved + shift, np.ones(n), ALPHA) for shift in (math.log1p(BUDGET), 0.0))
            found["false pass"] += bad.high <= math.log1p(BUDGET)
            found["false fail"] += bad.low > math.log1p(BUDGET)
            found["power"] += same.high <= math.log1p(BUDGET)
        return {key: count / draws for key, count in found.items()}

    return Row(f"geometric mean, call {call_sd}, {n:>4} cases", 3000, rates, frozenset({"geomean"}))


SIZES = (50, 100, 200, 500, 1000, 2000)
P95 = Section(
    "Latency, 10 % budget: exceedance test of the P95, t test of the geometric mean",
    tuple(
        rerun_row(case_sd, call_sd, n, spikes)
        for case_sd, call_sd, spikes in ((0.5, 0.2, 0.0), (0.4, 0.4, 0.0), (0.2, 0.6, 0.0), (0.4, 0.3, 0.03))
        for n in SIZES
    )
    + tuple(reuse_row(share, n) for share in (0.1, 0.2) for n in (50, 100, 200, 500, 1000))
    + tuple(repeats_row(200, trials) for trials in (3, 10))
    + tuple(geomean_row(call_sd, n) for call_sd in (0.2, 0.6) for n in (50, 200)),
    (Target("worst false pass", "false pass", 0.08),),
)
