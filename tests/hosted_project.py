"""A suite answered by an API in production; proposals move it to machines of one's own."""

import random
from pathlib import Path

MODELS = '''
import hashlib

from evalgate.core.calls import Usage
from evalgate.core.functions import FunctionReply


def answer(asked):
    """The API is right always, the own model almost; answers differ in length."""
    drawn = int.from_bytes(hashlib.sha256(asked.input.encode()).digest()[:4]) / 2**32
    right = asked.model == "api" or drawn > 0.005
    usage = Usage(input_tokens=300, output_tokens=60 + int(80 * drawn))
    return FunctionReply("yes" if right else "no", usage=usage)
'''
PROJECT = """
providers: {app: {kind: function, path: "models:answer"}}
budgets: {accuracy: {max_drop: 5pp}, cost_per_correct: {max_rise: 5%}}
"""
SUITE = """
policies: policies/faq
cases: cases.jsonl
grader: {kind: exact}
"""
DEPLOYMENTS = """
deployments:
  api:
    {provider: app, model: api, revision: "1", price: {input_per_1m: 0.5, output_per_1m: 3}}
  own:
    provider: app
    model: own
    revision: "1"
    price:
      hosting:
        usd_per_hour: 2.5
        utilisation: UTILISATION
        ops_usd_per_month: 365
        objective: {ttft_p95_s: 0.1, tpot_p95_s: 0.02}
        report: benchmarks.json
"""


def write_project(root: Path, utilisation: float = 0.8, cases: int = 240) -> None:
    """Write it; ``own-machines`` and the rejected ``idle-machines`` differ in how full they are."""
    from tests.bench_reports import guidellm

    for name in (".git", "suites/faq", "policies/faq/rejected"):
        (root / name).mkdir(parents=True)
    (root / "models.py").write_text(MODELS)
    (root / "evalgate.yaml").write_text(PROJECT)
    (root / "suites/faq/suite.yaml").write_text(SUITE)
    words = random.Random(7)
    lines = (
        f'{{"id": "q-{at}", "input": "Is {words.random():.9f} less than 1?", "target": "yes"}}\n'
        for at in range(cases)
    )
    (root / "suites/faq/cases.jsonl").write_text("".join(lines))
    for name, used, full in (
        ("production", "api", utilisation),
        ("own-machines", "own", utilisation),
        ("rejected/idle-machines", "own", 0.05),
    ):
        written = DEPLOYMENTS.replace("UTILISATION", f"{full}")
        if "rejected" in name:
            written = written.replace("benchmarks.json", "../benchmarks.json")
        (root / f"policies/faq/{name}.yaml").write_text(f"use: {used}\n{written}")
    (root / "policies/faq/benchmarks.json").write_text(guidellm())
