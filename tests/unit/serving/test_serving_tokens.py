"""When the first token stands before the user, and how fast the others follow."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.calls import Attempt, Usage
from evalgate.core.cascade_file import CascadeFile, ColumnConfidence
from evalgate.core.cases import Case
from evalgate.core.outcome import TokenTimes
from evalgate.core.policy import Cascade, Router
from evalgate.core.policy_file import ExactCache, Reliability
from evalgate.core.response_file import ExtractRegex
from evalgate.core.router_file import ColumnRouter
from evalgate.serving.cache import PolicyCache
from evalgate.serving.serve import Asked, serve
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

CASE = Case(id="c", input="q", vars={"need": 0.4, "sure": 0.6})
STREAMED = Attempt(latency_s=1.0, ttft_s=0.25, usage=Usage(output_tokens=31))
BROKEN = Attempt(latency_s=0.5, error="server_error", status=503)
COLUMN = ColumnConfidence(kind="column", column="sure")


def streams(alias, says=True):
    return deployment(alias, params={"stream": says})


def times(made, script, *, cache=None, case=CASE):
    asked = Asked(case, 0, 0.0)
    return asyncio.run(serve(asked, made, ScriptedCaller(script), cache))


def test_a_streamed_answer():
    outcome = times(policy(streams("weak")), {"model-weak": [STREAMED]})
    assert outcome.tokens == TokenTimes(0.25, pytest.approx(0.75 / 30))


def test_failed_attempts_and_waits_before_it_are_waited_for():
    rules = Reliability(num_retries=1, backoff_s=2, max_backoff_s=2, backoff_jitter="none")
    made = policy(streams("weak"), reliability=rules)
    outcome = times(made, {"model-weak": [BROKEN, STREAMED]})
    assert outcome.tokens.ttft_s == pytest.approx(0.5 + 2 + 0.25)
    assert outcome.tokens.tpot_s == pytest.approx(0.75 / 30)


def test_a_fallback_streams_after_all_that_failed():
    rules = Reliability(fallbacks={"weak": ["strong"]})
    made = policy(streams("weak"), streams("strong"), use="weak", reliability=rules)
    outcome = times(made, {"model-weak": [BROKEN], "model-strong": [STREAMED]})
    assert outcome.tokens.ttft_s == pytest.approx(0.75)


def test_the_router_decides_before():
    spec = ColumnRouter(
        kind="column", column="need", threshold=0.5, strong="strong", weak="weak", decide_s=0.1
    )
    made = policy(streams("weak"), streams("strong"), router=Router(spec))
    assert times(made, {"model-weak": [STREAMED]}).tokens.ttft_s == pytest.approx(0.35)


def test_a_cached_answer_comes_at_once_and_a_miss_after_the_lookup():
    spec = ExactCache(mode="exact", lookup_s=0.01)
    made, cache = policy(streams("weak"), cache=spec), PolicyCache(spec)
    miss = times(made, {"model-weak": [STREAMED]}, cache=cache)
    hit = times(made, {}, cache=cache, case=CASE.model_copy(update={"id": "again"}))
    assert miss.tokens.ttft_s == pytest.approx(0.26)
    assert (hit.cache.hit, hit.tokens) == (True, TokenTimes(0.01))


def cascaded(below):
    spec = CascadeFile(order=["weak", "strong"], confidence=COLUMN, escalate_below=below, check_s=0.1)
    return replace(policy(streams("weak"), streams("strong")), use=None, cascade=Cascade(spec))


def test_a_cascade_judges_a_whole_answer_before_anyone_sees_it():
    accepted = times(cascaded(0.5), {"model-weak": [STREAMED]})
    assert accepted.tokens == TokenTimes(pytest.approx(1.1))
    assert accepted.tokens.ttft_s == accepted.latency_s


def test_the_last_of_a_cascade_streams_after_the_others():
    escalated = times(cascaded(0.9), {"model-weak": [STREAMED], "model-strong": [STREAMED]})
    assert escalated.tokens == TokenTimes(pytest.approx(1.1 + 0.25), pytest.approx(0.75 / 30))


@pytest.mark.parametrize(
    ("rules", "first_s"),
    [(["strip"], 0.25), (["strip_code_fences"], 1.0), ([ExtractRegex(extract_regex="a")], 1.0)],
)
def test_response_rules_that_need_the_end_hold_the_beginning_back(rules, first_s):
    made = policy(streams("weak"), response=rules)
    assert times(made, {"model-weak": [STREAMED]}).tokens.ttft_s == first_s


def test_without_a_stream_the_first_token_comes_with_the_last():
    off = times(policy(streams("weak", says=False)), {"model-weak": [STREAMED]})
    assert off.tokens == TokenTimes(1.0)


def test_who_does_not_say_is_not_guessed_at():
    silent = times(policy(deployment("weak")), {"model-weak": [STREAMED]})
    mixed = policy(deployment("weak"), streams("strong"), use="weak")
    assert silent.tokens is None
    assert times(mixed, {}).tokens == TokenTimes(
        None, None, "deployment 'weak' does not say whether it streams"
    )


def test_what_was_not_recorded_is_unknown_and_says_why():
    not_streamed = times(policy(streams("weak")), {"model-weak": [Attempt(latency_s=1.0)]}).tokens
    uncounted = times(policy(streams("weak")), {"model-weak": [replace(STREAMED, usage=None)]}).tokens
    assert (not_streamed.ttft_s, not_streamed.tpot_s) == (None, None)
    assert not_streamed.unknown_because.startswith("its answer was not recorded as a stream")
    assert uncounted == TokenTimes(0.25, None, "the provider did not count the tokens of its answer")


def test_one_token_has_nothing_between():
    one = replace(STREAMED, usage=Usage(output_tokens=1))
    assert times(policy(streams("weak")), {"model-weak": [one]}).tokens == TokenTimes(0.25)


def test_a_failure_is_waited_for_until_it_failed():
    refused = Attempt(latency_s=0.2, error="content_filter", status=400)
    assert times(policy(streams("weak")), {"model-weak": [refused]}).tokens == TokenTimes(0.2)


@given(
    broken=st.lists(st.floats(0.01, 5), max_size=3),
    latency_s=st.floats(0.01, 20),
    share=st.floats(0, 1),
    tokens=st.integers(1, 500),
)
def test_a_stream_is_seen_no_later_and_ends_no_sooner(broken, latency_s, share, tokens):
    answered = Attempt(latency_s=latency_s, ttft_s=latency_s * share, usage=Usage(output_tokens=tokens))
    script = {"model-weak": [*(replace(BROKEN, latency_s=each) for each in broken), answered]}
    rules = Reliability(num_retries=3)
    on, off = (times(policy(streams("weak", says=says), reliability=rules), script) for says in (True, False))
    assert on.latency_s == off.latency_s == off.tokens.ttft_s
    assert sum(broken) <= on.tokens.ttft_s <= off.tokens.ttft_s * (1 + 1e-12)
    if tokens > 1:
        assert on.tokens.ttft_s + on.tokens.tpot_s * (tokens - 1) == pytest.approx(on.latency_s)


@pytest.mark.parametrize(("first_s", "seen_s"), [(1.0, 0.25), (9.0, 0.8 + 0.5)])
def test_a_hedge_that_lost_is_not_the_answer(first_s, seen_s):
    rules = Reliability(hedge_after_s=0.8, hedge_on="next", fallbacks={"weak": ["strong"]})
    made = policy(streams("weak"), streams("strong"), use="weak", reliability=rules)
    primary = replace(STREAMED, latency_s=first_s)
    hedge = Attempt(latency_s=2.0, ttft_s=0.5, usage=Usage(output_tokens=31))
    outcome = times(made, {"model-weak": [primary], "model-strong": [hedge]})
    assert len(outcome.steps) == 2
    assert outcome.tokens.ttft_s == pytest.approx(seen_s)
