"""What one case costs in the steps that every replay takes: routing, grading, pricing.

    python benchmarks/steps.py

Takes the suite of tickets under the policy in production, and prints for each step the best of five in
microseconds of the processor a case, and the ratio to a floor in the same run: decoding the case's recorded
line with the standard library's json, which no replay can do without.
"""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path

from evalgate.cli.progress import Silent
from evalgate.grading.grade import grade
from evalgate.load.project import load_project
from evalgate.pipeline.project.settings import RunSettings
from evalgate.pipeline.run import run_for_report
from evalgate.pricing.cost import cost_of
from evalgate.pricing.prices import resolve_prices
from evalgate.serving.route import compile_router

ROOT = Path(__file__).parents[1]


def best_us(work: Callable[[], object], cases: int) -> float:
    """Return the best of five, in microseconds of the processor a case."""
    taken = []
    for _ in range(5):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken) / cases * 1e6


def main() -> None:
    """Measure every step over all cases."""
    project = load_project(ROOT, ("suites/tickets",))
    suite = project.suites[0]
    policy = suite.baseline
    assert policy is not None
    assert policy.router is not None
    prices = resolve_prices(policy.deployments.values(), project.prices, project.price_at)
    ran = run_for_report(RunSettings(ROOT, suites=("suites/tickets",)), Silent())
    outcomes = [graded.outcome for graded in ran.runs[0][0].results]
    route = compile_router(policy.router)
    grader, correct_at = suite.grader, suite.correct_at
    files = sorted(suite.folder.glob("recordings/*.jsonl.gz"))
    recorded = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()[1:]]
    lines = recorded[: len(suite.cases)]
    steps: dict[str, Callable[[], object]] = {
        "routing (classifier)": lambda: [route(case) for case in suite.cases],
        "grading (choice)": lambda: [
            grade(case, outcome.result, grader, correct_at, None)
            for case, outcome in zip(suite.cases, outcomes, strict=True)
        ],
        "pricing": lambda: [cost_of(outcome, prices) for outcome in outcomes],
    }
    floor = best_us(lambda: [json.loads(line) for line in lines], len(lines))
    print(f"{'floor: decoding a line':24}{floor:8.1f} us")
    for name, work in steps.items():
        taken = best_us(work, len(suite.cases))
        print(f"{name:24}{taken:8.1f} us{taken / floor:8.2f} x")


if __name__ == "__main__":
    main()
