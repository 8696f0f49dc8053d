"""How often the gate is wrong, and how often it can decide: error rates and power of every interval.

    python benchmarks/calibration.py [--quick] [SECTION …]

Sections: accuracy, graded, clusters, cost, p95, gate, sequential, judge. Prints one table a section and its
targets with ``ok`` or ``over``; exit status 1 when one is over. Everything is seeded, row by row, so the
figures do not depend on the number of processes; a few minutes on two cores. ``--quick`` takes a fifth of
the draws and shows whether it runs, not whether it holds.

False pass: how often a candidate that is exactly as much worse as the budget allows is passed (5 % is meant).
False fail: how often that same candidate is failed. Power: how often an unchanged candidate passes.
Binary accuracy is enumerated exactly; the rest is drawn, with a standard error of .003 to .005 (.02 where
whole gates are run).
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import calibration_costs
import calibration_gates
import calibration_shares
import calibration_times
from calibration_rows import Row, Target

SECTIONS = {
    "accuracy": calibration_shares.ACCURACY,
    "graded": calibration_shares.GRADED,
    "clusters": calibration_shares.CLUSTERS,
    "cost": calibration_costs.COST,
    "p95": calibration_times.P95,
    "gate": calibration_gates.GATE,
    "sequential": calibration_gates.SEQUENTIAL,
    "judge": calibration_shares.JUDGE,
}


@dataclass(frozen=True)
class Outcome:
    row: Row
    rates: dict[str, float]


def measure(task: tuple[str, int, float]) -> dict[str, float]:
    """Measure one row, named by section and place: what a row draws with cannot travel between processes."""
    section, place, share = task
    return SECTIONS[section].rows[place].measure(share)


def show(name: str, outcomes: Sequence[Outcome], targets: Iterable[Target]) -> bool:
    columns = list(dict.fromkeys(key for each in outcomes for key in each.rates))
    width = max(len(each.row.name) for each in outcomes)
    print(f"\n{name}\n{'':{width}}  " + "  ".join(f"{column:>10}" for column in columns))
    for each in outcomes:
        cells = (
            f"{each.rates[column]:>10.3f}" if column in each.rates else f"{'':>10}" for column in columns
        )
        print(f"{each.row.name:{width}}  " + "  ".join(cells))
    held = True
    for target in targets:
        values = [each.rates[target.rate] for each in outcomes if target.covers(each.row)]
        worst = (min if target.at_least else max)(values)
        ok = worst >= target.bound if target.at_least else worst <= target.bound
        held &= ok
        sign = ">=" if target.at_least else "<="
        print(f"  {'ok  ' if ok else 'over'}  {target.says}: {worst:.3f} (target {sign} {target.bound})")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    started, held = time.perf_counter(), True
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for name in asked.sections or SECTIONS:
            section = SECTIONS[name]
            tasks = [(name, place, 0.2 if asked.quick else 1.0) for place in range(len(section.rows))]
            begun = time.perf_counter()
            outcomes = [Outcome(*each) for each in zip(section.rows, pool.map(measure, tasks), strict=True)]
            title = f"{section.title} ({time.perf_counter() - begun:.0f} s)"
            held &= show(title, outcomes, section.targets)
    print(
        f"\n{time.perf_counter() - started:.0f} s; {'every target is met' if held else 'a target is missed'}"
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
