"""Accuracy and score: Tango's interval enumerated, the pseudo-case interval and PPI drawn."""

from collections.abc import Callable
from functools import partial

import numpy as np
from calibration_rows import ALPHA, Row, Section, Target, verdict_rates

from evalgate.scoring.methods.ppi import Judged, corrected_interval
from evalgate.scoring.methods.pseudo_case import difference_interval
from evalgate.scoring.methods.tango import tango_interval
from evalgate.scoring.power import tango_chances

Rng = np.random.Generator
Draw = Callable[[Rng, int, float], np.ndarray]


def exact_row(n: int, budget: float, discordance: float) -> Row:
    def rates(_rng: Rng, _draws: int) -> dict[str, float]:
        margin = tango_chances(n, discordance, budget, ALPHA, true=-budget)
        same = tango_chances(n, discordance, budget, ALPHA)
        return {"false pass": margin.passes, "false fail": margin.fails, "power": same.passes}

    return Row(f"{budget:.0%} budget, {n:>4} cases, discordance {discordance:.2f}", 1, rates)


def worst_row(n: int, budget: float) -> Row:
    def rates(_rng: Rng, _draws: int) -> dict[str, float]:
        grid = np.arange(budget, min(0.3, 60 * budget), max(budget / 8, 0.002)) + 1e-9
        margins = [tango_chances(n, float(each), budget, ALPHA, true=-budget) for each in grid]
        worst_fail = max(each.fails for each in margins)
        return {"false pass": max(each.passes for each in margins), "false fail": worst_fail}

    return Row(f"{budget:.0%} budget, {n:>4} cases, worst over discordance", 1, rates)


ACCURACY = Section(
    "Accuracy, right or wrong, one trial: Tango's interval, every table enumerated",
    tuple(
        exact_row(n, budget, discordance)
        for budget in (0.01, 0.02, 0.05)
        for n in (50, 100, 200, 500, 1000, 2000)
        for discordance in (0.02, 0.05, 0.10, 0.20)
        if discordance >= budget and not (budget == 0.05 and discordance == 0.05 and n == 50)
    )
    + tuple(worst_row(n, budget) for budget in (0.01, 0.02, 0.05, 0.1) for n in (30, 50, 100, 200, 300, 500)),
    (Target("worst false pass, right or wrong", "false pass", 0.065),),
)


def moving(rng: Rng, n: int, drop: float, share: float) -> np.ndarray:
    """A share of the cases moves by U(0, 1), up or down, on average by ``-drop``."""
    down = 0.5 + drop / share
    return (rng.random(n) < share) * rng.random(n) * np.where(rng.random(n) < down, -1, 1)


def rare_loss(rng: Rng, n: int, drop: float) -> np.ndarray:
    return np.where(rng.random(n) < drop, -1.0, np.clip(rng.normal(0, 0.05, n), -1, 1))


def gaussian(rng: Rng, n: int, drop: float) -> np.ndarray:
    return np.clip(rng.normal(-drop, 0.15, n), -1, 1)


def repeated(rng: Rng, n: int, drop: float, trials: int) -> np.ndarray:
    before = rng.beta(4, 1, n)
    after = before * (1 - drop / 0.8)
    return (rng.binomial(trials, after) - rng.binomial(trials, before)) / trials


def almost_certain(rng: Rng, n: int, drop: float) -> np.ndarray:
    before = np.where(rng.random(n) < 0.9, 0.99, 0.01)
    after = np.where((before > 0.5) & (rng.random(n) < drop / (0.9 * 0.98)), 0.01, before)
    return (rng.binomial(5, after) - rng.binomial(5, before)) / 5


def graded_row(name: str, draw: Draw, budget: float, n: int) -> Row:
    def limits(rng: Rng, bad: bool) -> tuple[float, float]:
        found = difference_interval(draw(rng, n, budget if bad else 0.0), np.ones(n), ALPHA)
        return found.low, found.high

    return Row(f"{name}, {budget:.0%} budget, {n:>4} cases", 4000, verdict_rates(limits, budget, drop=True))


KINDS: dict[str, Draw] = {
    "graded, 10 % of cases move": partial(moving, share=0.1),
    "graded, 30 % of cases move": partial(moving, share=0.3),
    "graded, little noise and rare total loss": rare_loss,
    "graded, gaussian noise of .15": gaussian,
    "3 trials, chances Beta(4, 1)": partial(repeated, trials=3),
    "10 trials, chances Beta(4, 1)": partial(repeated, trials=10),
    "5 trials, all but certain": almost_certain,
}
GRADED = Section(
    "Graded scores and repeats: t interval with pseudo-cases",
    tuple(
        graded_row(name, draw, budget, n)
        for name, draw in KINDS.items()
        for budget in (0.02, 0.05)
        for n in (50, 100, 200, 1000)
    ),
    (Target("worst false pass, graded, no clusters", "false pass", 0.065),),
)


def clustered(
    rng: Rng, groups: int, drop: float, whole: bool, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Summed differences and sizes (lognormal, mean 10); harm takes whole groups or parts of them."""
    sizes = np.maximum(rng.lognormal(np.log(10) - spread**2 / 2, spread, groups).round(), 1)
    if whole:
        return np.where(rng.random(groups) < drop, -1.0, 0.0) * sizes, sizes
    lost = rng.beta(0.2, 0.2 / (0.05 + drop / 2) - 0.2, groups)
    gained = rng.beta(0.2, 0.2 / (0.05 - drop / 2) - 0.2, groups)
    counts = sizes.astype(int)
    return (rng.binomial(counts, gained) - rng.binomial(counts, lost)).astype(float), sizes


def cluster_row(budget: float, groups: int, whole: bool, spread: float) -> Row:
    def limits(rng: Rng, bad: bool) -> tuple[float, float]:
        sums, sizes = clustered(rng, groups, budget if bad else 0.0, whole, spread)
        found = difference_interval(sums, sizes, ALPHA)
        return found.low, found.high

    harm = "whole groups lost" if whole else "harm inside groups"
    name = f"{SPREADS[spread]} sizes, {harm}, {budget:.0%} budget, {groups:>3} groups"
    return Row(name, 4000, verdict_rates(limits, budget, drop=True), frozenset({SPREADS[spread]}))


SPREADS = {0.0: "equal", 0.8: "unequal", 1.0: "very unequal"}
CLUSTERS = Section(
    "Groups of dependent cases: t interval with pseudo-groups",
    tuple(
        cluster_row(budget, groups, whole, spread)
        for spread in SPREADS
        for whole in (True, False)
        for budget in (0.02, 0.05)
        for groups in (20, 50, 100, 300, 1000)
    ),
    (
        Target("worst false pass, equal groups", "false pass", 0.065, "equal"),
        Target("worst false pass, very unequal groups", "false pass", 0.10, "very unequal"),
    ),
)


def judged_row(name: str, labels: int | None, budget: float, favour: float) -> Row:
    """1,000 cases; a judge with sensitivity .95 and specificity .90, who may accept the candidate's more."""

    def limits(rng: Rng, bad: bool) -> tuple[float, float]:
        n, drop = 1000, budget if bad else 0.0
        before = rng.random(n) < 0.8
        lost, gained = (0.05 + drop) / 2 / 0.8, (0.05 - drop) / 2 / 0.2
        after = np.where(before, rng.random(n) >= lost, rng.random(n) < gained)
        seen_before = np.where(before, rng.random(n) < 0.95, rng.random(n) < 0.10)
        seen_after = np.where(after, rng.random(n) < 0.95, rng.random(n) < 0.10 + favour)
        same = (before == after) & (rng.random(n) < 0.5)  # half of what stays right or wrong is word for word
        judged = np.where(same, 0.0, seen_after.astype(float) - seen_before)
        if labels is None:
            return tango_interval(int((judged < 0).sum()), int((judged > 0).sum()), n, ALPHA)
        open_rows = np.flatnonzero(~same)
        labelled = np.zeros(len(open_rows), dtype=bool)
        labelled[rng.choice(len(open_rows), min(labels, len(open_rows)), replace=False)] = True
        human = (after.astype(float) - before)[open_rows]
        found = corrected_interval(Judged(judged[open_rows], human, labelled, n), ALPHA)
        return found.low, found.high

    tags = frozenset({"corrected"}) if labels else frozenset()
    return Row(f"{name}, {budget:.0%} budget", 3000, verdict_rates(limits, budget, drop=True), tags)


JUDGE = Section(
    "Accuracy by a judge (kappa .82), alone and corrected by labels (PPI++, stratified)",
    tuple(
        judged_row(f"{who}, {said}", labels, budget, favour)
        for who, favour in (("fair judge", 0.0), ("judge who likes the candidate", 0.1))
        for said, labels in (
            ("no labels", None),
            ("100 labels", 100),
            ("200 labels", 200),
            ("400 labels", 400),
        )
        for budget in (0.02, 0.05)
    ),
    (Target("worst false pass with labels", "false pass", 0.065, "corrected"),),
)
