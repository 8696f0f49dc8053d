"""What retries, faults, cooldown and hedges may never do."""

import asyncio
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.calls import Attempt, Call, Response
from evalgate.core.cases import Case
from evalgate.core.faults import Fault, befalling
from evalgate.core.outcome import Answer
from evalgate.core.policy_file import HEDGE_SAMPLE, Reliability
from evalgate.serving.cooldown import Health
from evalgate.serving.serve import Asked, Circumstances, Server
from evalgate.store.recordings import Recorded
from evalgate.store.replay import replay
from tests.unit.serving.serving_fakes import policy

SECONDS = st.integers(0, 40).map(lambda tenths: tenths / 10)
ERRORS = st.sampled_from([None, None, "connection", "server_error", "rate_limit", "bad_request"])


def until_it_answers(log):
    """A log as it is recorded: nobody goes on after an answer."""
    ends = next((at for at, attempt in enumerate(log, 1) if attempt.error is None), len(log))
    return log[:ends]


LOGS = st.lists(st.builds(Attempt, SECONDS, ERRORS), min_size=6, max_size=6).map(until_it_answers)


@st.composite
def faults(draw):
    at_s, error = draw(SECONDS), draw(st.sampled_from([None, "server_error", "timeout", "bad_request"]))
    return Fault(
        at_s,
        at_s + draw(SECONDS) + 0.1,
        deployment=draw(st.sampled_from(["weak", "strong"])),
        error=error,
        status=200 if error is None else None,
        latency_s=draw(SECONDS),
        retry_after_s=draw(st.none() | SECONDS),
        share=draw(st.sampled_from([1.0, 0.5])),
    )


RULES = st.builds(
    Reliability,
    num_retries=st.integers(0, 3),
    backoff_s=SECONDS,
    backoff_jitter=st.sampled_from(["full", "none"]),
    fallbacks=st.sampled_from([{}, {"weak": ["strong"]}]),
)


class Logged:
    """Replays one log a model and draw, by the law that recordings are replayed by."""

    def __init__(self, logs):
        self.logs = logs

    async def __call__(self, request, rules):
        draw = "again" if request.sample == HEDGE_SAMPLE else request.model.removeprefix("model-")
        log = tuple(self.logs[draw])
        recorded = Recorded(request.digest, "s1", log, Response(draw))
        call: Call = replay(recorded, request, rules)
        return call


def served(rules, logs, schedule=(), times=(0.0, 1.0, 2.0), *, given=True):
    made = policy(reliability=rules)
    befall = befalling(schedule, made.deployments.values(), made.deployments)
    server = Server(made, None, Circumstances(befall)) if given else Server(made)
    health = Health(rules) if rules.cools_down else None

    async def run():
        return [
            await server.serve(Asked(Case(id=f"c{at}", input="x"), 0, at), Logged(logs), None, health)
            for at in times
        ]

    return asyncio.run(run())


def three_logs(draw_again=LOGS):
    return st.fixed_dictionaries({"weak": LOGS, "strong": LOGS, "again": draw_again})


@given(RULES, three_logs(), st.lists(faults(), max_size=3))
def test_faults_that_are_over_before_anybody_comes_change_nothing(rules, logs, schedule):
    plain = served(rules, logs, times=(100.0, 101.0), given=False)
    assert served(rules, logs, schedule, times=(100.0, 101.0)) == plain


@given(RULES, three_logs())
def test_levers_that_never_act_change_nothing(rules, logs):
    idle = rules.model_copy(update={"allowed_fails": 100, "hedge_after_s": 1e6})
    assert served(idle, logs) == served(rules, logs)


@given(RULES, three_logs(), st.lists(faults(), max_size=4), st.integers(0, 3))
def test_more_retries_never_lower_success_at_one_deployment(rules, logs, schedule, fewer):
    alone = rules.model_copy(update={"fallbacks": {}})
    less = alone.model_copy(update={"num_retries": min(fewer, alone.num_retries)})
    for once, again in zip(served(less, logs, schedule), served(alone, logs, schedule), strict=True):
        if isinstance(once.result, Answer):
            assert again == once


@given(RULES, three_logs(), SECONDS, st.sampled_from(["same", "next"]))
def test_a_hedge_never_makes_anybody_wait_longer_or_go_without(rules, logs, after_s, where):
    hedged = rules.model_copy(update={"hedge_after_s": after_s, "hedge_on": where})
    for plain, beside in zip(served(rules, logs), served(hedged, logs), strict=True):
        if isinstance(plain.result, Answer):
            assert isinstance(beside.result, Answer)
            assert beside.latency_s <= plain.latency_s + 1e-9
        won = [step for step in beside.steps if step.role == "hedge" and not step.lost]
        assert not won or plain.latency_s > after_s


@given(RULES, three_logs(), st.lists(faults(), max_size=4), st.integers(0, 2), SECONDS)
def test_a_policy_against_itself_loses_nothing(rules, logs, schedule, allowed, cooldown_s):
    made = rules.model_copy(update={"allowed_fails": allowed, "cooldown_time_s": cooldown_s + 0.1})
    assert served(made, logs, schedule) == served(made, logs, schedule)


@given(RULES, three_logs(), st.lists(faults(), max_size=4))
def test_every_attempt_stands_where_its_fault_is_and_time_adds_up(rules, logs, schedule):
    for outcome in served(rules, logs, schedule):
        now_s = float(outcome.case_id.removeprefix("c"))
        arrived_s = now_s
        for step in outcome.steps:
            for attempt in step.attempts:
                now_s += attempt.wait_s
                active = [
                    fault
                    for fault in schedule
                    if fault.deployment == step.deployment and fault.from_s <= now_s < fault.until_s
                ]
                if attempt.fault_at_s is not None:
                    assert abs(attempt.fault_at_s - now_s) < 1e-9
                elif any(fault.share == 1 and not fault.answers for fault in active):
                    # Only a partial fault that is written before a whole one can come between.
                    assert any(fault.answers or fault.share < 1 for fault in active)
                now_s += attempt.latency_s
        assert abs(outcome.latency_s - (now_s - arrived_s)) < 1e-9


@given(st.lists(st.tuples(SECONDS, SECONDS), max_size=8), st.integers(0, 2))
def test_settling_what_is_past_changes_no_answer(failures, allowed):
    rules = Reliability(allowed_fails=allowed, cooldown_time_s=0.7, fails_window_s=1.5)
    settled, kept = Health(rules), Health(rules)
    arrived_s = 0.0
    for gap_s, took_s in failures:
        arrived_s += gap_s
        settled.arrived(arrived_s)
        assert settled.is_cooling("weak", arrived_s) == kept.is_cooling("weak", arrived_s)
        for health in (settled, kept):
            health.note("weak", arrived_s, [Attempt(took_s, error="timeout")])
        later_s = arrived_s + took_s
        assert settled.is_cooling("weak", later_s) == kept.is_cooling("weak", later_s)


def test_replaced_attempts_keep_everything_else():
    slow = Fault(0.0, 9.0, deployment="weak", error=None, status=200, latency_s=2.0)
    logs = {"weak": [Attempt(0.5, ttft_s=0.2, model_served="m")], "strong": [], "again": []}
    (outcome,) = served(Reliability(), logs, [slow], times=(1.0,))
    expected = replace(logs["weak"][0], latency_s=2.0, ttft_s=1.7, fault_at_s=1.0)
    assert outcome.steps[0].attempts == (expected,)
