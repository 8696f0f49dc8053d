"""Routers on data that no one here wrote: both ends, a coin, and what ``train-router`` learns, out of fold.

    python benchmarks/routing.py [gsm8k] [mmlu] [arena]        (default: all three; mmlu takes a minute)

``routellm_gsm8k`` and ``routellm_mmlu`` hold who was right, Mixtral-8x7B (weak) and GPT-4 (strong), on the
questions that RouteLLM calls uncontaminated; ``routerarena_sub10`` holds two models with what each answer
cost. They are looked for in ``../shared/data``; what is not there is skipped, and said.

For the first two it prints accuracy of both ends, APGR and CPT of a coin (mean and spread over 20 seeds) and
of the text classifier that ``evalgate train-router`` fits, each case scored by a fit that has not seen it.
For the third, cost per correct answer with its interval, of both models and of thresholds between them, every
threshold checked against a script of ten lines that shares no code. Exits with 1 when a goal is missed.
"""

import csv
import gzip
import json
import math
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from evalgate.core.budgets import Rules
from evalgate.core.cases import Case, question_text
from evalgate.core.outcome import Answer, Cost, Grade, Graded, Outcome
from evalgate.core.routing import RoutingCase
from evalgate.core.run import Manifest, Run
from evalgate.scoring.compare import compare_absolute
from evalgate.scoring.routing import RoutedOutcomes, apgr, cpt, routing_curve
from evalgate.training.folds import fold_of
from evalgate.training.text_classifier import Target, fit

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ALPHA = 0.05
MISSED: list[str] = []


def main(asked: list[str]) -> int:
    """Run what was asked for; 1 when a goal is missed."""
    for name, measure in (("gsm8k", gsm8k), ("mmlu", mmlu), ("arena", arena)):
        if asked and name not in asked:
            continue
        folder = DATA / {"arena": "routerarena_sub10"}.get(name, f"routellm_{name}")
        if not folder.is_dir():
            print(f"{name}: skipped, as {folder} is not there")
            continue
        measure(folder)
    for missed in MISSED:
        print(f"MISSED: {missed}")
    return 1 if MISSED else 0


def goal(reached: bool, said: str) -> None:
    """Note a goal that is missed."""
    if not reached:
        MISSED.append(said)


def gsm8k(folder: Path) -> None:
    """1,307 grade-school sums."""
    rows = [json.loads(line) for line in lines_of(folder / "gsm8k.jsonl.gz")]
    kept = [row for row in rows if not row["contaminated"]]
    two_models("gsm8k", kept, (0.6373, 0.8577), at_least=0.5)


def mmlu(folder: Path) -> None:
    """14,037 questions of 57 subjects."""
    csv.field_size_limit(10**9)
    with gzip.open(folder / "mmlu.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["contaminated"] == "0"]
    two_models("mmlu", rows, (0.6809, 0.8059), at_least=0.666)


def two_models(name: str, rows: list[dict], ends: tuple[float, float], at_least: float) -> None:
    """Print both ends, a coin, and the trained router."""
    weak = np.array([float(row["weak_correct"]) for row in rows])
    strong = np.array([float(row["strong_correct"]) for row in rows])
    print(f"{name}: {len(rows):,} cases, weak {weak.mean():.4%}, strong {strong.mean():.4%}")
    goal(
        all(abs(found - end) < 5e-5 for found, end in zip((weak.mean(), strong.mean()), ends, strict=True)),
        f"{name}: the ends are {weak.mean():.4%} and {strong.mean():.4%}",
    )
    coins = [
        RoutedOutcomes(np.random.default_rng(seed).random(len(rows)), weak, strong) for seed in range(20)
    ]
    areas = [apgr(coin, ALPHA).value for coin in coins]
    halves = [cpt(routing_curve(coin), 0.5) for coin in coins]
    spread = statistics.stdev(areas)
    area, half = statistics.mean(areas), statistics.mean(halves)
    print(f"  a coin:  APGR {area:.3f} (sd {spread:.3f}), CPT(50%) {half:.1%}")
    goal(abs(area - 0.5) <= 0.02, f"{name}: a coin's APGR is {area:.3f}")

    started = time.perf_counter()
    cases = [
        RoutingCase(name, Case(id=row["case_id"], input=row["prompt"]), (first, second))
        for row, first, second in zip(rows, weak, strong, strict=True)
    ]
    needed = strong > weak
    folds = fold_of(cases, needed.astype(int).tolist(), 5, seed=0)
    target = Target(needed, weak > strong)
    score = fit([question_text(each.case) for each in cases], [target], folds).out_of_fold[:, 0]
    took_s = time.perf_counter() - started
    outcomes = RoutedOutcomes(score, weak, strong, [each.cluster for each in cases])
    found, curve = apgr(outcomes, ALPHA), routing_curve(outcomes)
    print(
        f"  trained: APGR {found.value:.3f} ({found.low:.3f} to {found.high:.3f}), "
        f"CPT(50%) {cpt(curve, 0.5):.1%}, CPT(80%) {cpt(curve, 0.8):.1%}, out of fold, in {took_s:.0f} s"
    )
    goal(found.low > 0.5, f"{name}: the trained router is not shown to beat a coin ({found.low:.3f})")
    goal(found.value >= at_least, f"{name}: the trained router's APGR {found.value:.3f} is below {at_least}")


def arena(folder: Path) -> None:
    """809 questions, two models, what each answer cost. Right is a score of 1."""
    prompts = {row["case_id"]: row["prompt"] for row in map(json.loads, lines_of(folder / "cases.jsonl.gz"))}
    calls: dict[str, dict[str, tuple[float, bool]]] = {}
    for row in map(json.loads, lines_of(folder / "calls.jsonl.gz")):
        calls.setdefault(row["model"], {})[row["case_id"]] = (row["cost_usd"], row["score"] >= 1)
    models = sorted(calls, key=lambda model: sum(right for _, right in calls[model].values()))
    ids = [name for name in prompts if all(name in calls[model] for model in models)]
    weak, strong = (np.array([float(calls[model][name][1]) for name in ids]) for model in models)
    print(f"arena: {len(ids)} cases, {models[0]} (weak) and {models[1]} (strong)")
    cases = [RoutingCase("arena", Case(id=name, input=prompts[name]), (0, 0)) for name in ids]
    needed = strong > weak
    folds = fold_of(cases, needed.astype(int).tolist(), 5, seed=0)
    target = Target(needed, weak > strong)
    score = fit([prompts[name] for name in ids], [target], folds).out_of_fold[:, 0]
    shown = {math.inf, *np.quantile(score, [0.9, 0.75, 0.5, 0.25, 0.1], method="nearest"), score.min()}
    worst = 0.0
    for threshold in (math.inf, *sorted(set(score.tolist()), reverse=True)):
        chosen = [models[int(need >= threshold)] for need in score]
        found = compare_absolute(run_of(calls, chosen, ids)).find("cost_per_correct").candidate
        worst = max(worst, abs(found.value / independent(calls, chosen, ids) - 1))
        if threshold in shown:
            share = chosen.count(models[1]) / len(ids)
            interval = f"(${found.low:.6f} to ${found.high:.6f})"
            print(f"  {share:6.1%} strong: ${found.value:.6f} per correct {interval}")
    print(f"  largest difference from the independent script: {worst:.1e}")
    goal(worst < 1e-9, f"arena: cost per correct is off by {worst:.1e}")


def independent(calls: dict, chosen: list[str], ids: list[str]) -> float:
    """Cost per correct answer, from the raw rows alone."""
    usd = right = 0.0
    for model, name in zip(chosen, ids, strict=True):
        usd += calls[model][name][0]
        right += calls[model][name][1]
    return usd / right


def run_of(calls: dict, chosen: list[str], ids: list[str]) -> Run:
    """Return the run of a policy that asked ``chosen``."""
    results = tuple(
        Graded(
            outcome=Outcome(name, 0, Answer(""), model, 0.0, ()),
            cost=Cost(calls[model][name][0]),
            grade=Grade(float(calls[model][name][1]), calls[model][name][1]),
            slices={},
        )
        for model, name in zip(chosen, ids, strict=True)
    )
    return Run(MANIFEST, results)


def lines_of(path: Path) -> Iterator[str]:
    """Yield the lines of a packed file, which are split at line feeds alone."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        yield from file


MANIFEST = Manifest(
    suite="arena",
    policy="routed",
    policy_digest="0",
    suite_digest="0",
    mode="replay",
    trials=1,
    ordered=False,
    labels=(),
    rules=Rules(limits=()),
    prices={},
    sessions=(),
    policy_summary=(),
    requests_per_month=None,
    evalgate_version="0",
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
