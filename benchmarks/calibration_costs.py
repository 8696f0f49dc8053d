"""Cost per correct: Fieller with the worst copy, on skewed costs and on few changed cases."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from calibration_rows import ALPHA, Row, Section, Target, verdict_rates

from evalgate.scoring.cost import LEAST_CHANGED
from evalgate.scoring.methods.fieller import CostColumns, change_interval

Rng = np.random.Generator
Costs = Callable[[Rng, int], tuple[np.ndarray, np.ndarray]]
BUDGET = 0.05
MEAN_CALL = np.exp((0.5**2 + 0.2**2) / 2)  # of lognormal(0.5)


def answers(rng: Rng, n: int, accuracy: float, drop: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Right and wrong on both sides, 5 % of the cases (and the drop) differing."""
    before = rng.random(n) < accuracy
    lost, gained = (0.05 + drop) / 2 / accuracy, (0.05 - drop) / 2 / (1 - accuracy)
    after = np.where(before, rng.random(n) >= lost, rng.random(n) < gained)
    return before.astype(float), after.astype(float)


def lognormal(sigma: float, spikes: float = 0.0) -> Costs:
    def draw(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
        size = rng.lognormal(0, sigma, n)
        before, after = (size * rng.lognormal(0, 0.2, n) for _ in range(2))
        if spikes:
            before, after = (each * np.where(rng.random(n) < spikes, 10.0, 1.0) for each in (before, after))
        return before, after

    return draw


def cascade(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    """A cheap model and 15 % escalations to one that costs 20 times as much; before, one in between."""
    size = rng.lognormal(0, 0.5, n)
    after = size * rng.lognormal(0, 0.2, n) * np.where(rng.random(n) < 0.15, 21.0, 1.0) / 4.0
    return size * rng.lognormal(0, 0.2, n), after


def unseen_spikes(share: float, factor: float) -> Costs:
    def draw(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
        before, after = lognormal(1.0)(rng, n)
        return before, after * np.where(rng.random(n) < share, factor, 1.0) / (1 + share * (factor - 1))

    return draw


@dataclass(frozen=True)
class Spend:
    """How cases cost, how often answers are right, and what a wrong one costs in mean calls."""

    name: str
    costs: Costs
    accuracy: float = 0.85
    drop: float = 0.0
    cleanup: float = 0.0
    reported: bool = False


def cost_row(spend: Spend, n: int) -> Row:
    """Scale the candidate's spend so that cost per correct rises by the budget exactly, or not at all."""
    accuracy, drop, cleanup = spend.accuracy, spend.drop, spend.cleanup

    def limits(rng: Rng, bad: bool) -> tuple[float, float]:
        before, after = spend.costs(rng, n)
        right_before, right_after = answers(rng, n, accuracy, drop)
        # In units of the mean spend on calls: what the candidate may spend in all, less its cleanup.
        allowed = (1 + BUDGET * bad) * (1 + cleanup * (1 - accuracy)) * (accuracy - drop) / accuracy
        after = after * (allowed - cleanup * (1 - accuracy + drop))
        before = before + cleanup * MEAN_CALL * (1 - right_before)
        after = after + cleanup * MEAN_CALL * (1 - right_after)
        found = change_interval(CostColumns(before, after, right_before, right_after), ALPHA)
        return found.low, found.high

    tags = frozenset() if spend.reported else frozenset({"rerun"})
    return Row(f"{spend.name}, {n:>4} cases", 3000, verdict_rates(limits, BUDGET, drop=False), tags)


def reuse_row(changed: int, sigma: float, *, exactly: bool) -> Row:
    """Call ``changed`` of 500 cases anew, at half as much again; that rise is the budget.

    ``exactly`` so many, or each case with that chance, in which case fewer than 20 at times decide nothing.
    """
    n, factor = 500, 1.5
    budget = (factor - 1) * changed / n

    def limits(rng: Rng, bad: bool) -> tuple[float, float]:
        before = rng.lognormal(0, sigma, n)
        right, _ = answers(rng, n, 0.85)
        anew = rng.random(n) < changed / n
        if exactly:
            anew = np.isin(np.arange(n), rng.choice(n, changed, replace=False))
        redrawn = before * rng.lognormal(-0.02, 0.2, n) * (factor if bad else 1.0)
        flipped = anew & (rng.random(n) < 0.05)
        right_after = np.where(flipped, rng.random(n) < 0.85, right).astype(float)
        after = np.where(anew, redrawn, before)
        found = change_interval(CostColumns(before, after, right, right_after), ALPHA)
        moved = int(((after != before) | (right_after != right)).sum())
        return (0.0, np.inf) if moved < LEAST_CHANGED else (found.low, found.high)

    tag = "from 50" if changed >= 50 else "at 20" if changed >= LEAST_CHANGED else "fewer"
    tags = frozenset({tag} if sigma == 1 else ())
    shown = "" if sigma == 1 else "reported: "
    name = f"{shown}{'exactly' if exactly else 'about'} {changed} of {n} cases changed, lognormal {sigma:g}"
    return Row(name, 4000, verdict_rates(limits, budget, drop=False), tags)


SPENDS = (
    Spend("lognormal .5", lognormal(0.5)),
    Spend("lognormal 1", lognormal(1.0)),
    Spend("lognormal 1.5", lognormal(1.5)),
    Spend("lognormal 2", lognormal(2.0)),
    Spend("lognormal 1, 2 % spikes on both sides", lognormal(1.0, 0.02)),
    Spend("accuracy 4 points lower", lognormal(1.0), drop=0.04),
    Spend("cleanup at ten times a call", lognormal(0.5), cleanup=10.0),
    Spend("accuracy 20 %", lognormal(1.0), accuracy=0.2),
    Spend("cheap model, 15 % escalations", cascade),
    Spend("reported: 2 % x10 spikes, candidate only", unseen_spikes(0.02, 10), reported=True),
    Spend("reported: 1 % x20 spikes, candidate only", unseen_spikes(0.01, 20), reported=True),
)
COST = Section(
    "Cost per correct, 5 % budget: Fieller with the worst copy",
    tuple(cost_row(spend, n) for n in (50, 200, 1000, 2000) for spend in SPENDS)
    + tuple(
        reuse_row(changed, sigma, exactly=exactly)
        for sigma in (1.0, 1.5)
        for exactly in (True, False)
        for changed in (10, 20, 30, 50, 100)
    ),
    (
        Target("worst false pass, everything called anew", "false pass", 0.07, "rerun"),
        Target("worst false pass with 20 to 49 changed cases", "false pass", 0.085, "at 20"),
        Target("worst false pass from 50 changed cases on", "false pass", 0.07, "from 50"),
        Target("fewer than 20 changed cases pass (almost) nothing", "false pass", 0.001, "fewer"),
    ),
)
