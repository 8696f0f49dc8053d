import json

import pytest

from evalgate.core.calls import TokenLogprob, Usage
from evalgate.core.errors import ExitCode, ProviderRefused
from evalgate.core.messages import Message, ToolCall
from evalgate.core.policy_file import Reliability
from evalgate.providers import wire
from evalgate.providers.loop import run_loop
from tests.loopback import (
    Loopback,
    answer,
    completion,
    delayed,
    drip,
    flood,
    html,
    json_reply,
    not_http,
    reply,
    reset,
    status,
    torn,
)
from tests.unit.providers.asking import KEY, ask, openai, request


def one(step, **named):
    with Loopback([step]) as server:
        call = ask(server.origin, **named)
    assert len(call.attempts) == 1
    return call, call.attempts[0]


def test_an_answer_is_recorded_with_everything_the_server_said():
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 11},
        "cost": 0.00125,
    }
    call, attempt = one(answer("billing", usage=usage))
    assert call.response.text == "billing"
    assert call.response.finish_reason == "stop"
    assert call.session == "s-1"
    assert call.replayed is False
    assert attempt.error is None
    assert attempt.status == 200
    assert attempt.usage == Usage(100, 64, 5, 20, 11)
    assert attempt.reported_cost_usd == 0.00125
    assert attempt.model_served == "served-model-2026"
    assert attempt.fingerprint == "fp_1"
    assert attempt.billing == "billed"
    assert attempt.at == "2026-11-01T12:00:00.005Z"
    assert attempt.ttft_s is None
    assert 0 < attempt.latency_s < 5


def test_what_is_sent():
    with Loopback([answer()]) as server:
        ask(server.origin, params={"temperature": 0, "max_tokens": 8, "model": "other", "messages": []})
    (received,) = server.received
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")
    assert received.json == {
        "model": "m-1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Where is my parcel?"},
        ],
        "temperature": 0,
        "max_tokens": 8,
    }
    assert "authorization" not in received.headers


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/api/v1", "/api/v1/chat/completions"),
        ("/gateway", "/gateway/v1/chat/completions"),
    ],
)
def test_the_path_of_the_origin_is_kept_and_v1_is_not_doubled(path, asked):
    with Loopback([answer()]) as server:
        ask(server.origin + path)
    assert server.received[0].path == asked


def test_a_lone_surrogate_is_sent_as_the_digest_hashes_it():

    async def go(origin):
        async with openai(origin) as caller:
            await caller(request(messages=(Message("user", "a\ud800b ü"),)), Reliability())

    with Loopback([answer()]) as server:
        run_loop(go(server.origin))
    assert server.received[0].json["messages"][0]["content"] == "a\ufffdb ü"


def test_a_conversation_with_tool_calls_goes_out_and_comes_back():
    calls = [{"id": "c1", "type": "function", "function": {"name": "refund", "arguments": '{"order":1}'}}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    call, _ = one(answer(choices=[{"message": message, "finish_reason": "tool_calls"}]))
    assert call.response.text is None
    assert call.response.tool_calls == (ToolCall("refund", '{"order":1}', "c1"),)
    assert call.response.finish_reason == "tool_calls"


def test_tool_arguments_sent_as_an_object_become_json_text():
    calls = [{"function": {"name": "refund", "arguments": {"b": 1, "a": 2}}}]
    call, _ = one(answer(choices=[{"message": {"tool_calls": calls}}]))
    assert call.response.tool_calls == (ToolCall("refund", '{"a":2,"b":1}', None),)


def test_logprobs():
    content = [{"token": "bill", "logprob": -0.25}, {"token": "ing", "logprob": -1}]
    choice = {"message": {"content": "billing"}, "finish_reason": "stop", "logprobs": {"content": content}}
    call, _ = one(answer(choices=[choice]))
    assert call.response.logprobs == (TokenLogprob("bill", -0.25), TokenLogprob("ing", -1.0))


def test_logprobs_with_a_hole_are_no_logprobs():
    content = [{"token": "bill", "logprob": -0.25}, {"token": "ing", "logprob": None}]
    choice = {"message": {"content": "billing"}, "finish_reason": "stop", "logprobs": {"content": content}}
    assert one(answer(choices=[choice]))[0].response.logprobs is None


@pytest.mark.parametrize(
    "usage", [..., None, {}, {"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": "12"}, []]
)
def test_tokens_nobody_counted_are_unknown_not_zero(usage):
    call, attempt = one(answer(usage=usage))
    assert call.response.text == "billing"
    assert attempt.usage is None
    assert attempt.reported_cost_usd is None


def test_tokens_counted_in_part_stay_unknown_in_part():
    _, attempt = one(answer(usage={"prompt_tokens": 12, "completion_tokens": -1}))
    assert attempt.usage == Usage(input_tokens=12)


@pytest.mark.parametrize(
    ("cost", "read"), [({"total_cost": 0.5}, 0.5), (0, 0.0), (-1, None), (True, None), ("free", None)]
)
def test_reported_cost(cost, read):
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "cost": cost}
    assert one(answer(usage=usage))[1].reported_cost_usd == read


def test_content_in_parts_is_joined_without_the_thinking():
    parts = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "bil"},
        {"type": "text", "text": "ling"},
    ]
    call, _ = one(answer(choices=[{"message": {"content": parts}, "finish_reason": "stop"}]))
    assert call.response.text == "billing"


def test_a_refusal_in_words_is_what_the_user_reads():
    message = {"content": None, "refusal": "I cannot help with that."}
    call, _ = one(answer(choices=[{"message": message, "finish_reason": "stop"}]))
    assert call.response.text == "I cannot help with that."


def test_a_model_that_thought_until_max_tokens_said_nothing():
    call, attempt = one(answer(choices=[{"message": {"content": None}, "finish_reason": "length"}]))
    assert call.response.text == ""
    assert attempt.error is None


ERRORS = {
    "request timeout": (status(408), "overloaded", 408, "free"),
    "conflict": (status(409), "overloaded", 409, "free"),
    "busy": (status(529), "overloaded", 529, "free"),
    "too many": (status(429), "rate_limit", 429, "free"),
    "crash": (status(500), "server_error", 500, "possible"),
    "bad gateway page": (html(502), "server_error", 502, "possible"),
    "unavailable": (status(503), "server_error", 503, "free"),
    "gateway timeout": (status(504), "server_error", 504, "possible"),
    "page with 200": (html(200), "bad_response", 200, "possible"),
    "not json": (reply(200, b'{"choices": ['), "bad_response", 200, "possible"),
    "not utf-8": (reply(200, b'"\xff"'), "bad_response", 200, "possible"),
    "nothing": (reply(200, b""), "bad_response", 200, "possible"),
    "a number": (reply(200, b"7"), "bad_response", 200, "possible"),
    "too deep": (reply(200, b"[" * 200_000), "bad_response", 200, "possible"),
    "nan": (reply(200, b'{"choices": [NaN]}'), "bad_response", 200, "possible"),
    "empty choices": (answer(choices=[], usage=...), "bad_response", 200, "possible"),
    "empty choices, counted": (answer(choices=[]), "bad_response", 200, "billed"),
    "no choices": (answer(choices=...), "bad_response", 200, "billed"),
    "no message": (answer(choices=[{"finish_reason": "stop"}]), "bad_response", 200, "billed"),
    "empty message": (answer(choices=[{"message": {}}]), "bad_response", 200, "billed"),
    "odd content": (answer(choices=[{"message": {"content": 7}}]), "bad_response", 200, "billed"),
    "nameless tool": (answer(choices=[{"message": {"tool_calls": [{}]}}]), "bad_response", 200, "billed"),
    "no content": (reply(204, b""), "bad_response", 204, "possible"),
    "200 with error": (status(200, {"message": "oops"}), "bad_response", 200, "possible"),
    "200 with error text": (status(200, "oops"), "bad_response", 200, "possible"),
    "200 with 429": (status(200, {"code": 429, "message": "slow down"}), "rate_limit", 200, "free"),
    "200 with 502": (status(200, {"code": "502"}), "server_error", 200, "possible"),
    "200 with overload": (status(200, {"type": "overloaded_error"}), "overloaded", 200, "possible"),
    "error in the choice": (
        answer(choices=[{"error": {"code": 502}, "message": {"content": "bil"}, "finish_reason": "error"}]),
        "server_error",
        200,
        "billed",
    ),
    "withheld": (
        answer(choices=[{"message": {"content": ""}, "finish_reason": "content_filter"}]),
        "content_filter",
        200,
        "billed",
    ),
    "filtered": (status(400, {"code": "content_filter"}), "content_filter", 400, "free"),
    "filtered by azure": (
        status(400, {"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}),
        "content_filter",
        400,
        "free",
    ),
    "moderated": (
        status(403, {"code": 403, "message": "flagged", "metadata": {"flagged_input": "…"}}),
        "content_filter",
        403,
        "free",
    ),
    "too long": (status(400, {"code": "context_length_exceeded"}), "context_window", 400, "free"),
    "too long in words": (
        json_reply(
            {"object": "error", "message": "This model's maximum context length is 4096", "code": 400}, 400
        ),
        "context_window",
        400,
        "free",
    ),
    "too long for llama.cpp": (
        status(400, {"type": "exceed_context_size_error"}),
        "context_window",
        400,
        "free",
    ),
    "bad parameter": (status(400, {"message": "unknown parameter"}), "bad_request", 400, "free"),
    "unprocessable": (json_reply({"detail": "no such field"}, 422), "bad_request", 422, "free"),
    "bad request page": (html(400), "bad_request", 400, "free"),
    "limit as 413": (status(413, {"code": "rate_limit_exceeded"}), "rate_limit", 413, "free"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_every_failure_has_a_kind_and_says_whether_it_may_be_billed(name):
    step, kind, code, billing = ERRORS[name]
    call, attempt = one(step)
    assert call.response is None
    assert (attempt.error, attempt.status, attempt.billing) == (kind, code, billing)


@pytest.mark.parametrize(
    ("step", "kind"),
    [(torn(), "bad_response"), (not_http(), "bad_response"), (reset(), "connection")],
    ids=["torn", "not http", "reset"],
)
def test_a_broken_exchange_may_have_been_billed(step, kind):
    call, attempt = one(step)
    assert call.response is None
    assert (attempt.error, attempt.status, attempt.billing) == (kind, None, "possible")


def test_a_reply_without_end_is_cut(monkeypatch):
    monkeypatch.setattr(wire, "MAX_RESPONSE_BYTES", 1_000_000)
    _, attempt = one(flood(8_000_000))
    assert attempt.error == "bad_response"


@pytest.mark.parametrize("step", [delayed(5, answer()), drip(0.05)], ids=["stall", "drip"])
def test_a_timeout_ends_the_attempt_at_exactly_the_limit(step):
    call, attempt = one(step, rules=Reliability(request_timeout_s=0.2))
    assert call.response is None
    assert (attempt.error, attempt.latency_s, attempt.billing) == ("timeout", 0.2, "possible")


def test_latency_runs_to_the_last_byte():
    _, attempt = one(drip(0.001))
    assert attempt.latency_s > 0.001 * len(json.dumps(completion()))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Sun, 01 Nov 2026 12:00:30 GMT"}, 29.995),
        ({"Retry-After": "Sun, 01 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-3"}, 0.0),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
        ({}, None),
    ],
)
def test_retry_after(headers, seconds):
    _, attempt = one(status(429, headers=headers))
    assert attempt.retry_after_s == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (status(401, {"message": "Incorrect API key: sk-e***6789"}), "does not accept the key in LOCAL_KEY"),
        (status(402, {"message": "no credit"}), "no credit"),
        (status(403, {"message": "not in your country"}), "not in your country"),
        (status(404, {"code": "model_not_found", "message": "no model m-1"}), "no model m-1"),
        (status(404, "model 'm-1' not found"), "model 'm-1' not found"),
        (status(405), "check the provider's origin"),
        (status(400, {"code": "invalid_model", "message": "m-1?"}), "m-1?"),
        (
            status(429, {"code": "insufficient_quota", "message": "exceeded your quota"}),
            "exceeded your quota",
        ),
        (status(200, {"code": 401, "message": "x"}), "HTTP 401"),
        (reply(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}), "not followed"),
    ],
)
def test_a_provider_that_cannot_be_used_is_refused_at_once(step, says):
    with Loopback([step]) as server, pytest.raises(ProviderRefused) as refused:
        ask(server.origin, Reliability(num_retries=3), key_env="LOCAL_KEY", environ={"LOCAL_KEY": KEY})
    assert says in str(refused.value)
    assert "'local'" in str(refused.value)
    assert "6789" not in str(refused.value)
    assert refused.value.exit_code == ExitCode.CANNOT_JUDGE
    assert len(server.received) == 1


def test_a_redirect_is_never_followed():
    with Loopback([answer()]) as elsewhere:
        moved = reply(307, b"", {"Location": elsewhere.origin + "/v1/chat/completions"})
        with Loopback([moved]) as server, pytest.raises(ProviderRefused):
            ask(server.origin)
    assert elsewhere.received == []


def test_proxies_and_base_urls_of_the_environment_are_ignored(monkeypatch):
    with Loopback([answer()]) as elsewhere, Loopback([answer()]) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "OPENAI_BASE_URL"):
            monkeypatch.setenv(name, elsewhere.origin)
        ask(server.origin)
    assert elsewhere.received == []
    assert len(server.received) == 1


def test_cookies_are_not_kept():
    with Loopback([status(503, headers={"Set-Cookie": "id=1"}), answer()]) as server:
        ask(server.origin, Reliability(num_retries=1, backoff_s=0))
    assert "cookie" not in server.received[1].headers
