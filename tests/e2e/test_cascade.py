"""A suite behind a cascade: one proposal ships, one is blocked, and every threshold replays for nothing."""

import json
import random
from pathlib import Path

import pytest

from tests.command_line import evalgate

ROOT = Path(__file__).parents[2]
MODELS = '''
import hashlib
import math

from evalgate.core.calls import TokenLogprob, Usage
from evalgate.core.functions import FunctionReply


def draw(*parts):
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4]) / 2**32


def answer(asked):
    """Small errs on hard texts, knows it, and draws another answer each time; large is right."""
    hard = "hard" in asked.input.split()
    usage = Usage(input_tokens=10, output_tokens=1)
    if asked.model == "checker":
        return FunctionReply("1" if hard else "5", usage=usage)
    if asked.model == "large" or not hard:
        return FunctionReply("yes", usage=usage, logprobs=(TokenLogprob("yes", math.log(0.97)),))
    said = ["no", "maybe", "yes"][int(3 * draw(asked.input, asked.sample))]
    sure = 0.3 + 0.4 * draw(asked.input, "sure")
    return FunctionReply(said, usage=usage, logprobs=(TokenLogprob(said, math.log(sure)),))
'''
PROJECT = """
providers: {app: {kind: function, path: "models:answer"}}
budgets: {accuracy: {max_drop: 3pp}, cost_per_correct: {max_rise: 5%}}
"""
DEPLOYMENTS = """
params: {logprobs: true}
deployments:
  small:   {provider: app, model: small, revision: "1", price: {input_per_1m: 1}}
  large:   {provider: app, model: large, revision: "1", price: {input_per_1m: 20}}
"""
CHECKER = """  checker:
    provider: app
    model: checker
    revision: "1"
    price: {input_per_1m: 1}
    prompt: [{role: user, content: "{{input}} / {{answer}}"}]
"""
POLICIES = {
    "production": "use: large",
    "unsure-goes-up": (
        "cascade: {order: [small, large], confidence: {kind: mean_logprob}, escalate_below: 0.8}"
    ),
    "rejected/seldom-goes-up": (
        "cascade: {order: [small, large], confidence: {kind: mean_logprob}, escalate_below: 0.4}"
    ),
    "rejected/vote": (
        "cascade: {order: [small, large], confidence: {kind: self_consistency, samples: 4}, "
        "escalate_below: 0.9}"
    ),
    "rejected/checked": (
        "cascade: {order: [small, large], "
        "confidence: {kind: verifier, deployment: checker, range: [1, 5]}, escalate_below: 3}"
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    for name in (".git", "suites/faq", "policies/faq/rejected"):
        (root / name).mkdir(parents=True)
    (root / "models.py").write_text(MODELS)
    (root / "evalgate.yaml").write_text(PROJECT)
    (root / "suites/faq/suite.yaml").write_text("policies: policies/faq\ngrader: {kind: exact}\n")
    rng = random.Random(1)
    cases = [
        {"id": f"q{at}", "input": f"question {at}{' hard' if rng.random() < 0.35 else ''}", "target": "yes"}
        for at in range(160)
    ]
    (root / "suites/faq/cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    for name, choice in POLICIES.items():
        checker = CHECKER if "checker" in choice else ""
        (root / f"policies/faq/{name}.yaml").write_text(f"{DEPLOYMENTS}{checker}{choice}\n")
    every = [option for name in POLICIES for option in ("--policy", Path(name).name)][2:]
    done = evalgate(root, "record", "suites/faq", *every, "--cover", "deployments", "--seed", "1", "-q")
    assert done.returncode == 0, done.stderr
    return root


def compared(project, *policies):
    named = [option for name in policies for option in ("--policy", name)]
    done = evalgate(project, "run", *named, "--format", "json")
    return done, {each["candidate"]: each for each in json.loads(done.stdout)["comparisons"]}


def test_the_careful_cascade_ships_cheaper_and_as_right(project):
    done, found = compared(project)
    assert done.returncode == 0, done.stdout
    cascade = found["unsure-goes-up"]["sides"]["candidate"]["cascade"]
    assert 0.2 < cascade["escalation_rate"] < 0.5
    assert cascade["checks"] == 0
    assert float(cascade["escalations_usd"]) > 0
    assert found["unsure-goes-up"]["cases"]["broke"] == 0
    assert "cascade" not in found["unsure-goes-up"]["sides"]["baseline"]


def test_the_careless_cascade_is_blocked_by_a_proven_fall_of_accuracy(project):
    done, found = compared(project, "seldom-goes-up")
    assert done.returncode == 1, done.stdout
    assert found["seldom-goes-up"]["headline"].startswith("accuracy")
    rates = [
        compared(project, name)[1][name]["sides"]["candidate"]["cascade"]["escalation_rate"]
        for name in ("seldom-goes-up", "unsure-goes-up")
    ]
    assert rates[0] < rates[1]


def test_samples_and_verifiers_are_paid(project):
    _, found = compared(project, "vote", "checked")
    vote, checked = (found[name]["sides"]["candidate"] for name in ("vote", "checked"))
    assert vote["cascade"]["checks"] == 3 * 160
    assert float(vote["cascade"]["confidence_usd"]) == pytest.approx(3 * 10e-6)
    assert checked["cascade"]["checks"] == 160
    assert float(checked["cascade"]["confidence_usd"]) == pytest.approx(10e-6)


def test_the_result_and_the_report_tell_the_path(project):
    done = evalgate(project, "run", "--policy", "vote", "--report", "report.html", "-q")
    assert "escalated" in done.stdout
    assert "of it to be sure" in done.stdout
    page = (project / "report.html").read_text()
    assert "samples and verifiers" in page
    compared_again = evalgate(
        project,
        "compare",
        ".evalgate/runs/faq/production.run.jsonl",
        ".evalgate/runs/faq/vote.run.jsonl",
        *("--format", "json"),
    )
    (again,) = json.loads(compared_again.stdout)["comparisons"]
    assert again["sides"]["candidate"]["cascade"]["checks"] == 3 * 160


def test_the_deferral_curve_runs_from_the_small_model_to_the_large_one(project):
    done = evalgate(project, "deferral", "--points", "5", "--format", "json", "-q")
    assert done.returncode == 0, done.stderr
    (curve,) = json.loads(done.stdout)["curves"]
    rates = [point["escalation_rate"] for point in curve["points"]]
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (0, 1)
    right = [point["accuracy"]["value"] for point in curve["points"]]
    assert right == sorted(right)
    assert right[-1] == 1
    (own,) = [point for point in curve["points"] if point["chosen"]]
    assert own["escalate_below"] == 0.8
    text = evalgate(project, "deferral", "--points", "3", "-q")
    assert "the policy's own" in text.stdout
    assert "no proof" in text.stdout


def test_a_sweep_of_the_threshold_runs_from_the_small_model_to_the_large_one(project):
    asked = ("sweep", "unsure-goes-up", "cascade.escalate_below=0..1:5", "--format", "json", "-q")
    done = evalgate(project, *asked)
    assert done.returncode == 0, done.stderr
    points = json.loads(done.stdout)["sweeps"][0]["points"]
    right, cost = (
        [float(point["metrics"][name]["value"]) for point in points]
        for name in ("accuracy", "cost_per_correct")
    )
    assert right == sorted(right)
    assert right[0] < 0.9 < right[-1] == 1
    assert cost[-1] > cost[0]
    assert [point["values"][0] for point in points if point["in_policy"]] == [0.8]


def test_a_project_without_a_cascade_says_so(project):
    done = evalgate(project, "deferral", "--policy", "production")
    assert done.returncode == 2
    assert "none of these policies has a cascade" in done.stderr


def test_plan_counts_what_a_cascade_may_ask(project, tmp_path):
    done = evalgate(project, "plan", "--policy", "vote", "--mode", "live", "--format", "json")
    assert done.returncode == 0, done.stderr
    (suite,) = json.loads(done.stdout)["suites"]
    side = next(each for each in suite["sides"] if each["policy"] == "vote")
    calls = {row["deployment"]: row["needed"] for row in side["deployments"]}
    assert calls["small"] == 4 * 160


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("cascade: {order: [small, huge], confidence: {kind: mean_logprob}, escalate_below: 0.5}", "'huge'"),
        ("cascade: {order: [small, small], confidence: {kind: mean_logprob}, escalate_below: 0.5}", "twice"),
        ("cascade: {order: [small, large], confidence: {kind: mean_logprob}, escalate_below: 7}", "outside"),
        (
            "cascade: {order: [small, large], confidence: {kind: verifier, deployment: large}, "
            "escalate_below: 0.5}",
            "does not show it the answer",
        ),
        (
            "use: small\n"
            "cascade: {order: [small, large], confidence: {kind: mean_logprob}, escalate_below: 0.5}",
            "both cascade and use",
        ),
        (
            "cascade: {order: [small, large], confidence: {kind: mean_logprob}, escalate_below: 0.5, "
            "max_escalations: 2}",
            "it can escalate 1 times",
        ),
        (
            "cascade: {order: [small, large], confidence: {kind: column, column: {large: x}}, "
            "escalate_below: 0.5}",
            "no column holds the confidence of 'small'",
        ),
        (
            "cascade: {order: [small, large], confidence: {kind: column, column: sure}, escalate_below: 0.5}",
            "has no 'sure' in its vars",
        ),
    ],
)
def test_what_is_wrong_in_a_cascade_is_said_with_its_cure(project, written, said):
    policy = project / "policies/faq/rejected/wrong.yaml"
    policy.write_text(f"{DEPLOYMENTS}{written}\n")
    done = evalgate(project, "run", "--policy", "wrong")
    policy.unlink()
    assert done.returncode == 2
    assert said in done.stderr


def test_samples_at_temperature_0_are_refused(project):
    policy = project / "policies/faq/rejected/wrong.yaml"
    vote = "cascade: {order: [small, large], confidence: {kind: self_consistency}, escalate_below: 0.5}"
    policy.write_text(DEPLOYMENTS.replace("logprobs: true", "temperature: 0") + vote + "\n")
    done = evalgate(project, "run", "--policy", "wrong")
    policy.unlink()
    assert done.returncode == 2
    assert "5 samples of 'small' at temperature 0 are one answer" in done.stderr
