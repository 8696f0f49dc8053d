import pytest

from evalgate.core.calls import TokenLogprob, Usage
from evalgate.core.messages import ToolCall
from evalgate.core.policy_file import Reliability
from tests.loopback import DONE, Loopback, answer, delta, event, status, stream
from tests.unit.providers.asking import ask

STREAM = {"stream": True}
USAGE = event(
    {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3}, "system_fingerprint": "fp_9"}
)
WHOLE = [
    delta(role="assistant", content=""),
    delta(content="bil"),
    delta(content="ling"),
    delta("stop"),
    USAGE,
    DONE,
]


def one(pieces, **named):
    with Loopback([stream(pieces)]) as server:
        call = ask(server.origin, params=STREAM, **named)
    return call, call.attempts[0]


def test_a_stream_is_put_together():
    call, attempt = one(WHOLE)
    assert call.response.text == "billing"
    assert call.response.finish_reason == "stop"
    assert attempt.error is None
    assert attempt.usage == Usage(input_tokens=12, output_tokens=3)
    assert attempt.model_served == "served-model-2026"
    assert attempt.fingerprint == "fp_9"
    assert attempt.billing == "billed"


def test_usage_is_asked_for_beside_what_the_policy_wants():
    with Loopback([stream(WHOLE)]) as server:
        ask(server.origin, params={"stream": True, "stream_options": {"include_obfuscation": False}})
    assert server.received[0].json["stream"] is True
    assert server.received[0].json["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_nothing_is_said_about_streams_where_none_is_wanted():
    with Loopback([answer()]) as server:
        ask(server.origin)
    assert not server.received[0].json.keys() & {"stream", "stream_options"}


def test_time_to_first_token_skips_empty_chunks_and_latency_does_not():
    call, attempt = one(
        [delta(role="assistant", content=""), 0.15, delta(content="billing"), 0.15, delta("stop"), DONE]
    )
    assert call.response.text == "billing"
    assert 0.15 <= attempt.ttft_s < attempt.latency_s
    assert attempt.latency_s >= attempt.ttft_s + 0.05


def test_tokens_nobody_counted_are_unknown():
    assert one([delta(content="billing"), delta("stop"), DONE])[1].usage is None


def test_comments_other_fields_and_carriage_returns_are_fine():
    pieces = [b": keep-alive\r\n\r\n", b"event: x\r\nid: 1\r\n", *(p.replace(b"\n", b"\r\n") for p in WHOLE)]
    assert one(pieces)[0].response.text == "billing"


def test_a_stream_may_end_without_done_once_the_answer_is_finished():
    assert one([delta(content="billing"), delta("stop")])[0].response.text == "billing"


def test_tool_calls_come_in_pieces():
    pieces = [
        delta(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "refund", "arguments": ""}}]),
        delta(tool_calls=[{"index": 1, "id": "c2", "function": {"name": "close", "arguments": "{}"}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"order"'}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
        delta("tool_calls"),
        DONE,
    ]
    call, attempt = one(pieces)
    assert call.response.tool_calls == (
        ToolCall("refund", '{"order":1}', "c1"),
        ToolCall("close", "{}", "c2"),
    )
    assert call.response.text is None
    assert attempt.ttft_s is not None


def test_logprobs_come_in_pieces():
    def chunk(token, logprob):
        content = [{"token": token, "logprob": logprob}]
        return event(
            {"choices": [{"index": 0, "delta": {"content": token}, "logprobs": {"content": content}}]}
        )

    call, _ = one([chunk("bill", -0.5), chunk("ing", -0.1), delta("stop"), DONE])
    assert call.response.logprobs == (TokenLogprob("bill", -0.5), TokenLogprob("ing", -0.1))


def test_only_the_first_choice_counts():
    other = event({"choices": [{"index": 1, "delta": {"content": "shipping"}, "finish_reason": "stop"}]})
    assert one([delta(content="billing"), other, delta("stop"), DONE])[0].response.text == "billing"


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([delta(content="bil")], "bad_response"),
        ([], "bad_response"),
        ([DONE], "bad_response"),
        ([delta(content="bil"), b"data: {torn\n\n"], "bad_response"),
        ([b"data: 7\n\n"], "bad_response"),
        ([b"data: \xff\n\n"], "bad_response"),
        ([delta(tool_calls=["x"])], "bad_response"),
        ([delta(content="bil"), event({"error": {"code": 429, "message": "slow"}})], "rate_limit"),
        ([delta(content="bil"), event({"error": {"message": "lost upstream"}}), DONE], "bad_response"),
        ([delta(content="bil"), event({"error": {"code": "server_error"}})], "server_error"),
        ([delta("content_filter"), DONE], "content_filter"),
    ],
)
def test_a_broken_stream_is_never_an_answer(pieces, kind):
    call, attempt = one(pieces)
    assert call.response is None
    assert attempt.error == kind


def test_a_stalled_stream_times_out():
    _, attempt = one([delta(content="bil"), 5.0, DONE], rules=Reliability(request_timeout_s=0.2))
    assert (attempt.error, attempt.latency_s) == ("timeout", 0.2)


def test_servers_that_answer_in_one_piece_or_fail_are_read_all_the_same():
    with Loopback([status(503), answer("billing")]) as server:
        call = ask(server.origin, Reliability(num_retries=1, backoff_s=0), params=STREAM)
    assert [attempt.error for attempt in call.attempts] == ["server_error", None]
    assert call.response.text == "billing"
    assert call.attempts[1].ttft_s is None


def test_a_server_that_never_hangs_up_after_done_is_not_waited_for():
    call, attempt = one([*WHOLE, 20.0])
    assert call.response.text == "billing"
    assert attempt.latency_s < 5
