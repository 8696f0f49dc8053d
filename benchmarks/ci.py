"""How long a pull request waits that changes nothing which is judged, and one that changes a policy.

    uv run python benchmarks/ci.py

A repository with 5,000 other files and a suite of 2,000 cases is made in a temporary folder. Each figure is
the best of three; the floor is what importing the command line and one `git diff` take in the same run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CASES, OTHER_FILES, RUNS = 2_000, 5_000, 3
PROJECT = """\
providers: {app: {kind: function, path: "app:answer"}}
budgets: {accuracy: {max_drop: 5pp}}
"""
POLICY = "deployments: {only: {provider: app, model: loud, revision: '1', price: {per_request: 0.001}}}\n"
APP = "def answer(request):\n    return request.input.upper()\n"
GOAL_S = 2.0


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _make(folder)
        _write(folder, "README.md", "more\n")
        nothing = _best(folder, _evalgate("ci", "--baseline", "git:HEAD", "--out", "out"))
        _write(folder, "policies/words/production.yaml", POLICY + "response: {normalize: [strip]}\n")
        judged = _best(folder, _evalgate("ci", "--baseline", "git:HEAD", "--out", "out"))
        floor = _best(folder, _evalgate("--version")) + _best(folder, ["git", "diff", "--name-only", "HEAD"])
    print(
        f"nothing relevant changed: {nothing:.2f} s, {nothing / floor:.1f} times the floor (goal: {GOAL_S} s)"
    )
    print(f"a policy changed:         {judged:.2f} s, {judged / floor:.1f} times the floor ({CASES:,} cases)")
    print(f"floor:                    {floor:.2f} s")


def _make(folder: Path) -> None:
    _write(folder, "evalgate.yaml", PROJECT)
    _write(folder, "suites/words/suite.yaml", "policies: policies/words\ngrader: {kind: exact}\n")
    lines = (json.dumps({"id": f"c{n}", "input": f"w{n}", "target": f"W{n}"}) for n in range(CASES))
    _write(folder, "suites/words/cases.jsonl", "\n".join(lines) + "\n")
    _write(folder, "policies/words/production.yaml", POLICY)
    _write(folder, "app.py", APP)
    _write(folder, ".gitignore", ".evalgate/\nout/\n")
    for number in range(OTHER_FILES):
        _write(folder, f"src/{number % 100}/{number}.txt", f"{number}\n")
    _run(folder, ["git", "init", "-q", "-b", "main"])
    _run(folder, _evalgate("record", "-q"))
    _run(folder, ["git", "add", "-A"])
    _run(folder, ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "all"])


def _evalgate(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "evalgate", *arguments]


def _best(folder: Path, command: list[str]) -> float:
    def once() -> float:
        start = time.perf_counter()
        _run(folder, command)
        return time.perf_counter() - start

    return min(once() for _ in range(RUNS))


def _run(folder: Path, command: list[str]) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        command, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    main()
