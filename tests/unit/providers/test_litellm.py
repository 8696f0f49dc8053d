"""litellm against the loopback server. It is imported once, here: that takes seconds."""

import sys

import pytest

from evalgate.core.attempt_log import Unlogged
from evalgate.core.calls import Usage
from evalgate.core.errors import ProviderRefused
from evalgate.core.policy_file import Reliability
from evalgate.core.providers_file import LitellmProvider, steers_litellm
from evalgate.providers.live import LiveCaller
from evalgate.providers.loop import run_loop
from tests.loopback import (
    DONE,
    Loopback,
    answer,
    delayed,
    delta,
    event,
    html,
    json_reply,
    not_http,
    reply,
    reset,
    status,
    stream,
    torn,
)
from tests.unit.providers.asking import KEY, ONCE, request

pytestmark = pytest.mark.filterwarnings("ignore")
ENVIRON = {"VENDOR_KEY": KEY}


def ask(origin, rules=ONCE, params=None, environ=ENVIRON, **fields):
    async def go():
        spec = LitellmProvider(kind="litellm", vendor="openai", key_env="VENDOR_KEY", origin=origin, **fields)
        async with LiveCaller({"local": spec}, {}, environ, Unlogged("s-1")) as caller:
            return await caller(request(params=params), rules)

    return run_loop(go())


def one(step, **named):
    with Loopback([step]) as server:
        call = ask(f"{server.origin}/v1", **named)
        # Whatever happens, it is one attempt on the wire: litellm's own retries are off.
        assert len(server.received) == len(call.attempts) == 1
    return call, call.attempts[0]


def test_an_answer_is_read_like_any_other():
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 11},
    }
    call, attempt = one(answer("billing", usage=usage))
    assert (call.response.text, call.response.finish_reason) == ("billing", "stop")
    assert attempt.usage == Usage(100, 64, None, 20, 11)
    assert attempt.model_served == "served-model-2026"
    assert attempt.fingerprint == "fp_1"
    assert (attempt.status, attempt.billing, attempt.error) == (200, "billed", None)
    # What litellm thinks it cost is from a table of its own.
    assert attempt.reported_cost_usd is None


def test_what_is_sent_and_with_which_key():
    with Loopback([answer()]) as server:
        ask(f"{server.origin}/v1", params={"temperature": 0, "max_tokens": 8})
    (received,) = server.received
    assert received.path == "/v1/chat/completions"
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.json == {
        "model": "m-1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Where is my parcel?"},
        ],
        "temperature": 0,
        "max_tokens": 8,
    }


def test_five_traps_of_litellm():
    cut, attempt = one(torn())
    assert cut.response is None
    assert (attempt.error, attempt.status) in {("bad_response", None), ("connection", None)}
    assert attempt.billing == "possible"

    page, attempt = one(html())
    assert page.response is None
    assert (attempt.error, attempt.billing) == ("bad_response", "possible")

    error, attempt = one(json_reply({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}))
    assert error.response is None
    assert attempt.error == "rate_limit"

    empty, attempt = one(answer(choices=[]))
    assert empty.response is None
    assert attempt.error == "bad_response"

    uncounted, attempt = one(answer("billing", usage=...))
    assert uncounted.response.text == "billing"
    # litellm fills in 0 tokens and a cost of 0.0: not known is not nothing.
    assert attempt.usage is None
    assert attempt.reported_cost_usd is None


@pytest.mark.parametrize(
    ("step", "kind", "code", "billing"),
    [
        (status(429, {"message": "slow"}, {"Retry-After": "7"}), "rate_limit", 429, "free"),
        (status(503), "server_error", 503, "free"),
        (status(500), "server_error", 500, "possible"),
        (status(400, {"message": "unknown parameter"}), "bad_request", 400, "free"),
        (status(400, {"message": "no", "code": "context_length_exceeded"}), "context_window", 400, "free"),
        (status(400, {"message": "no", "code": "content_policy_violation"}), "content_filter", 400, "free"),
        (reset(), "connection", None, "possible"),
        (not_http(), None, None, "possible"),
    ],
)
def test_failures_have_our_kinds(step, kind, code, billing):
    call, attempt = one(step)
    assert call.response is None
    assert attempt.error == kind or (kind is None and attempt.error in {"connection", "bad_response"})
    assert (attempt.status, attempt.billing) == (code, billing)
    assert attempt.retry_after_s == (7.0 if code == 429 else None)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (status(401, {"message": f"bad key {KEY}"}), "does not accept the key in VENDOR_KEY"),
        (status(404, {"message": "no such model"}), "no such model"),
        (status(429, {"message": "pay", "code": "insufficient_quota"}), "pay"),
    ],
)
def test_what_every_case_would_meet_ends_the_command(step, words):
    with pytest.raises(ProviderRefused, match=words) as refused:
        one(step)
    assert KEY not in str(refused.value)


def test_our_retries_are_the_only_ones():
    with Loopback([status(500, "a"), status(503), answer()]) as server:
        call = ask(f"{server.origin}/v1", Reliability(num_retries=3, backoff_s=0))
        assert len(server.received) == len(call.attempts) == 3
    assert call.response.text == "billing"


def test_a_slow_answer_times_out_by_our_clock():
    _, attempt = one(delayed(5, answer()), rules=Reliability(request_timeout_s=0.2))
    assert (attempt.error, attempt.latency_s, attempt.billing) == ("timeout", 0.2, "possible")


def test_a_redirect_takes_nothing_along():
    with (
        Loopback([answer()]) as elsewhere,
        Loopback([reply(302, b"", {"Location": f"{elsewhere.origin}/v1/chat/completions"})]) as server,
    ):
        with pytest.raises(ProviderRefused):
            ask(f"{server.origin}/v1")
        assert elsewhere.received == []


def test_a_stream_is_put_together_with_its_counts():
    pieces = [
        delta(role="assistant", content=""),
        delta(content="bil"),
        0.05,
        delta(content="ling"),
        delta("stop"),
        event({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}}),
        DONE,
    ]
    call, attempt = one(stream(pieces), params={"stream": True})
    assert call.response.text == "billing"
    assert (attempt.usage.input_tokens, attempt.usage.output_tokens) == (12, 3)
    assert 0 < attempt.ttft_s < attempt.latency_s
    assert attempt.tokens_per_s > 0


def test_nothing_of_litellms_own_is_on():
    one(answer())
    litellm = sys.modules["litellm"]
    assert litellm.cache is None
    assert litellm.telemetry is False
    assert litellm.callbacks == litellm.success_callback == litellm.failure_callback == []


@pytest.mark.parametrize(
    "param",
    [
        "api_base",
        "base_url",
        "api_key",
        "headers",
        "extra_headers",
        "mock_response",
        "num_retries",
        "fallbacks",
        "custom_llm_provider",
        "aws_bedrock_runtime_endpoint",
        "vertex_credentials",
        "timeout",
        "caching",
    ],
)
def test_params_that_steer_litellm_are_refused(param):
    assert steers_litellm(param)
    with pytest.raises(ProviderRefused, match="would steer litellm"):
        ask("http://127.0.0.1:9/v1", params={param: "x"})


@pytest.mark.parametrize(
    "param",
    [
        "temperature",
        "max_tokens",
        "max_completion_tokens",
        "reasoning_effort",
        "thinking",
        "top_k",
        "response_format",
        "logprobs",
        "seed",
        "stop",
        "tools",
        "stream",
        "extra_body",
        "service_tier",
    ],
)
def test_params_for_the_model_are_not(param):
    assert not steers_litellm(param)


def test_the_environment_sends_nothing_elsewhere():
    environ = {**ENVIRON, "OPENAI_API_BASE": "https://evil.example"}
    with pytest.raises(ProviderRefused, match=r"OPENAI_API_BASE would send calls and key elsewhere"):
        ask(None, environ=environ)


def test_without_litellm_there_is_one_command_to_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(ProviderRefused, match="uv sync --extra live"):
        ask("http://127.0.0.1:9/v1")
