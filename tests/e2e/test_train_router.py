"""A router trained on what was recorded, used by a policy, and refused on the cases that it has seen."""

import json
import random
from pathlib import Path

import pytest

from tests.command_line import evalgate

ROOT = Path(__file__).parents[2]
MODELS = '''
from evalgate.core.calls import Usage
from evalgate.core.functions import FunctionReply


def answer(asked):
    """Small is wrong where a text says why, middle where it also says proof, large where it says riddle."""
    hard = {"small": "why", "middle": "proof", "large": "riddle"}[asked.model]
    said = "no" if hard in asked.input.split() else "yes"
    return FunctionReply(said, usage=Usage(input_tokens=10, output_tokens=1))
'''
PROJECT = """
suites: [suites]
providers: {app: {kind: function, path: "models:answer"}}
budgets: {accuracy: {max_drop: 5pp}}
"""
DEPLOYMENTS = """
deployments:
  small:  {provider: app, model: small, revision: "1", price: {input_per_1m: 1}}
  middle: {provider: app, model: middle, revision: "1", price: {input_per_1m: 4}}
  large:  {provider: app, model: large, revision: "1", price: {input_per_1m: 20}}
"""
SUITE = "policies: policies/faq\ngrader: {kind: exact}\n"
WORDS = [
    "parcel",
    "refund",
    "door",
    "lamp",
    "river",
    "stone",
    "quiet",
    "seven",
    "market",
    "window",
    "paper",
    "garden",
]


def questions(count, seed):
    rng = random.Random(seed)
    rows = []
    for at in range(count):
        words = rng.choices(WORDS, k=7)
        if rng.random() < 0.5:
            words += ["why", *(["proof"] if rng.random() < 0.5 else [])]
        if rng.random() < 0.05:
            words.append("riddle")
        rng.shuffle(words)
        rows.append({"id": f"q{at}", "input": " ".join(words), "target": "yes", "group": f"g{at // 2}"})
    return rows


def write_suite(folder, rows):
    folder.mkdir(parents=True)
    (folder / "suite.yaml").write_text(SUITE)
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    (root / ".git").mkdir()
    (root / "models.py").write_text(MODELS)
    (root / "evalgate.yaml").write_text(PROJECT)
    family = root / "policies/faq"
    family.mkdir(parents=True)
    (family / "production.yaml").write_text(DEPLOYMENTS + "use: large\n")
    write_suite(root / "training/faq-training", questions(240, seed=1))
    write_suite(root / "suites/faq", questions(120, seed=2))
    for suite in ("training/faq-training", "suites/faq"):
        done = evalgate(root, "record", suite, "--cover", "deployments", "-q")
        assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="module")
def trained(project):
    return evalgate(
        project,
        *("train-router", "training/faq-training", "-o", "policies/faq/router.json"),
        *("--order", "small,large", "--strong-share", "50%", "--format", "json"),
    )


def test_a_trained_router_is_told_apart_from_a_coin_and_serves(project, trained):
    assert trained.returncode == 0, trained.stderr
    (head,) = json.loads(trained.stdout)["heads"]
    assert head["apgr"]["low"] > 0.6
    assert head["cpt_50"] < 0.4
    assert head["chosen"]["strong_share"] <= 0.5
    written = json.loads((project / "policies/faq/router.json").read_text())
    assert set(written["split"]["cases"]["faq-training"]) == {f"q{at}" for at in range(240)}
    assert written["provenance"]["deployments"].keys() == {"small", "large"}
    router = "{kind: classifier, model: router.json, threshold: 0.4, strong: large, weak: small}"
    (project / "policies/faq/routed.yaml").write_text(f"{DEPLOYMENTS}router: {router}\n")
    done = evalgate(project, "run", "suites/faq", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    (comparison,) = json.loads(done.stdout)["comparisons"]
    assert comparison["shares"]["strong"] < 0.8
    assert comparison["cases"]["broke"] <= 3


def test_the_gate_refuses_cases_that_the_router_has_seen_and_names_them(project, trained):
    seen = project / "suites/seen"
    rows = [*questions(120, seed=3), {"id": "copy", "input": questions(240, seed=1)[17]["input"].upper()}]
    write_suite(seen, [{**row, "target": "yes"} for row in rows])
    router = "{kind: classifier, model: router.json, threshold: 0.4, strong: large, weak: small}"
    (project / "policies/faq/routed.yaml").write_text(f"{DEPLOYMENTS}router: {router}\n")
    done = evalgate(project, "run", "suites/seen")
    assert done.returncode == 2
    assert "trained on 1 of the 121 cases of suite seen (copy)" in done.stderr
    own = evalgate(project, "run", "training/faq-training", "--policy", "routed")
    assert own.returncode == 2
    assert "trained on 240 of the 240 cases of suite faq-training (q0, q1, q2, …)" in own.stderr


def test_a_share_is_learned_from_and_the_rest_becomes_cases_for_the_gate(project):
    done = evalgate(
        project,
        *("train-router", "training/faq-training", "-o", "half.json", "--order", "small,large"),
        *("--train-share", "60%", "--held-out", "held-out.jsonl", "--format", "json", "--seed", "4"),
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["cases"]
    held_out = [json.loads(line) for line in (project / "held-out.jsonl").read_text().splitlines()]
    assert counts["trained"] + counts["held_out"] == 240
    assert len(held_out) == counts["held_out"] > 50
    split = json.loads((project / "half.json").read_text())["split"]
    assert not {row["id"] for row in held_out} & set(split["cases"]["faq-training"])
    assert not {row["group"] for row in held_out} & set(split["groups"]["faq-training"])


def test_difficulty_chooses_between_three_deployments(project):
    done = evalgate(
        project,
        *("train-router", "training/faq-training", "-o", "policies/faq/difficulty.json"),
        *("--order", "small,middle,large", "--difficulty"),
    )
    assert done.returncode == 0, done.stderr
    assert "needs more than easy" in done.stdout
    assert "needs hard" in done.stdout
    router = (
        "{kind: difficulty, model: difficulty.json, enough: 0.7, easy: small, medium: middle, hard: large}"
    )
    (project / "policies/faq/rejected").mkdir(exist_ok=True)
    policy = project / "policies/faq/rejected/by-difficulty.yaml"
    policy.write_text(f"{DEPLOYMENTS}router: {router}\n".replace("difficulty.json", "../difficulty.json"))
    ran = evalgate(project, "run", "suites/faq", "--policy", "by-difficulty", "--format", "json")
    (comparison,) = json.loads(ran.stdout)["comparisons"]
    shares = comparison["sides"]["candidate"]["deployment_shares"]
    assert min(shares[alias] for alias in ("small", "middle", "large")) > 0.05
    assert ran.returncode in (0, 3), ran.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--order", "small,huge"), "no deployment 'huge'"),
        (("--order", "small,middle,large"), "needs two deployments, and there are 3"),
        (("--order", "small,large", "--difficulty"), "needs three deployments or more, and there are 2"),
        (("--order", "large,large"), "too little to learn from: 0 recorded cases need strong"),
        (("--train-share", "1.5"), "'1.5' is no share; write one like 40%"),
        (("--held-out", "x.jsonl"), "--held-out needs --train-share"),
        (("--policy", "nobody"), "--policy nobody"),
    ],
)
def test_what_cannot_be_learned_is_said_with_its_cure(project, options, said):
    done = evalgate(project, "train-router", "training/faq-training", "-o", "never.json", *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (project / "never.json").exists()
