"""The queue against closed forms, its speed, and an hour of real arrivals under load.

    python benchmarks/queues.py [TRACE]     (default: ../shared/data/azure_llm_trace_2023/conv.csv.gz)

Mean waits of a million requests beside Erlang's and Pollaczek and Khinchine's formulas, with the sampling
error; requests simulated a second on one core (goal: a million); then, where the trace is there, both sides
of a comparison on an hour of production traffic through a batching engine (goal: under 5 s).
"""

import csv
import gzip
import math
import sys
import time
from pathlib import Path

import numpy as np

from evalgate.core.load import Station, StepTime, Traffic
from evalgate.scoring.load.compare import Asked, compare_under_load
from evalgate.scoring.load.demand import Demand
from evalgate.scoring.load.queue import starts
from evalgate.scoring.load.replicate import Side

REQUESTS = 1_000_000
BATCHES = 20


def main() -> None:
    rng = np.random.default_rng(1)
    print("queue          waits on average   formula   sampling error   requests/s")
    for name, slots, busy, exponential in (
        ("M/M/1, 0.5", 1, 0.5, True),
        ("M/M/1, 0.8", 1, 0.8, True),
        ("M/M/8, 0.7", 8, 0.7, True),
        ("M/M/32, 0.9", 32, 0.9, True),
        ("M/D/1, 0.8", 1, 0.8, False),
    ):
        arrived = np.cumsum(rng.exponential(1.0, REQUESTS))
        service = rng.exponential(slots * busy, REQUESTS) if exponential else np.full(REQUESTS, busy)
        start = time.perf_counter()
        waits = starts(arrived, service, slots) - arrived
        took = time.perf_counter() - start
        formula = erlang_c(slots, busy) * busy / (1 - busy) if exponential else busy**2 / (2 * (1 - busy))
        batches = waits.reshape(BATCHES, -1).mean(axis=1)
        error = 2 * batches.std(ddof=1) / math.sqrt(BATCHES)
        verdict = "" if abs(waits.mean() - formula) <= 1.5 * error else "   OFF"
        numbers = f"{waits.mean():>16.4f} {formula:>9.4f} {error:>16.4f} {REQUESTS / took:>12,.0f}"
        print(f"{name:<14} {numbers}{verdict}")
    trace = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/azure_llm_trace_2023/conv.csv.gz")
    if trace.is_file():
        replay(trace)
    else:
        print(f"skipped: {trace} is not there")


def erlang_c(slots: int, busy: float) -> float:
    """The chance to wait in an M/M/c queue; in logarithms, so that many slots overflow nothing."""
    offered = slots * busy
    logs = [k * math.log(offered) - math.lgamma(k + 1) for k in range(slots)]
    last = slots * math.log(offered) - math.lgamma(slots + 1) - math.log(1 - busy)
    return 1 / (1 + sum(math.exp(each - last) for each in logs))


def replay(trace: Path) -> None:
    with gzip.open(trace, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    arrived = tuple(float(row["arrival_s"]) for row in rows)
    sizes = tuple((int(row["input_tokens"]), int(row["output_tokens"])) for row in rows)
    cases = 200
    demand = Demand(
        first=np.arange(cases + 1),
        tail_s=np.zeros(cases),
        station=np.zeros(cases, dtype=np.intp),
        service_s=np.zeros(cases),
        pause_s=np.zeros(cases),
        tokens=np.zeros(cases),
        prompt_tokens=np.zeros(cases, dtype=np.intp),
        output_tokens=np.ones(cases, dtype=np.intp),
    )
    engines = [StepTime(0.012, each, 0.00004, 128) for each in (0.0004, 0.0003)]
    sides = [Side(f"engine {at}", demand, [Station("own", engine=each)]) for at, each in enumerate(engines)]
    rps = (len(arrived) - 1) / arrived[-1]
    asked = Asked(Traffic(rps, 0.0, arrived, None, sizes), replications=1)
    start = time.perf_counter()
    found = compare_under_load("trace", sides[0], sides[1], np.ones(cases), asked)
    took = time.perf_counter() - start
    minutes = arrived[-1] / 60
    print(
        f"{trace.name}: {len(rows):,} requests in {minutes:.0f} minutes, both sides {took:.1f} s (goal 5 s)"
    )
    for side in (found.baseline, found.candidate):
        print(f"  {side.policy}: P95 {side.p95_s.value:.2f} s, {side.utilisation:.0%} of its places used")


if __name__ == "__main__":
    main()
