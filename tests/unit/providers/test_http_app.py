import pytest
from pydantic import ValidationError

from evalgate.core.attempt_log import Unlogged
from evalgate.core.calls import Usage
from evalgate.core.errors import ProviderRefused
from evalgate.core.messages import Message
from evalgate.core.providers_file import HttpProvider
from evalgate.providers.http_app import pointed
from evalgate.providers.live import LiveCaller
from evalgate.providers.loop import run_loop
from tests.loopback import Loopback, html, json_reply, reply, status, torn
from tests.unit.providers.asking import KEY, ONCE, request

REPLY = {
    "result": {"answers": [{"text": "billing"}], "spent": "0.0021"},
    "tokens": {"in": 80, "out": 4},
    "a/b": {"~": 1},
}
SPEC = {
    "path": "/ask",
    "answer": "/result/answers/0/text",
    "usage": {"input_tokens": "/tokens/in", "output_tokens": "/tokens/out"},
    "cost_usd": "/result/spent",
    "build_header": "x-build",
}


def ask(origin, rules=ONCE, environ=None, asked=None, **fields):
    async def go():
        spec = HttpProvider(kind="http", origin=origin, **{**SPEC, **fields})
        async with LiveCaller({"app": spec}, {}, environ or {}, Unlogged("s-1")) as caller:
            return await caller(asked or request(kind="http", provider="app"), rules)

    return run_loop(go())


def one(step, **named):
    with Loopback([step]) as server:
        call = ask(server.origin, **named)
    return call, call.attempts[0]


def test_an_answer_is_read_where_the_pointers_say():
    call, attempt = one(json_reply(REPLY, headers={"X-Build": "2026-11-27-abc123"}))
    assert call.response.text == "billing"
    assert attempt.usage == Usage(input_tokens=80, output_tokens=4)
    assert attempt.reported_cost_usd == 0.0021
    assert attempt.fingerprint == "2026-11-27-abc123"
    assert (attempt.status, attempt.billing, attempt.error) == (200, "billed", None)
    assert 0 < attempt.latency_s < 5


def test_the_body_is_the_template_with_its_slots_filled():
    messages = (Message("user", "first"), Message("assistant", "yes?"), Message("user", 'say "{{model}}"'))
    asked = request(kind="http", provider="app", params={"top_k": 3}, messages=messages)
    body = {
        "q": "Q: {{input}}",
        "history": "{{messages}}",
        "opts": {"k": "{{params.top_k}}", "all": "{{ params }}", "none": "{{params.no}}"},
        "model": ["{{model}}", 7, None],
    }
    with Loopback([json_reply(REPLY)]) as server:
        ask(server.origin, asked=asked, body=body)
    (received,) = server.received
    assert (received.method, received.path) == ("POST", "/ask")
    # What was put in is not read again.
    assert received.json == {
        "q": 'Q: say "{{model}}"',
        "history": [
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "yes?"},
            {"role": "user", "content": 'say "{{model}}"'},
        ],
        "opts": {"k": 3, "all": {"top_k": 3}, "none": None},
        "model": ["m-1", 7, None],
    }


def test_without_pointers_the_reply_is_the_answer():
    call, attempt = one(
        reply(200, "größer".encode(), {"Content-Type": "text/plain"}), answer=None, usage={}, cost_usd=None
    )
    assert call.response.text == "größer"
    assert attempt.usage is None
    assert attempt.reported_cost_usd is None


def test_an_answer_that_is_no_text_is_its_json():
    call, _ = one(json_reply(REPLY), answer="/tokens")
    assert call.response.text == '{"in":80,"out":4}'


@pytest.mark.parametrize("reply_body", [{"result": {}}, {"result": {"answers": []}}, [], {"result": None}])
def test_a_reply_without_the_answer_is_a_bad_response(reply_body):
    call, attempt = one(json_reply(reply_body))
    assert call.response is None
    assert (attempt.error, attempt.billing) == ("bad_response", "possible")


@pytest.mark.parametrize("counted", ["many", -1, None, True, 1.5])
def test_a_count_that_is_none_is_unknown_and_never_0(counted):
    _, attempt = one(
        json_reply({**REPLY, "tokens": {"in": counted}, "result": {**REPLY["result"], "spent": counted}})
    )
    assert attempt.usage is None
    assert attempt.reported_cost_usd in ({1.5} if counted == 1.5 else {None})


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (status(500), "server_error"),
        (status(429), "rate_limit"),
        (status(422), "bad_request"),
        (status(503), "server_error"),
        (html(), "bad_response"),
        (torn(), "bad_response"),
    ],
)
def test_failures_have_the_kinds_of_every_provider(step, kind):
    call, attempt = one(step)
    assert call.response is None
    assert attempt.error == kind


@pytest.mark.parametrize(
    ("code", "cure"), [(401, "check the key"), (404, "origin and path"), (302, "origin and path")]
)
def test_what_would_fail_for_every_case_alike_ends_the_command(code, cure):
    with pytest.raises(ProviderRefused, match=cure):
        one(status(code))


def test_the_key_goes_where_it_is_told():
    with Loopback([json_reply(REPLY)]) as server:
        ask(server.origin, environ={"APP_KEY": KEY}, key_env="APP_KEY", key_header="x-api-key")
    assert server.received[0].headers["x-api-key"] == KEY


def test_pointers_are_those_of_rfc_6901():
    assert pointed(REPLY, "/a~1b/~0") == 1
    assert pointed(REPLY, "/result/answers/1") is None
    assert pointed(REPLY, "/result/answers/-1") is None
    assert pointed(REPLY, "/result/answers/text") is None


def test_a_slot_that_nothing_fills_is_refused_at_load():
    with pytest.raises(ValidationError, match=r"\{\{inptu\}\} cannot be filled in; known are \{\{input\}\}"):
        HttpProvider(kind="http", origin="http://127.0.0.1:1", body={"a": [{"q": "{{inptu}}"}]})
