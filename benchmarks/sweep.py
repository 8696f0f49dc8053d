"""A thousand thresholds over all of MMLU: how long the curve takes, intervals included.

    python benchmarks/sweep.py [DATA]               (default: ../shared/data/routellm_mmlu)

Reads the recorded correctness of a weak and a strong model with a router's score for each case, gives every
call a made-up but varied cost and latency (the source has none), and prints the time of 1,000 thresholds
beside that of the same metrics measured one mixed run at a time. The goal is under 2 s.
"""

import csv
import gzip
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.routing import MANIFEST
from evalgate.core.outcome import Answer, Cost, Grade, Graded, Outcome
from evalgate.core.run import Run
from evalgate.scoring.accuracy import quality_of
from evalgate.scoring.columns import Columns, columns_of
from evalgate.scoring.cost import cost_of
from evalgate.scoring.geomean import geomean_of
from evalgate.scoring.p95 import p95_of
from evalgate.scoring.setting import Setting
from evalgate.scoring.sweep import threshold_curve

THRESHOLDS = 1000
ONE_BY_ONE = 20


def main() -> None:
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/routellm_mmlu")
    if not data.is_dir():
        print(f"skipped: {data} is not there")
        return
    with gzip.open(data / "router_scores_ours.csv.gz", "rt", newline="") as file:
        scores = {row["case_id"]: float(row["tfidf_lr_score"]) for row in csv.DictReader(file)}
    with gzip.open(data / "mmlu.csv.gz", "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["case_id"] in scores]
    weak, strong = (side(rows, name, seed) for seed, name in enumerate(("weak_correct", "strong_correct")))
    values = np.array([scores[row["case_id"]] for row in rows])
    thresholds = np.linspace(values.min(), values.max(), THRESHOLDS).tolist()
    setting = Setting(0.05)
    start = time.perf_counter()
    points = threshold_curve(weak, strong, values, thresholds, setting)
    together_s = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(ONE_BY_ONE):
        for metric in (lambda c, s: quality_of(c, "accuracy", s), cost_of, p95_of, geomean_of):
            metric(weak, setting)
    alone_s = (time.perf_counter() - start) / ONE_BY_ONE * THRESHOLDS
    first, last = points[0].metrics["accuracy"], points[-1].metrics["accuracy"]
    print(f"cases                      {len(rows):,}")
    print(f"all strong, all weak       {first.value:.4f}, {last.value:.4f}")
    print(f"{THRESHOLDS:,} thresholds           {together_s:.2f} s (goal 2 s)")
    print(f"the same, one at a time    {alone_s:.2f} s, {alone_s / together_s:.1f} times as long")


def side(rows: list[dict[str, str]], name: str, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    costs = rng.lognormal(-8 + 3 * seed, 0.5, len(rows))
    times = rng.lognormal(-0.5 + seed, 0.4, len(rows))
    results = []
    for row, usd, latency_s in zip(rows, costs.tolist(), times.tolist(), strict=True):
        right = row[name] in {"1", "1.0", "True", "true"}
        outcome = Outcome(row["case_id"], 0, Answer(row["case_id"]), None, latency_s, ())
        results.append(Graded(outcome, Cost(usd), Grade(float(right), right), {}))
    return columns_of(Run(MANIFEST, tuple(results)))


if __name__ == "__main__":
    main()
