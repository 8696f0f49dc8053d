"""``evalgate plan`` on suites whose graders ask a model: those calls are counted and priced apart."""

import json

import pytest

from evalgate.core.calls import Call, Response
from evalgate.core.run import Session
from evalgate.load.project import load_project
from evalgate.pipeline.measuring.judging import judging_of
from evalgate.pipeline.measuring.measure import Pass, questions
from evalgate.pipeline.measuring.recorded import committed
from evalgate.pipeline.measuring.replaying import run_now
from evalgate.store.replay import ReplayCaller
from evalgate.store.writer import write_calls
from tests.unit.pipeline.conftest import ANSWER, SUITE

JUDGE = """\
policies: policies/mail
grader:
  kind: judge
  rubric: Right when it names the desk.
  score: [1, 5]
  deployment:
    {provider: far, model: large-judge, revision: "1", price: {input_per_1m: 100}, params: {max_tokens: 50}}
correct_at: 0.5
"""


@pytest.fixture
def judged(mail):
    mail.write("suites/mail/suite.yaml", JUDGE)
    return mail


def planned(evalgate, *arguments):
    code, out, err = evalgate("plan", "--format", "json", *arguments)
    assert (code, err) == (0, "")
    return json.loads(out)["suites"][0]


def record_judge(mail):
    """Record the judge's calls about the answers that production gave."""
    suite = load_project(mail.root).suites[0]
    a_pass, replay = Pass(suite, suite.baseline), ReplayCaller(committed(suite))
    judging, session = judging_of(suite), Session("judge", "2026-11-02T00:00:00Z")
    calls = [
        Call(request, (ANSWER,), Response('{"score": 5}'), "judge", replayed=False)
        for asked in questions(suite)
        for request in judging.requests(asked.case, run_now(a_pass.serve(asked, replay)))
    ]
    write_calls(mail.root / "suites/mail/recordings/judge.jsonl", session, calls, "a test")


def test_suites_without_a_judge_have_none_in_their_plan(mail, evalgate, no_sockets):
    mail.write("suites/mail/suite.yaml", SUITE)
    assert planned(evalgate)["judging"] is None


def test_answers_that_are_recorded_are_judged_exactly_once(judged, evalgate, no_sockets):
    judged.record_all()
    suite = planned(evalgate)
    assert suite["calls"]["to_make"] == 0
    (row,) = suite["judging"]["deployments"]
    # Four cases under two policies, all of whose answers are "loans".
    assert (row["needed"], row["recorded"], row["to_make"]) == (4, 0, 4)
    assert row["deployment"] == "grader"
    assert 0 < float(suite["judging"]["expected_usd"]) < float(suite["judging"]["worst_usd"])
    assert (suite["expected_usd"], suite["worst_usd"]) == ("0.000000", "0.000000"), "apart from the policies"


def test_recorded_judgements_are_reused_and_priced_by(judged, evalgate, no_sockets):
    judged.record("weak", "m-1", "m-2")
    judged.record("strong", "m-3", "m-4")
    record_judge(judged)
    suite = planned(evalgate)
    (row,) = suite["judging"]["deployments"]
    # The candidate sends m-2 to strong, whose answer nobody knows yet.
    assert (row["needed"], row["recorded"], row["to_make"]) == (5, 4, 1)
    assert row["basis"] == "mean of 4 recorded calls"
    assert float(row["expected_usd"]) == pytest.approx(1000 * 100 / 1e6)
    anew = planned(evalgate, "--mode", "live")["judging"]["deployments"][0]
    assert (anew["needed"], anew["to_make"]) == (5, 5)
    assert anew["basis"] == "mean of 4 recorded calls"
    replayed = planned(evalgate, "--mode", "replay")["judging"]["deployments"][0]
    assert (replayed["missing"], replayed["to_make"], replayed["worst_usd"]) == (1, 0, "0.000000")


def test_an_unknown_answer_is_as_long_as_it_may_be(judged, evalgate, no_sockets):
    (row,) = planned(evalgate)["judging"]["deployments"]
    assert row["to_make"] == 5
    longer = [
        judged.edit(f"policies/mail/{name}.yaml", "max_tokens: 10", "max_tokens: 1000")
        for name in ("production", "threshold")
    ]
    assert len(longer) == 2
    (more,) = planned(evalgate)["judging"]["deployments"]
    # 4,000 characters instead of the digest's 64, which stand in for an answer.
    assert float(more["expected_usd"]) - float(row["expected_usd"]) == pytest.approx(
        5 * (4000 - 64) / 4 * 100 / 1e6
    )
    assert float(more["worst_usd"]) - float(row["worst_usd"]) == pytest.approx(5 * 5 * 3936 * 100 / 1e6)
    for name in ("production", "threshold"):
        judged.edit(f"policies/mail/{name}.yaml", ", max_tokens: 1000", "")
    (any_length,) = planned(evalgate)["judging"]["deployments"]
    assert "may be of any length" in any_length["worst_usd"]["unmeasured"]


def test_a_pairwise_judge_is_asked_twice_about_what_differs(judged, evalgate, no_sockets):
    judged.edit("suites/mail/suite.yaml", "score: [1, 5]", "pairwise: true")
    (row,) = planned(evalgate)["judging"]["deployments"]
    assert row["to_make"] == 2, "only m-2 goes elsewhere, and the baseline ties with itself"


def test_an_embedder_puts_nothing_out_so_its_worst_is_known(judged, evalgate, no_sockets):
    embedder = '{provider: far, model: vectors, revision: "1", price: {input_per_1m: 10}}'
    judged.write(
        "suites/mail/suite.yaml",
        f"policies: policies/mail\ngrader: {{kind: similarity, embedder: {embedder}}}\ncorrect_at: 0.5\n",
    )
    (row,) = planned(evalgate)["judging"]["deployments"]
    assert row["to_make"] == 5 + 2, "every answer that may come, and both targets"
    assert float(row["worst_usd"]) > 0


def test_the_text_tells_judging_apart(judged, evalgate, no_sockets):
    judged.record_all()
    code, out, _ = evalgate("plan")
    assert code == 0
    assert "judging, apart from that: 4 calls needed, 4 to make; $" in out
    assert "(judging)" in out
    code, out, _ = evalgate("plan", "--mode", "replay")
    assert "replaying would end with exit code 4" in out
