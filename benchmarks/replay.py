"""How long the gate takes on many recorded cases, against merely reading the same files.

    python benchmarks/replay.py [CASES …]          (default: 10000 100000)

For each size it writes a project of that many cases with recordings of two deployments, then measures two
things, each in its own process, best of five: ``evalgate run`` (load, replay two policies, price, grade,
compare, gate, write the runs) and the floor (read the same case and recording files and decode each line with
the standard library's json). Prints seconds, peak memory and two ratios: of the whole processes, and of the
work alone, that is without the start of the interpreter and the imports, which do not grow with the cases.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SYSTEM = "You answer questions about orders. " + "Be brief, be right, and never invent an order number. " * 6
POLICY = """
prompt:
  - {{role: system, content: {system}}}
  - {{role: user, content: "{{{{input}}}}"}}
params: {{temperature: 0, max_tokens: 200}}
deployments:
  weak:
    {{provider: gateway, model: small, revision: "1", price: {{input_per_1m: 0.15, output_per_1m: 0.6}}}}
  strong:
    {{provider: gateway, model: large, revision: "1", price: {{input_per_1m: 2.5, output_per_1m: 10}}}}
router: {{kind: column, column: need, threshold: {threshold}, strong: strong, weak: weak}}
reliability: {{num_retries: 2, request_timeout_s: 30}}
"""
PROJECT = """
providers: {gateway: {kind: openai, origin: "http://127.0.0.1:9"}}
budgets:
  accuracy: {max_drop: 2pp, min: 50%}
  cost_per_correct: {max_rise: 5%}
  latency_p95: {max_rise: 10%, on_inconclusive: warn}
"""
SUITE = """
policies: policies/orders
grader: {kind: choice, labels: [yes-it-is, no-it-is-not, nobody-knows]}
slices: [channel]
"""
LABELS = ["yes-it-is", "no-it-is-not", "nobody-knows"]
# An installed program is compiled once; where that is switched off, every start would compile it anew.
AS_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
FLOOR = """
import json, sys
count = 0
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        for line in file:
            json.loads(line)
            count += 1
"""


def write_project(root: Path, count: int) -> list[Path]:
    """Write a project whose two policies differ in the router's threshold; return its data files."""
    suite, family = root / "suites" / "orders", root / "policies" / "orders"
    (suite / "recordings").mkdir(parents=True)
    family.mkdir(parents=True)
    (root / "evalgate.yaml").write_text(PROJECT)
    (suite / "suite.yaml").write_text(SUITE)
    for name, threshold in (("production", 0.5), ("less-strong", 0.6)):
        text = POLICY.format(system=json.dumps(SYSTEM), threshold=threshold)
        (family / f"{name}.yaml").write_text(text)
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(4000)]
    with (suite / "cases.jsonl").open("w") as file:
        for number in range(count):
            case = {
                "id": f"c-{number:06d}",
                "input": " ".join(rng.choices(words, k=110)),
                "target": rng.choice(LABELS),
                "vars": {"need": round(rng.random(), 4)},
                "slices": {"channel": rng.choice(["email", "chat", "voice"])},
            }
            file.write(json.dumps(case) + "\n")
    record_all(root, rng)
    return [suite / "cases.jsonl", suite / "recordings" / "made.jsonl"]


def record_all(root: Path, rng: random.Random) -> None:
    """Write a recording of every deployment for every case, as ``evalgate record`` would."""
    from evalgate.core.messages import message_json
    from evalgate.load.project import load_project
    from evalgate.serving.requests import request_for

    suite = load_project(root).suites[0]
    session = {"id": "s1", "interleaved": True, "started_at": "2026-11-01T00:00:00+00:00"}
    header = {"schema": "evalgate/recordings@1", "made_by": "benchmarks/replay.py", "sessions": [session]}
    with (suite.folder / "recordings" / "made.jsonl").open("w") as file:
        file.write(json.dumps(header) + "\n")
        for case in suite.cases:
            for alias, right in (("weak", 0.85), ("strong", 0.9)):
                request = request_for(case, suite.baseline.deployments[alias], 0)
                answer = case.target if rng.random() < right else rng.choice(LABELS)
                usage = {"input_tokens": 320 + len(case.input) // 4, "output_tokens": rng.randint(5, 60)}
                line = {
                    "digest": request.digest,
                    "kind": request.kind,
                    "request": {
                        "provider": request.provider,
                        "model": request.model,
                        "revision": request.revision,
                        "quantization": None,
                        "messages": [message_json(message) for message in request.messages],
                        "params": dict(request.params),
                    },
                    "trial": 0,
                    "sample": 0,
                    "session": "s1",
                    "attempts": [
                        {
                            "at": "2026-11-01T00:00:01.000Z",
                            "latency_s": round(rng.lognormvariate(-0.7 if alias == "weak" else 0.2, 0.4), 4),
                            "status": 200,
                            "usage": usage,
                            "model_served": request.model,
                            "billing": "billed",
                        }
                    ],
                    "response": {"text": answer, "finish_reason": "stop"},
                }
                file.write(json.dumps(line) + "\n")


def measure(command: list[str], cwd: Path, ok: set[int]) -> tuple[float, float]:
    """Return the best seconds of five and the peak resident megabytes of a command."""
    best, peak = float("inf"), 0.0
    for _ in range(5):
        script = (
            "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], "
            "stdout=subprocess.DEVNULL).returncode; "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, code)"
        )
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", script, *command],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=True,
            env=AS_INSTALLED,
        )
        seconds = time.perf_counter() - started
        kilobytes, code = map(int, done.stdout.split())
        if code not in ok:
            sys.exit(f"{' '.join(command)} ended with {code}:\n{done.stderr}")
        best, peak = min(best, seconds), max(peak, kilobytes / 1024)
    return best, peak


def main() -> None:
    """Measure every size that was asked for."""
    start_s, _ = measure([sys.executable, "-c", "import evalgate.cli.main, evalgate.pipeline.run"], ROOT, {0})
    bare_s, _ = measure([sys.executable, "-c", "import json"], ROOT, {0})
    help_s, _ = measure([sys.executable, "-m", "evalgate", "--help"], ROOT, {0})
    print(f"start-up: evalgate run {start_s:.2f} s, --help {help_s:.2f} s, the floor {bare_s:.2f} s")
    head = ("cases", "files MB", "run s", "floor s", "ratio", "of work", "peak MB")
    print(" ".join(f"{each:>9}" for each in head))
    for count in [int(each) for each in sys.argv[1:]] or [10_000, 100_000]:
        with tempfile.TemporaryDirectory() as folder:
            files = write_project(Path(folder), count)
            size = sum(file.stat().st_size for file in files) / 1e6
            run_s, peak = measure([sys.executable, "-m", "evalgate", "run"], Path(folder), {0, 1, 3})
            floor_s, _ = measure([sys.executable, "-c", FLOOR, *map(str, files)], Path(folder), {0})
        work = (run_s - start_s) / (floor_s - bare_s)
        row = (count, f"{size:.1f}", f"{run_s:.2f}", f"{floor_s:.2f}", f"{run_s / floor_s:.2f}")
        print(" ".join(f"{each:>9}" for each in (*row, f"{work:.2f}", f"{peak:.0f}")), flush=True)


if __name__ == "__main__":
    main()
