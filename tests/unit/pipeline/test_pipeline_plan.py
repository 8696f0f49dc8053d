"""``evalgate plan``: what would be called, counted and priced without calling."""

import json

import pytest

from evalgate.core.calls import Attempt, Usage
from evalgate.store.encode import session_bytes
from evalgate.store.local.store import LocalStore
from evalgate.store.recordings import read_recordings

# weak: 7 tokens in and 10 out for each; at worst two attempts of every byte. Of strong each side needs what
# its router sends there, and at worst a fallback for what it sends to weak, so both may need all four.
ALL_MISSING = """\
mail: 5 calls needed, 0 recorded, 5 to make
spend: $0.000854 expected, $0.0120 at worst

  policy                 deployment  needed  recorded  to call    expected      worst
  ───────────────────────────────────────────────────────────────────────────────────
  production (baseline)  weak             2         0        2  $0.0000540  $0.000576
  production (baseline)  strong           2         0        2   $0.000530    $0.0114
  threshold              weak             1         0        1  $0.0000270  $0.000286
  threshold              strong           3         0        3   $0.000800    $0.0114
"""


def planned(evalgate, *arguments):
    code, out, err = evalgate("plan", "--format", "json", *arguments)
    assert (code, err) == (0, "")
    return json.loads(out)["suites"][0]


def rows(suite, policy):
    side = next(each for each in suite["sides"] if each["policy"] == policy)
    return {each["deployment"]: each for each in side["deployments"]}


def test_recorded_calls_are_reused_and_cost_nothing(mail, evalgate, no_sockets):
    mail.record_all()
    suite = planned(evalgate)
    assert suite["calls"] == {"needed": 5, "reused": 5, "missing": 0, "to_make": 0}
    assert (suite["expected_usd"], suite["worst_usd"]) == ("0.000000", "0.000000")
    assert [side["missing_cases"] for side in suite["sides"]] == [[], []]


def test_a_router_is_asked_so_each_side_needs_exactly_its_own_calls(mail, evalgate, no_sockets):
    suite = planned(evalgate)
    assert {alias: row["needed"] for alias, row in rows(suite, "production").items()} == {
        "weak": 2,
        "strong": 2,
    }
    assert {alias: row["needed"] for alias, row in rows(suite, "threshold").items()} == {
        "weak": 1,
        "strong": 3,
    }
    # m-2 is asked of weak by the one and of strong by the other; the rest is shared.
    assert suite["calls"]["needed"] == 5


def test_what_is_missing_is_named_by_deployment_and_case(mail, evalgate, no_sockets):
    mail.record("weak", "m-1", "m-2")
    mail.record("strong", "m-4")
    suite = planned(evalgate)
    assert {a: (r["recorded"], r["missing"]) for a, r in rows(suite, "threshold").items()} == {
        "weak": (1, 0),
        "strong": (1, 2),
    }
    assert [side["missing_cases"] for side in suite["sides"]] == [["m-3"], ["m-2", "m-3"]]


def test_the_expected_spend_is_the_mean_of_the_recorded_calls(mail, evalgate, no_sockets):
    mail.record("strong", "m-3")
    mail.record("strong", "m-4", attempts=(Attempt(0.2, usage=Usage(input_tokens=3000, output_tokens=300)),))
    mail.record("weak", "m-1", "m-2")
    suite = planned(evalgate)
    strong = rows(suite, "threshold")["strong"]
    # 1,000 and 100 tokens are $0.012, three times that $0.036; one call is missing.
    assert strong["to_make"] == 1
    assert float(strong["expected_usd"]) == pytest.approx(0.024)
    assert strong["basis"] == "mean of 2 recorded calls"
    assert float(suite["expected_usd"]) == pytest.approx(0.024)


def test_without_recordings_the_length_of_the_prompt_and_max_tokens_are_taken(mail, evalgate, no_sockets):
    mail.cases({"id": "m-1", "input": "x" * 389, "target": "loans", "vars": {"need": 0.1}})
    weak = rows(planned(evalgate), "production")["weak"]
    # "Which desk?" and the question are 400 characters: 100 tokens at $1, 10 at $2 a million.
    assert float(weak["expected_usd"]) == pytest.approx(120e-6)
    assert weak["basis"] == "prompt length / 4, and max_tokens"


def test_the_worst_case_counts_every_attempt_and_every_fallback(mail, evalgate, no_sockets):
    mail.cases({"id": "m-1", "input": "question", "target": "loans", "vars": {"need": 0.1}})
    suite = planned(evalgate, "--policy", "threshold")
    of = rows(suite, "production")
    assert (of["weak"]["to_make"], of["strong"]["needed"], of["strong"]["to_make"]) == (1, 0, 0)
    sent = '[[{"content":"Which desk?","role":"system"},{"content":"question","role":"user"}],'
    sent += '{"max_tokens":10,"temperature":0}]'
    weak_usd = 2 * (len(sent) * 1 + 10 * 2) / 1e6
    assert float(of["weak"]["worst_usd"]) == pytest.approx(weak_usd)
    assert float(of["strong"]["worst_usd"]) == pytest.approx(10 * weak_usd)
    # Both policies need the same calls, which are made once.
    assert float(suite["worst_usd"]) == pytest.approx(11 * weak_usd)


def test_a_recorded_failure_brings_its_fallback_into_the_plan(mail, evalgate, no_sockets):
    refused = Attempt(0.1, error="bad_request", status=400)
    mail.record("weak", "m-1", attempts=(refused,))
    mail.record("weak", "m-2")
    mail.record("strong", "m-3", "m-4")
    assert rows(planned(evalgate), "production")["strong"]["needed"] == 3


def test_without_max_tokens_the_worst_case_is_unknown_and_says_why(mail, evalgate, no_sockets):
    for name in ("production", "threshold"):
        mail.edit(f"policies/mail/{name}.yaml", ", max_tokens: 10", "")
    suite = planned(evalgate)
    assert "no max_tokens" in suite["worst_usd"]["unmeasured"]
    assert "'small'" in rows(suite, "production")["weak"]["expected_usd"]["unmeasured"]
    out = evalgate("plan")[1]
    assert "spend: unknown expected, unknown at worst" in out
    assert "worst for weak is unknown: params of 'small' have no max_tokens" in out


@pytest.mark.parametrize(
    ("arguments", "made", "reused"), [((), 2, 3), (("--mode", "live"), 5, 0), (("--mode", "replay"), 0, 3)]
)
def test_the_mode_decides_what_is_made_anew(mail, evalgate, no_sockets, arguments, made, reused):
    mail.record("weak", "m-1", "m-2")
    mail.record("strong", "m-4")
    calls = planned(evalgate, *arguments)["calls"]
    assert (calls["to_make"], calls["reused"], calls["missing"]) == (made, reused, 2)


def test_covering_deployments_asks_each_of_them_every_case(mail, evalgate, no_sockets):
    mail.record("weak", "m-1", "m-2")
    suite = planned(evalgate, "--cover", "deployments", "--remeasure", "0")
    assert suite["calls"] == {"needed": 8, "reused": 2, "missing": 6, "to_make": 6}
    # On m-2 the proposal asks the other deployment: both are called now, so that times can be compared.
    anew = planned(evalgate, "--cover", "deployments")
    assert (anew["calls"]["to_make"], anew["cases_anew"]) == (7, 1)


def test_what_was_called_on_this_machine_is_not_called_again(mail, evalgate, no_sockets):
    file = mail.record("weak", "m-1", "m-2")
    recorded = read_recordings([file])
    with LocalStore(mail.root / ".evalgate/store.sqlite3") as store:
        for line in file.read_bytes().splitlines(keepends=True)[1:]:
            store.keep_call(json.loads(line)["digest"], "s0", line)
        store.keep_session("s0", session_bytes(recorded.sessions["s0"], "all"), "record")
    file.unlink()
    assert planned(evalgate)["calls"]["reused"] == 2
    assert planned(evalgate, "--cover", "deployments")["calls"]["reused"] == 2


def test_a_cached_stream_needs_a_repeated_question_once(mail, evalgate, no_sockets):
    asked = {"input": "Is it open?", "target": "rooms", "vars": {"need": 0.9}}
    mail.cases(*({"id": f"m-{n}", **asked} for n in range(3)))
    mail.edit("suites/mail/suite.yaml", "policies:", "ordered: true\npolicies:")
    mail.edit("policies/mail/threshold.yaml", "router:", "cache: {mode: exact}\nrouter:")
    suite = planned(evalgate)
    # One digest either way: the recordings hold it once however often it is asked.
    assert suite["calls"]["needed"] == 1
    assert "Cache hits are counted as if" in evalgate("plan")[1]


def test_the_text_of_a_plan(mail, evalgate, no_sockets):
    code, out, _ = evalgate("plan")
    assert code == 0
    head, _, rest = out.partition("\n\n  production: calls of")
    assert head + "\n" == ALL_MISSING
    assert rest == (
        " 4 cases are not recorded (m-1, m-2, m-3, …)\n"
        "  expected for weak: prompt length / 4, and max_tokens\n"
        "  expected for strong: prompt length / 4, and max_tokens\n"
        "  threshold: calls of 4 cases are not recorded (m-1, m-2, m-3, …)\n"
        "\n"
        "Expected: every call succeeds at once. Worst: every attempt and every fallback is made and billed.\n"
        "A router chooses before any call, so its calls are exact; after a call that fails, what follows\n"
        "depends on the answers.\n"
    )


def test_a_replay_with_missing_calls_is_announced_as_exit_4(mail, evalgate, no_sockets):
    code, out, _ = evalgate("plan", "--mode", "replay")
    assert code == 0
    assert "mail: 5 calls needed, 0 recorded, 5 missing, none to make" in out
    assert "would end with exit code 4" in out


def test_budgets_too_tight_for_the_cases_are_warned_of(mail, evalgate, no_sockets):
    mail.edit("evalgate.yaml", "60pp", "2pp")
    assert "warning: accuracy max_drop 2pp needs 149 independent graded cases" in evalgate("plan")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "there is no such suite"),
        (("--policy", "treshold"), "did you mean 'threshold'?"),
        (("--cover", "deployments", "--mode", "live"), "--cover plans a recording"),
    ],
)
def test_a_wrong_question_is_exit_2(mail, evalgate, arguments, said):
    code, out, err = evalgate("plan", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_model_without_a_price_is_exit_2(mail, evalgate):
    mail.edit("policies/mail/threshold.yaml", ", price: {input_per_1m: 1, output_per_1m: 2}", "")
    code, _, err = evalgate("plan")
    assert code == 2
    assert "no price for model 'small'" in err
