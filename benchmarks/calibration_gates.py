"""Whole gates on whole runs, and looks before all cases are measured."""

from dataclasses import dataclass

import numpy as np
from calibration_rows import ALPHA, Row, Section, Target

from evalgate.core.budgets import Limit, Rules
from evalgate.core.calls import Attempt
from evalgate.core.outcome import Answer, Cost, Grade, Graded, Outcome, Step
from evalgate.core.run import Manifest, Run, Session
from evalgate.gate.judge import judge
from evalgate.pipeline.live.looking import EXPECTED_DISCORDANCE
from evalgate.scoring.compare import compare
from evalgate.scoring.methods.sequential import looks
from evalgate.scoring.methods.special import ndtri
from evalgate.scoring.methods.tango import tango_z

Rng = np.random.Generator
RULES = Rules(
    (
        Limit("accuracy", "max_drop", 0.02, "share", "absolute", "estimate"),
        Limit("cost_per_correct", "max_rise", 0.05, "share", "relative", "estimate"),
        Limit("latency_p95", "max_rise", 0.10, "share", "relative", "estimate"),
    )
)
SESSION = Session("s", "2026-01-01T00:00:00Z", interleaved=True)
RIGHT, WRONG = (Answer("right"), Grade(1.0, correct=True)), (Answer("wrong"), Grade(0.0, correct=False))


def run_of(policy: str, columns: dict[str, np.ndarray], calls: np.ndarray) -> Run:
    """A run from columns: right, usd, seconds; ``calls`` tells which cases are called anew."""
    manifest = Manifest(
        "s", policy, policy, "d", "replay", 1, False, (), RULES, {}, (SESSION,), (), None, "0"
    )  # fmt: skip
    results = []
    numbers = zip(
        columns["right"].tolist(), columns["usd"].tolist(), columns["s"].tolist(), calls.tolist(), strict=True
    )
    for row, (right, usd, seconds, anew) in enumerate(numbers):
        answer, grade = RIGHT if right else WRONG
        step = Step("generate", "model", f"{policy if anew else ''}{row}", "s", (Attempt(seconds),))
        outcome = Outcome(str(row), 0, answer, "model", seconds, (step,))
        results.append(Graded(outcome, Cost(usd), grade, {}))
    return Run(manifest, tuple(results))


@dataclass(frozen=True)
class Truth:
    """What the change really does on the cases it calls anew, and which share of the cases those are."""

    affected: float = 1.0
    drop: float = 0.0
    usd: float = 1.0
    seconds: float = 1.0


def draw_runs(rng: Rng, n: int, truth: Truth) -> tuple[Run, Run]:
    right, size, base = rng.random(n) < 0.85, rng.lognormal(-5, 1, n), rng.lognormal(0, 0.4, n)
    anew = rng.random(n) < truth.affected
    before = {"right": right, "usd": size * rng.lognormal(0, 0.2, n), "s": base * rng.lognormal(0, 0.3, n)}
    lost, gained = (0.05 + truth.drop) / 2 / 0.85, (0.05 - truth.drop) / 2 / 0.15
    again = np.where(right, rng.random(n) >= lost, rng.random(n) < gained)
    after = {
        "right": np.where(anew, again, right),
        "usd": np.where(anew, size * rng.lognormal(0, 0.2, n) * truth.usd, before["usd"]),
        "s": np.where(anew, base * rng.lognormal(0, 0.3, n) * truth.seconds, before["s"]),
    }
    return run_of("before", before, anew), run_of("after", after, anew)


def gate_row(name: str, n: int, truth: Truth, tag: str = "") -> Row:
    def rates(rng: Rng, draws: int) -> dict[str, float]:
        verdicts = {"pass": 0, "fail": 0, "inconclusive": 0}
        blocked = 0
        for _ in range(draws):
            before, after = draw_runs(rng, n, truth)
            ruling = judge(compare(before, after), RULES)
            verdicts[ruling.verdict] += 1
            blocked += ruling.blocked
        return {key: count / draws for key, count in verdicts.items()} | {"blocked": blocked / draws}

    return Row(f"{name}, {n:>4} cases", 250, rates, frozenset({tag}))


GATE = Section(
    "Whole gates (accuracy 2 points, cost 5 %, P95 10 %; on_inconclusive: estimate)",
    tuple(
        row
        for n in (200, 500, 1000)
        for row in (
            gate_row("no change, all called anew", n, Truth()),
            gate_row("no change, 20 % called anew", n, Truth(affected=0.2), f"reuse {n}"),
            gate_row("cost x.7, times x.85", n, Truth(usd=0.7, seconds=0.85)),
            gate_row("accuracy 4 points lower, cost x.7", n, Truth(drop=0.04, usd=0.7, seconds=0.85), "bad"),
            gate_row("cost x1.15", n, Truth(usd=1.15), "bad"),
            gate_row("times x1.3", n, Truth(seconds=1.3), "bad"),
        )
    ),
    (
        Target("unchanged, 20 % called anew, 500 cases: passes", "pass", 0.75, "reuse 500", at_least=True),
        Target("unchanged, 20 % called anew, 1,000 cases: passes", "pass", 0.95, "reuse 1000", at_least=True),
        Target("a change twice the budget passes", "pass", 0.02, "bad"),
    ),
)


def look_row(n: int, discordance: float, budget: float, true: float, tag: str) -> Row:
    """Looks declared as ``run --sequential`` declares them, whatever share of the answers really differs."""

    def rates(rng: Rng, draws: int) -> dict[str, float]:
        plan = looks(n, ALPHA, EXPECTED_DISCORDANCE)
        found = {"pass": 0.0, "fail": 0.0, "share used": 0.0}
        for _ in range(draws):
            u = rng.random(n)
            lost, gained = (
                np.cumsum(u < (discordance - true) / 2),
                np.cumsum(u > 1 - (discordance + true) / 2),
            )
            for look in plan:
                b, c = float(lost[look.cases - 1]), float(gained[look.cases - 1])
                z = float(tango_z(b, c, look.cases, np.array(-budget)))
                verdict = (
                    "pass" if z > -ndtri(look.pass_alpha) else "fail" if z < ndtri(look.fail_alpha) else ""
                )
                if verdict or look is plan[-1]:
                    found["share used"] += look.cases / n
                if verdict:
                    found[verdict] += 1
                    break
        return {key: value / draws for key, value in found.items()}

    name = f"{n:>4} cases, discordance {discordance:g}, truth {100 * true:+.0f} points"
    return Row(name, 4000, rates, frozenset({tag}))


SEQUENTIAL = Section(
    "Early stopping (budget 2 points): looks at 10, 25, 50, 75, 100 %",
    tuple(
        look_row(n, max(0.05, -true + 0.01), 0.02, true, "margin" if true == -0.02 else "")
        for n in (500, 1000, 2000)
        for true in (0.0, -0.02, -0.04, -0.10)
    )
    + tuple(
        look_row(n, discordance, 0.02, -0.02, "margin")
        for n in (200, 500, 1000)
        for discordance in (0.025, 0.03, 0.1, 0.2)
    ),
    (
        Target("worst false pass at the margin", "pass", 0.065, "margin"),
        # A single look fails that often too, where few answers differ.
        Target("worst false fail at the margin", "fail", 0.075, "margin"),
    ),
)
