"""A help desk with a long prompt: rules, examples, then the question; cached from 1,024 tokens on."""

import json
from pathlib import Path

MODEL = '''
import re

from evalgate.core.calls import Usage
from evalgate.core.functions import FunctionReply

LAST = [""]


def answer(asked):
    """Always right. Counts words and marks as tokens, and says it found in its cache what it saw last."""
    text = "\\n".join(message.content for message in asked.messages)
    tokens = len(re.findall(r"\\w+|[^\\w\\s]", text))
    warm = text[:200] == LAST[0]
    LAST[0] = text[:200]
    cached = tokens // 128 * 128 if warm else 0
    return FunctionReply("yes", usage=Usage(tokens, cached_input_tokens=cached, output_tokens=1))
'''
PROJECT = """
providers: {desk: {kind: function, path: "model:answer"}}
budgets: {accuracy: {max_drop: 3pp}, cost_per_correct: {max_rise: 5%}}
prices: prices.yaml
"""
PRICES = "desk/large: {input_per_1m: 2.5, cached_input_per_1m: 0.25, output_per_1m: 10}\n"
CACHE = "prompt_cache: {block_tokens: 128, min_tokens: 1024, ttl_s: 300}"
SUITE = "policies: policies/desk\ngrader: {kind: exact}\n"
CASES = 120


def rules(count: int) -> str:
    """A paragraph of ten tokens a rule."""
    return " ".join(f"Rule {at} holds for every request of kind {at}." for at in range(count))


def policy(system: str, user: str = "Customer {{customer}} asks: {{input}}", cache: str = CACHE) -> str:
    prompt = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return (
        f"prompt: {json.dumps(prompt)}\n"
        f'deployments: {{large: {{provider: desk, model: large, revision: "1", {cache}}}}}\n'
    )


EXAMPLES = " ".join(f"Example {at} was answered with yes." for at in range(50))
POLICIES = {
    "production": policy(f"{rules(115)} {EXAMPLES}"),
    "without-examples": policy(rules(115)),
    "rejected/short-rules": policy(rules(90)),
    "rejected/customer-first": policy(f"You serve {{{{customer}}}}. {rules(115)} {EXAMPLES}", "{{input}}"),
}


def write_project(root: Path, policies: dict[str, str] = POLICIES, suite: str = SUITE) -> None:
    """Write the project; recordings are still to be made."""
    for name in (".git", "suites/desk", "policies/desk/rejected"):
        (root / name).mkdir(parents=True)
    (root / "model.py").write_text(MODEL)
    (root / "evalgate.yaml").write_text(PROJECT)
    (root / "prices.yaml").write_text(PRICES)
    (root / "suites/desk/suite.yaml").write_text(suite)
    cases = [
        {"id": f"q{at}", "input": f"May I have number {at}?", "target": "yes", "vars": {"customer": f"c{at}"}}
        for at in range(CASES)
    ]
    (root / "suites/desk/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    for name, text in policies.items():
        (root / f"policies/desk/{name}.yaml").write_text(text)
