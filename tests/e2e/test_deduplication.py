"""Questions that come in bursts: waiting for one's own answer ships, waiting for another's is blocked."""

import json

import pytest

from tests.command_line import evalgate

MODELS = '''
import time

from evalgate.core.calls import Usage
from evalgate.core.functions import FunctionReply


def answer(asked):
    """Say the number that was asked about, after a time in which others ask."""
    time.sleep(0.02)
    number = "".join(letter for letter in asked.input if letter.isdigit())
    return FunctionReply(number, usage=Usage(input_tokens=20, output_tokens=1))
'''
PROJECT = """
providers: {app: {kind: function, path: "models:answer"}}
budgets: {accuracy: {max_drop: 2pp}, cost_per_correct: {max_rise: 5%}, false_hit_rate: {max: 10%}}
"""
SUITE = "policies: policies/orders\ngrader: {kind: number}\nordered: true\n"
POLICY = """
deployments: {only: {provider: app, model: only, revision: "1", price: {input_per_1m: 10}}}
use: only
cache: {mode: exact, in_flight: IN_FLIGHT, normalize: NORMALIZE, ttl_s: 0.5}
"""
POLICIES = {
    "production": ("ask", "[nfc, trim]"),
    "wait": ("wait", "[nfc, trim]"),
    "rejected/wait-for-alike": ("wait", "[nfc, mask_numbers, trim]"),
}
BURSTS = 60


def bursts():
    """Every second one order is asked about twice and another once, a millisecond apart."""
    for burst in range(BURSTS):
        for place, number in enumerate((2 * burst, 2 * burst, 2 * burst + 1)):
            yield {
                "id": f"b{burst}-{place}",
                "input": f"Where is order {1000 + number} now?",
                "target": 1000 + number,
                "same_answer": f"order/{1000 + number}",
                "at": burst + place / 1000,
            }


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    for name in (".git", "suites/orders", "policies/orders/rejected"):
        (root / name).mkdir(parents=True)
    (root / "models.py").write_text(MODELS)
    (root / "evalgate.yaml").write_text(PROJECT)
    (root / "suites/orders/suite.yaml").write_text(SUITE)
    (root / "suites/orders/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in bursts()))
    for name, (in_flight, normalize) in POLICIES.items():
        text = POLICY.replace("IN_FLIGHT", in_flight).replace("NORMALIZE", normalize)
        (root / f"policies/orders/{name}.yaml").write_text(text)
    done = evalgate(root, "record", "--policy", "wait", "--policy", "wait-for-alike", "-q")
    assert done.returncode == 0, done.stderr
    return root


def judged(project, policy):
    done = evalgate(project, "run", "--policy", policy, "--format", "json")
    (comparison,) = json.loads(done.stdout)["comparisons"]
    checks = {check["metric"]: check for check in comparison["checks"]}
    return done.returncode, checks, comparison["sides"]


def test_waiting_for_the_same_question_ships_and_asks_it_once(project):
    code, checks, sides = judged(project, "wait")
    assert code == 0
    assert {check["verdict"] for check in checks.values()} == {"pass"}
    assert sides["baseline"]["cache"]["hits"] == 0
    assert sides["candidate"]["cache"]["waited"] == sides["candidate"]["cache"]["right"] == BURSTS
    assert checks["cost_per_correct"]["change"]["value"] == pytest.approx(-1 / 3)


def test_waiting_for_a_question_that_only_looks_alike_is_blocked_by_false_hits(project):
    code, checks, sides = judged(project, "wait-for-alike")
    assert code == 1
    assert checks["false_hit_rate"]["verdict"] == "fail"
    cache = sides["candidate"]["cache"]
    assert (cache["waited"], cache["false"]) == (2 * BURSTS, BURSTS)


def test_text_and_report_say_what_waited(project):
    done = evalgate(project, "run", "--policy", "wait", "--report", "report.html")
    assert "hits that waited" in done.stdout
    assert "cache hits" in (project / "report.html").read_text(encoding="utf-8")
