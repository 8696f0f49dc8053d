"""How long cases take to load, and how much memory a million of them.

    python benchmarks/load.py [ROWS]                (default: 1000000)

Prints the best of five for 10,000 cases of JSON Lines, CSV and JSON, each in a process of its own. Then it
writes a Parquet file of ROWS rows in row groups of 50,000, streams it case by case through the column map as
a suite would, and prints seconds and the resident memory at every tenth of the way: it must not grow.
Needs the extra `data`.
"""

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CASES = 10_000
LABELS = ["billing", "shipping", "account", "technical"]
PROJECT = 'providers: {local: {kind: openai, origin: "http://127.0.0.1:9"}}\n'
POLICY = 'deployments: {only: {provider: local, model: small, revision: "1"}}\n'
SUITE = (
    "policies: policies/tickets\ngrader: {kind: choice, labels: [billing, shipping, account, technical]}\n"
)
COLUMNS = "columns: {input: text, target: label, slices.channel: channel}"
SOURCES = {
    "JSON Lines": "cases.jsonl",
    "CSV": f"{{dataset: csv, path: cases.csv, {COLUMNS}}}",
    "JSON": f"{{dataset: json, path: cases.json, {COLUMNS}}}",
}
LOAD = """
import sys, time
from pathlib import Path
from evalgate.core.suite_file import SuiteFile
from evalgate.load.case_files.case_sources import load_cases
from evalgate.load.syntax.documents import read_yaml
from evalgate.load.findings import Findings

root = Path.cwd()
document = read_yaml(root / "suites/tickets/suite.yaml", SuiteFile, "suite.yaml")
findings = Findings(root)
started = time.perf_counter()
cases = load_cases(document, findings)
print(time.perf_counter() - started)
findings.raise_if_any()
assert len(cases.cases) == int(sys.argv[1])
"""
STREAM = """
import sys, time
from pathlib import Path
from evalgate.core.suite_file import SuiteFile
from evalgate.load.case_files.case_sources import cases_in, open_table
from evalgate.load.syntax.documents import read_yaml
from evalgate.load.findings import Findings

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

root, step = Path.cwd(), int(sys.argv[1]) // 10
document = read_yaml(root / "suites/tickets/suite.yaml", SuiteFile, "suite.yaml")
table = open_table(document, Findings(root))
problems, count = [], 0
print(f"{0:>10,} {0:8.1f} {resident_mb():10.0f}", flush=True)
started = time.perf_counter()
for place, case in cases_in(document, table, problems):
    count += 1
    if count % step == 0:
        print(f"{count:>10,} {time.perf_counter() - started:8.1f} {resident_mb():10.0f}", flush=True)
assert count == int(sys.argv[1]) and not problems
"""


def rows(count: int) -> Iterator[dict[str, str]]:
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(4000)]
    for _ in range(count):
        yield {
            "text": " ".join(rng.choices(words, k=40)),
            "label": rng.choice(LABELS),
            "channel": rng.choice(["email", "chat", "voice"]),
        }


def write_small(suite: Path) -> None:
    """Write the same cases in each of the three formats."""
    made = list(rows(CASES))
    with (suite / "cases.jsonl").open("w") as file:
        for number, row in enumerate(made):
            case = {
                "id": f"c-{number:06d}",
                "input": row["text"],
                "target": row["label"],
                "slices": {"channel": row["channel"]},
            }
            file.write(json.dumps(case) + "\n")
    (suite / "cases.json").write_text(json.dumps(made))
    with (suite / "cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, made[0])
        writer.writeheader()
        writer.writerows(made)


def write_parquet(path: Path, count: int) -> None:
    """Write the rows group by group, so that writing them takes no memory either."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, group, made = None, [], rows(count)
    for number, row in enumerate(made, start=1):
        group.append(row)
        if len(group) == 50_000 or number == count:
            table = pa.Table.from_pylist(group)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
            group.clear()
    writer.close()


def run(program: str, argument: int, root: Path) -> str:
    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(root / "hub")}
    command = [sys.executable, "-c", program, str(argument)]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def main() -> None:
    """Measure both."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        suite = root / "suites" / "tickets"
        suite.mkdir(parents=True)
        (root / "evalgate.yaml").write_text(PROJECT)
        write_small(suite)
        print(f"{CASES:,} cases     best s of 5")
        for name, source in SOURCES.items():
            (suite / "suite.yaml").write_text(f"{SUITE}cases: {source}\n")
            best = min(float(run(LOAD, CASES, root)) for _ in range(5))
            print(f"{name:<16} {best:8.3f}")
        write_parquet(suite / "cases.parquet", count)
        size = (suite / "cases.parquet").stat().st_size / 1e6
        source = f"{{dataset: parquet, path: cases.parquet, streaming: true, {COLUMNS}}}"
        (suite / "suite.yaml").write_text(f"{SUITE}cases: {source}\n")
        print(f"\nParquet of {count:,} rows, {size:.0f} MB\n{'cases':>10} {'s':>8} {'resident MB':>12}")
        print(run(STREAM, count, root), end="")


if __name__ == "__main__":
    main()
