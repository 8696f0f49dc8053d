"""How long the gate thinks: every interval, slice and verdict of two finished runs.

    python benchmarks/judging.py [CASES] [SLICES]

10,000 cases, 20 slices, limits on accuracy, cost per correct and P95, everything called anew. Prints the
best of five in seconds of the processor, which other programs disturb little, and beside it a floor: reading
the same numbers out of both runs once, which no method can do without. Exit status 1 when it takes 0.3 s or
more, or when scipy.stats was imported on the way.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from calibration_gates import RULES, Truth, draw_runs

from evalgate.core.budgets import Limit
from evalgate.core.run import Run
from evalgate.gate.judge import judge
from evalgate.scoring.compare import compare

EVERY_SLICE = Limit("accuracy", "max_drop", 0.05, "share", "absolute", "estimate", slice="*")


def sliced(run: Run, slices: int) -> Run:
    rules = replace(RULES, limits=(*RULES.limits, EVERY_SLICE), slice_by="intent")
    results = tuple(
        replace(each, slices={"intent": f"intent {row % slices}"}) for row, each in enumerate(run.results)
    )
    return Run(replace(run.manifest, rules=rules), results)


def best_of(work: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def read_once(run: Run) -> float:
    """What any judge must at least do: look at every outcome's grade, cost and latency."""
    grades = [each.grade.correct for each in run.results if each.grade is not None]
    costs = [each.cost.total_usd for each in run.results]  # type: ignore[union-attr]
    times = [each.outcome.latency_s for each in run.results]
    return float(np.sum(grades) + np.sum(costs) + np.sum(times))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="?", type=int, default=10_000)
    parser.add_argument("slices", nargs="?", type=int, default=20)
    asked = parser.parse_args()
    before, after = (
        sliced(run, asked.slices) for run in draw_runs(np.random.default_rng(0), asked.cases, Truth())
    )
    taken = best_of(lambda: judge(compare(before, after), before.manifest.rules))
    floor = best_of(lambda: (read_once(before), read_once(after)))
    checks = len(judge(compare(before, after), before.manifest.rules).checks)
    print(f"{asked.cases:,} cases, {asked.slices} slices, {checks} checks: {taken:.3f} s")
    print(f"floor, reading the same numbers once: {floor:.4f} s; ratio {taken / floor:.1f}")
    imported = sorted(name for name in sys.modules if name.startswith("scipy.stats"))
    if imported:
        print(f"scipy.stats was imported: {imported[0]}")
    return int(taken >= 0.3 or bool(imported))


if __name__ == "__main__":
    sys.exit(main())
