"""Faults, cooldown and hedges: what a case gets while deployments fail or dawdle."""

import asyncio
from dataclasses import replace

import pytest

from evalgate.core.calls import Attempt, Response, Usage
from evalgate.core.cases import Case
from evalgate.core.faults import Fault, befalling
from evalgate.core.outcome import Answer, Failure
from evalgate.core.policy_file import HEDGE_SAMPLE, Reliability
from evalgate.serving.cooldown import Health
from evalgate.serving.serve import Asked, Circumstances, Server
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

OUTAGE = Fault(10.0, 20.0, deployment="weak", error="server_error", status=503, latency_s=0.2)


def fixed(**rules):
    return Reliability(backoff_s=1.0, backoff_jitter="none", **rules)


def served(made, caller, *times, faults=(), baseline=None):
    """Serve one case at each of ``times``, with one memory of who failed."""
    known = (baseline or made).deployments
    server = Server(made, None, Circumstances(befalling(faults, made.deployments.values(), known)))
    health = Health(made.reliability) if made.reliability.cools_down else None

    async def run():
        return [
            await server.serve(Asked(Case(id=f"c{at}", input="Where?"), 0, at), caller, None, health)
            for at in times
        ]

    return asyncio.run(run())


def path(outcome):
    return [(step.role, step.deployment, [each.error for each in step.attempts]) for step in outcome.steps]


class Timed(ScriptedCaller):
    """Answers after ``seconds[model, is it a hedge]``."""

    def __init__(self, **seconds):
        super().__init__()
        self.seconds = seconds

    async def __call__(self, request, rules):
        key = request.model.removeprefix("model-") + ("_again" if request.sample == HEDGE_SAMPLE else "")
        took = self.seconds[key]
        self.script = {request.model: took if isinstance(took, list) else [Attempt(took)]}
        return await super().__call__(request, rules)


def test_attempts_in_a_fault_meet_it_and_use_up_nothing_of_what_is_recorded():
    made = policy(reliability=fixed(num_retries=2))
    before, first, late = served(made, ScriptedCaller(), 9.9, 19.0, 20.0, faults=[OUTAGE])
    assert path(before) == path(late) == [("generate", "weak", [None])]
    assert path(first) == [("generate", "weak", ["server_error", None])]
    (step,) = first.steps
    assert [each.fault_at_s for each in step.attempts] == [19.0, None]
    assert (step.attempts[0].status, step.attempts[1].wait_s) == (503, 1.0)
    assert first.latency_s == pytest.approx(0.2 + 1.0 + 0.1)


def test_a_call_that_only_met_faults_is_not_made_and_nothing_names_it():
    caller = ScriptedCaller()
    (outcome,) = served(policy(reliability=fixed(num_retries=1)), caller, 12.0, faults=[OUTAGE])
    assert caller.requests == []
    assert outcome.result == Failure("server_error", "weak failed with server_error 503 after 2 attempts")
    assert not outcome.steps[0].recorded
    assert outcome.latency_s == pytest.approx(0.2 + 1.0 + 0.2)


def test_a_fallback_is_asked_when_it_is_and_may_have_a_fault_of_its_own():
    rules = fixed(num_retries=1, fallbacks={"weak": ["strong"]})
    other = replace(OUTAGE, deployment="strong", from_s=13.0, until_s=13.5)
    spared, hit = served(policy(reliability=rules), ScriptedCaller(), 11.0, 11.8, faults=[OUTAGE, other])
    assert path(spared)[1] == ("fallback", "strong", [None])
    assert path(hit)[1] == ("fallback", "strong", ["server_error", None])
    assert hit.steps[1].attempts[0].fault_at_s == pytest.approx(11.8 + 1.4)


def test_a_fault_follows_the_baseline_s_model_to_any_name_and_a_provider_to_all_of_its_models():
    renamed = policy(replace(deployment("weak"), alias="other"), reliability=fixed())
    (outcome,) = served(renamed, ScriptedCaller(), 12.0, faults=[OUTAGE], baseline=policy())
    assert isinstance(outcome.result, Failure)
    everywhere = replace(OUTAGE, deployment=None, provider="local")
    (outcome,) = served(policy(use="strong"), ScriptedCaller(), 12.0, faults=[everywhere])
    assert isinstance(outcome.result, Failure)
    elsewhere = replace(everywhere, provider="openai")
    (outcome,) = served(policy(use="strong"), ScriptedCaller(), 12.0, faults=[elsewhere])
    assert isinstance(outcome.result, Answer)


def test_a_timeout_takes_as_long_as_the_policy_waits():
    hangs = replace(OUTAGE, error="timeout", status=None, latency_s=0.0)
    (short,) = served(
        policy(reliability=fixed(request_timeout_s=3.0)), ScriptedCaller(), 12.0, faults=[hangs]
    )
    (long,) = served(policy(), ScriptedCaller(), 12.0, faults=[hangs])
    assert (short.latency_s, long.latency_s) == (3.0, 600.0)
    slow_failure = replace(OUTAGE, latency_s=5.0)
    made = policy(reliability=fixed(request_timeout_s=3.0))
    (outcome,) = served(made, ScriptedCaller(), 12.0, faults=[slow_failure])
    assert (outcome.result.kind, outcome.latency_s) == ("timeout", 3.0)


def test_slow_answers_are_answers_until_the_policy_gives_up():
    slow = replace(OUTAGE, error=None, status=200, latency_s=4.0)
    (outcome,) = served(policy(), ScriptedCaller(), 12.0, faults=[slow])
    assert isinstance(outcome.result, Answer)
    assert outcome.latency_s == 4.0
    made = policy(reliability=fixed(request_timeout_s=2.0, num_retries=1))
    (outcome,) = served(made, ScriptedCaller(), 17.5, faults=[slow])
    assert path(outcome) == [("generate", "weak", ["timeout", None])]
    assert outcome.steps[0].attempts[0].billing == "possible"


def test_a_billed_fault_costs_what_the_answer_would_have():
    used = Usage(input_tokens=100, output_tokens=10)
    caller = ScriptedCaller({"model-weak": [Attempt(0.1, usage=used)]})
    (outcome,) = served(policy(), caller, 12.0, faults=[replace(OUTAGE, billed=True)])
    (attempt,) = outcome.steps[0].attempts
    assert (attempt.error, attempt.usage, attempt.billing) == ("server_error", used, "billed")


def test_a_partial_fault_hits_the_same_attempts_under_every_policy():
    partial = replace(OUTAGE, from_s=0.0, until_s=400.0, share=0.3)
    times = [float(at) for at in range(400)]
    once, again = (
        served(policy(reliability=fixed(num_retries=retries)), ScriptedCaller(), *times, faults=[partial])
        for retries in (0, 2)
    )
    failed = [isinstance(each.result, Failure) for each in once]
    assert 0.24 < sum(failed) / len(failed) < 0.36
    assert failed == [each.steps[0].attempts[0].error is not None for each in again]


def test_a_deployment_that_failed_too_often_is_left_alone_for_a_while():
    rules = fixed(allowed_fails=1, cooldown_time_s=5.0, fallbacks={"weak": ["strong"]})
    outage = replace(OUTAGE, from_s=0.0)
    times = [0.0, 1.0, 2.0, 6.0, 6.3, 7.0]
    outcomes = served(policy(reliability=rules), ScriptedCaller(), *times, faults=[outage])
    # Two failures end at 0.2 and 1.2: from there on five seconds.
    assert [each.skipped for each in outcomes] == [(), (), ("weak",), ("weak",), (), ()]
    assert path(outcomes[2]) == [("fallback", "strong", [None])]
    assert outcomes[2].latency_s == pytest.approx(0.1)


def test_failures_that_have_not_ended_yet_are_not_known_and_old_ones_are_forgotten():
    slow = replace(OUTAGE, from_s=0.0, latency_s=3.0)
    rules = fixed(allowed_fails=0, cooldown_time_s=4.0, fails_window_s=10.0)
    first, second, third, last = served(
        policy(reliability=rules), ScriptedCaller(), 0.0, 2.0, 3.5, 9.5, faults=[slow]
    )
    assert (first.skipped, second.skipped) == ((), ())
    # The second failure ends while it is left alone already: that prolongs nothing.
    assert third.skipped == ("weak",)
    assert third.result == Failure("cooldown", "weak was left alone after earlier failures")
    assert (third.latency_s, third.steps, last.skipped) == (0.0, (), ())
    rare = fixed(allowed_fails=1, fails_window_s=1.0, cooldown_time_s=50.0)
    spaced = served(policy(reliability=rare), ScriptedCaller(), 10.0, 12.0, 14.0, 16.0, faults=[OUTAGE])
    assert not any(each.skipped for each in spaced)


@pytest.mark.parametrize(
    ("first", "second", "seconds", "winner"),
    [(0.5, 9.0, 0.5, "first"), (3.0, 1.0, 1.8, "second"), (3.0, 9.0, 3.0, "first"), (1.8, 1.0, 1.8, "first")],
)
def test_the_first_good_answer_wins_and_both_are_paid(first, second, seconds, winner):
    made = policy(reliability=fixed(hedge_after_s=0.8))
    (outcome,) = served(made, Timed(weak=first, weak_again=second), 0.0)
    assert outcome.latency_s == pytest.approx(seconds)
    if first <= 0.8:
        assert path(outcome) == [("generate", "weak", [None])]
        return
    assert path(outcome) == [("generate", "weak", [None]), ("hedge", "weak", [None])]
    assert [step.lost for step in outcome.steps] == [winner == "second", winner == "first"]
    assert isinstance(outcome.result, Answer)


def test_a_hedge_on_the_next_deployment_is_its_fallback_already_under_way():
    rules = fixed(hedge_after_s=1.0, hedge_on="next", fallbacks={"weak": ["strong"]})
    slow_failure = [Attempt(2.0, error="server_error", status=500)]
    (outcome,) = served(policy(reliability=rules), Timed(weak=slow_failure, strong=3.0), 0.0)
    assert path(outcome) == [("generate", "weak", ["server_error"]), ("hedge", "strong", [None])]
    assert (outcome.latency_s, outcome.deployment) == (4.0, "strong")
    quick_failure = [Attempt(0.5, error="server_error", status=500)]
    (outcome,) = served(policy(reliability=rules), Timed(weak=quick_failure, strong=3.0), 0.0)
    assert path(outcome)[1][0] == "fallback"
    both = Timed(weak=slow_failure, strong=[Attempt(3.0, error="timeout")])
    (outcome,) = served(policy(reliability=rules), both, 0.0)
    assert (outcome.latency_s, outcome.result.kind) == (4.0, "timeout")
    assert outcome.result.reason == "weak failed with server_error 500; hedge strong timed out"


def test_retries_that_were_not_sent_before_the_hedge_won_are_not_paid():
    rules = fixed(num_retries=2, hedge_after_s=1.0)
    fails = Attempt(0.9, error="server_error", status=500)
    (outcome,) = served(
        policy(reliability=rules), Timed(weak=[fails, fails, Attempt(5.0)], weak_again=1.5), 0.0
    )
    # 0.9, wait 1, sent at 1.9 until 2.8, then a wait of 2: the hedge answers at 2.5.
    assert path(outcome) == [
        ("generate", "weak", ["server_error", "server_error"]),
        ("hedge", "weak", [None]),
    ]
    assert (outcome.latency_s, outcome.steps[0].lost) == (2.5, True)


def test_fallbacks_race_a_hedge_on_the_same_deployment():
    rules = fixed(hedge_after_s=1.0, fallbacks={"weak": ["strong"]})
    failing = [Attempt(1.5, error="server_error", status=500)]
    (outcome,) = served(policy(reliability=rules), Timed(weak=failing, weak_again=9.0, strong=2.0), 0.0)
    assert (outcome.latency_s, outcome.deployment) == (3.5, "strong")
    assert [(step.role, step.lost) for step in outcome.steps] == [
        ("generate", False),
        ("hedge", True),
        ("fallback", False),
    ]
    (outcome,) = served(policy(reliability=rules), Timed(weak=failing, weak_again=1.2, strong=2.0), 0.0)
    assert (outcome.latency_s, outcome.deployment) == (2.2, "weak")
    assert [step.lost for step in outcome.steps] == [False, False, True]


def test_a_hedge_meets_the_faults_of_its_own_moment():
    slow = replace(OUTAGE, error=None, status=200, latency_s=4.0, from_s=0.0, until_s=1.0)
    made = policy(reliability=fixed(hedge_after_s=1.0))
    (outcome,) = served(made, Timed(weak=0.1, weak_again=0.3), 0.0, faults=[slow])
    assert outcome.latency_s == pytest.approx(1.3)
    assert [step.attempts[0].fault_at_s for step in outcome.steps] == [0.0, None]


def test_the_answer_is_that_of_the_call_that_won():
    class Saying(Timed):
        def __init__(self, **seconds):
            super().__init__(**seconds)
            self.answer = lambda request: Response(f"draw {request.sample}")

    made = policy(reliability=fixed(hedge_after_s=1.0))
    (outcome,) = served(made, Saying(weak=9.0, weak_again=1.0), 0.0)
    assert outcome.result.text == f"draw {HEDGE_SAMPLE}"
