"""A judge among the graders: its calls are recorded and replayed, and its money is not the policy's."""

import json
from pathlib import Path

from tests.command_line import evalgate
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


def test_one_unusable_reply_of_many_takes_its_case_out_of_both_sides(tmp_path):
    def said(received):
        return answer("no." if received.json["model"] == "small" else "yes.")

    def judged(received):
        shown = json.loads(received.json["messages"][-1]["content"])
        odd = (shown["question"], shown["answer"]) == ("mail 7", "yes.")
        return answer("what a day" if odd else json.dumps({"score": 4}))

    with Loopback(said) as answers, Loopback(judged) as judge:
        write(tmp_path, answers.origin, judge.origin)
        cases = "".join(json.dumps({"id": f"m{n}", "input": f"mail {n}"}) + "\n" for n in range(110))
        (tmp_path / "suites/mail/cases.jsonl").write_text(cases)
        cheaper = tmp_path / "policies/mail/cheaper.yaml"
        cheaper.write_text(POLICY.replace("COST", "0.01").replace("small", "polite"))
        assert evalgate(tmp_path, "record", "suites/mail").returncode == 0
    done = evalgate(tmp_path, "run", "--format", "json")
    assert done.returncode == 0, done.stderr
    (comparison,) = json.loads(done.stdout)["comparisons"]
    assert comparison["judging"] == {
        "models": ["bench/large"],
        "calls": 220,
        "spend_usd": comparison["judging"]["spend_usd"],
        "errors": 1,
    }
    assert float(comparison["judging"]["spend_usd"]) > 0
    assert (comparison["cases"]["total"], comparison["cases"]["both_right"]) == (110, 109)
    assert comparison["checks"][0]["n"] == 109


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


PAIRWISE = SUITE.replace("  score: [1, 5]\n", "  pairwise: true\n")


def prefers(wish):
    """A judge that reads both answers; ``wish`` says of two texts which place it prefers."""

    def reply(received):
        shown = json.loads(received.json["messages"][-1]["content"])
        return answer(json.dumps({"label": wish(shown["first"], shown["second"]), "reason": "so it is"}))

    return reply


def pairwise(root, wish):
    """Record and run a suite in which production says "no." and the candidate "yes."."""

    def said(received):
        return answer("no." if received.json["model"] == "small" else "yes.")

    with Loopback(said) as answers, Loopback(prefers(wish)) as judge:
        write(root, answers.origin, judge.origin)
        (root / "suites/mail/suite.yaml").write_text(PAIRWISE)
        polite = root / "policies/mail/cheaper.yaml"
        polite.write_text(POLICY.replace("COST", "0.01").replace("small", "polite"))
        recorded = evalgate(root, "record", "suites/mail")
        assert recorded.returncode == 0, recorded.stderr
        asked = [json.loads(each.json["messages"][-1]["content"]) for each in judge.received]
    return asked, recorded, evalgate(root, "run", "--format", "json")


def test_a_pairwise_judge_sees_both_answers_in_both_orders(tmp_path):
    asked, recorded, judged = pairwise(tmp_path, lambda first, _: "first" if first == "yes." else "second")
    orders = {(each["question"], each["first"], each["second"]) for each in asked}
    assert len(asked) == len(orders) == 12
    assert ("mail 0", "yes.", "no.") in orders
    assert ("mail 0", "no.", "yes.") in orders
    assert "24 made" in recorded.stdout
    assert "mail: 12 calls to make, $0.180 expected, $0.180 at worst; 12 calls to judge, " in recorded.stderr
    assert judged.returncode == 0, judged.stderr
    (comparison,) = json.loads(judged.stdout)["comparisons"]
    assert comparison["cases"]["both_right"] == 6, "the baseline ties with itself, which is correct_at"


def test_a_candidate_that_a_pairwise_judge_finds_worse_is_blocked(tmp_path):
    _, _, judged = pairwise(tmp_path, lambda first, _: "first" if first == "no." else "second")
    assert judged.returncode == 1, judged.stderr
    (comparison,) = json.loads(judged.stdout)["comparisons"]
    assert comparison["cases"]["broke"] == 6


def test_a_pairwise_judge_that_only_likes_a_place_finds_no_difference(tmp_path):
    _, _, judged = pairwise(tmp_path, lambda *_: "first")
    (comparison,) = json.loads(judged.stdout)["comparisons"]
    assert comparison["cases"]["both_right"] == 6


def test_pairwise_grades_hold_only_against_the_baseline_they_were_made_with(tmp_path):
    pairwise(tmp_path, lambda *_: "tie")
    runs = {path.stem.split(".")[0]: path for path in (tmp_path / ".evalgate").rglob("*.run.jsonl")}
    again = evalgate(tmp_path, "compare", str(runs["production"]), str(runs["cheaper"]))
    assert again.returncode == 0, again.stderr
    other = evalgate(tmp_path, "compare", str(runs["cheaper"]), str(runs["cheaper"]))
    assert other.returncode == 4
    assert "the judge compared the answers of 'cheaper' with those of another policy" in other.stderr


def test_a_pairwise_judge_without_a_baseline_has_nothing_to_compare_with(tmp_path):
    write(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9")
    (tmp_path / "suites/mail/suite.yaml").write_text(PAIRWISE)
    (tmp_path / "policies/mail/production.yaml").unlink()
    for verb in ("record", "run"):
        done = evalgate(tmp_path, verb)
        assert done.returncode == 4
        assert "its judge is pairwise, and the family has no baseline" in done.stderr


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
    # Two calls by the policies at the dearer one's 0.02 USD, two of 9 tokens by the embedder.
    assert "4 made, spent $0.0580" in recorded.stdout
    judged = evalgate(tmp_path, "run", "--format", "json")
    assert judged.returncode == 0, judged.stderr
    (comparison,) = json.loads(judged.stdout)["comparisons"]
    assert comparison["cases"]["both_right"] == 2
    assert comparison["sides"]["baseline"]["cost_per_request_usd"].startswith("0.02000")
