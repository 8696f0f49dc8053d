"""A judge among the graders: its calls are recorded and replayed, and its money is not the policy's."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.loopback import Loopback, answer, embedding

ROOT = Path(__file__).parents[2]
POLICY = """
deployments:
  only: {provider: gateway, model: small, revision: "1", price: {per_request: COST}}
"""
SUITE = """
policies: policies/mail
grader:
  kind: judge
  rubric: Correct when the answer is polite.
  score: [1, 5]
  deployment:
    {provider: bench, model: large, revision: "7", price: {input_per_1m: 10, output_per_1m: 50}}
correct_at: 0.5
"""
PROJECT = """
providers:
  gateway: {kind: openai, origin: "ANSWERS"}
  bench: {kind: openai, origin: "JUDGE"}
budgets: {accuracy: {max_drop: 5pp}}
"""


def write(root, answers, judge):
    for name in ("suites/mail", "policies/mail", ".git"):
        (root / name).mkdir(parents=True)
    (root / "evalgate.yaml").write_text(PROJECT.replace("ANSWERS", answers).replace("JUDGE", judge))
    (root / "suites/mail/suite.yaml").write_text(SUITE)
    cases = "".join(json.dumps({"id": f"m{n}", "input": f"mail {n}"}) + "\n" for n in range(6))
    (root / "suites/mail/cases.jsonl").write_text(cases)
    (root / "policies/mail/production.yaml").write_text(POLICY.replace("COST", "0.02"))
    (root / "policies/mail/cheaper.yaml").write_text(POLICY.replace("COST", "0.01"))


def evalgate(root, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "evalgate", *arguments],
        cwd=root,
        env={"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_judges_calls_are_recorded_and_replayed_and_paid_apart(tmp_path):
    said = json.dumps({"score": 4, "reason": "polite enough"})
    with Loopback([answer("Dear customer, yes.")]) as answers, Loopback([answer(said)]) as judge:
        write(tmp_path, answers.origin, judge.origin)
        recorded = evalgate(tmp_path, "record", "suites/mail", "--seed", "3")
        assert len(judge.received) == 6, "equal answers are judged once, for both policies"
        assert len(answers.received) == 6
    assert recorded.returncode == 0, recorded.stderr
    assert "12 made" in recorded.stdout

    judged = evalgate(tmp_path, "run", "--format", "json")
    assert judged.returncode == 0, judged.stderr
    (comparison,) = json.loads(judged.stdout)["comparisons"]
    assert comparison["cases"]["both_right"] == 6
    assert comparison["sides"]["candidate"]["cost_per_request_usd"].startswith("0.01000")


def test_a_judge_that_says_nothing_usable_is_no_wrong_answer(tmp_path):
    with Loopback([answer("Dear customer, yes.")]) as answers, Loopback([answer("what a day")]) as judge:
        write(tmp_path, answers.origin, judge.origin)
        assert evalgate(tmp_path, "record", "suites/mail").returncode == 0
    done = evalgate(tmp_path, "run")
    assert done.returncode == 4
    assert "6 of 6 answers could not be graded because the judge failed" in done.stderr


def test_a_judge_that_was_not_recorded_is_a_missing_recording(tmp_path):
    with Loopback([answer("Dear customer, yes.")]) as answers:
        write(tmp_path, answers.origin, answers.origin)
        suite = tmp_path / "suites/mail/suite.yaml"
        suite.write_text("policies: policies/mail\ngrader: {kind: exact}\n")
        assert evalgate(tmp_path, "record", "suites/mail").returncode == 0
        suite.write_text(SUITE)
    done = evalgate(tmp_path, "run")
    assert done.returncode == 4
    assert "m0" in done.stderr


EMBEDDER = """
policies: policies/mail
grader:
  kind: similarity
  embedder: {provider: bench, model: vectors, revision: "2", price: {input_per_1m: 1000}}
correct_at: 0.5
"""


def test_an_embedders_calls_are_recorded_replayed_without_a_network_and_paid_apart(tmp_path):
    with Loopback([answer("Yes, dear customer.")]) as answers, Loopback([embedding([3, 4])]) as bench:
        write(tmp_path, answers.origin, bench.origin)
        (tmp_path / "suites/mail/suite.yaml").write_text(EMBEDDER)
        cases = "".join(
            json.dumps({"id": f"m{n}", "input": f"mail {n}", "target": "Yes."}) + "\n" for n in "ab"
        )
        (tmp_path / "suites/mail/cases.jsonl").write_text(cases)
        recorded = evalgate(tmp_path, "record", "suites/mail")
        assert recorded.returncode == 0, recorded.stderr
        assert [each.json["input"] for each in bench.received] == ["Yes, dear customer.", "Yes."], (
            "equal texts are embedded once"
        )
    # Two calls by the policies at 0.01 USD, two of 9 tokens by the embedder.
    assert "4 made, spent $0.0380" in recorded.stdout
    judged = evalgate(tmp_path, "run", "--format", "json")
    assert judged.returncode == 0, judged.stderr
    (comparison,) = json.loads(judged.stdout)["comparisons"]
    assert comparison["cases"]["both_right"] == 2
    assert comparison["sides"]["baseline"]["cost_per_request_usd"].startswith("0.02000")


def test_what_is_not_supported_yet_is_refused_before_any_call(tmp_path):
    write(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9")
    suite = tmp_path / "suites/mail/suite.yaml"
    suite.write_text("policies: policies/mail\ngrader: {kind: exact}\ntrials: 5\ntrials_pass: 4 of 5\n")
    for verb in ("run", "record"):
        done = evalgate(tmp_path, verb)
        assert done.returncode == 2
        assert "trials_pass: a rule over a case's trials is not supported yet" in done.stderr
