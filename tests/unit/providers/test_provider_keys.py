import logging
import traceback

import pytest

from evalgate.core.errors import ProviderRefused
from evalgate.core.policy_file import Reliability
from evalgate.core.providers_file import OpenAIProvider
from evalgate.providers.loop import run_loop
from evalgate.providers.openai_http import OpenAIEndpoint
from evalgate.providers.origin import endpoint_url, key_from
from evalgate.providers.tried import one_line
from tests.loopback import Loopback, answer, html, not_http, reply, reset, status, torn
from tests.unit.providers.asking import KEY, NOW, ask, openai, request

ENVIRON = {"LOCAL_KEY": KEY}


def spec(origin="https://api.example.com", key_env="LOCAL_KEY"):
    return OpenAIProvider(kind="openai", origin=origin, key_env=key_env)


def test_the_key_goes_into_the_authorization_header():
    with Loopback([answer()]) as server:
        ask(server.origin, key_env="LOCAL_KEY", environ={"LOCAL_KEY": f" {KEY}\n"})
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_key_comes_from_the_environment_handed_in_and_nowhere_else(monkeypatch):
    monkeypatch.setenv("LOCAL_KEY", KEY)
    with Loopback([answer()]) as server, pytest.raises(ProviderRefused):
        ask(server.origin, key_env="LOCAL_KEY", environ={})
    assert server.received == []


@pytest.mark.parametrize("environ", [{}, {"LOCAL_KEY": ""}, {"LOCAL_KEY": "  \n"}])
def test_a_missing_key_names_the_variable_and_the_provider(environ):
    with pytest.raises(ProviderRefused, match=r"'local'.*LOCAL_KEY"):
        key_from("local", spec(), environ)


@pytest.mark.parametrize("value", ["sk-1\nHost: evil", "sk-clé", "two words"])
def test_a_value_that_is_no_key_is_refused_unseen(value):
    with pytest.raises(ProviderRefused, match="LOCAL_KEY") as refused:
        key_from("local", spec(), {"LOCAL_KEY": value})
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    "origin", ["http://api.example.com", "http://10.0.0.7:8000", "http://localhost.example.com"]
)
def test_a_key_never_crosses_the_network_unencrypted(origin):
    with pytest.raises(ProviderRefused, match="unencrypted"):
        key_from("local", spec(origin), ENVIRON)


@pytest.mark.parametrize(
    "origin", ["https://api.example.com", "http://127.0.0.1:80", "http://localhost:1", "http://[::1]:80"]
)
def test_a_key_may_go_over_https_and_to_this_machine(origin):
    assert key_from("local", spec(origin), ENVIRON) == KEY


@pytest.mark.parametrize(
    "origin",
    [
        "https://user:hunter2@api.example.com",
        "https://api.example.com/?key=hunter2",
        "https://api.example.com/#hunter2",
        "https://hunter2:99999",
        "https://:80",
        "https://[hunter2/",
    ],
)
def test_an_origin_with_more_than_an_address_is_refused_unseen(origin):
    with pytest.raises(ProviderRefused, match="'local'") as refused:
        endpoint_url("local", spec(origin), "embeddings")
    assert "hunter2" not in str(refused.value)


STEPS = {
    "401": status(401, {"message": f"bad key {KEY}"}),
    "403": status(403, {"message": f"bad key {KEY}"}),
    "404 in codes": status(404, {"code": KEY, "message": KEY}),
    "400": status(400, {"message": f"header was Bearer {KEY}"}),
    "400 torn key": status(400, {"message": KEY[:9] + "\x00" + KEY[9:]}),
    "500": status(500, f"dump: {KEY}"),
    "html": html(200),
    "torn": torn(),
    "not http": not_http(),
    "reset": reset(),
    "bad header": reply(200, b"", {"X": f"\x00{KEY}"}),
    "moved": reply(301, b"", {"Location": f"http://127.0.0.1/{KEY}"}),
    "counted as model": answer(choices=[{"message": {"content": 7}}], model=KEY),
}


@pytest.mark.parametrize("name", STEPS)
def test_the_key_shows_nowhere_whatever_the_server_does(name, caplog):
    caplog.set_level(logging.WARNING, "evalgate")
    shown = []
    with Loopback([STEPS[name]]) as server:
        try:
            call = ask(server.origin, key_env="LOCAL_KEY", environ=ENVIRON)
            shown += [attempt.error for attempt in call.attempts] + [repr(call.request)]
        except ProviderRefused as refused:
            shown += [repr(refused), "".join(traceback.format_exception(refused))]
            # What a report of the whole chain would print: aiohttp's errors hold the request's headers.
            shown += [repr(refused.__context__), repr(refused.__cause__)]
    assert shown
    assert KEY not in "".join(shown) + caplog.text


def test_the_key_is_in_no_repr():
    async def go():
        async with openai("http://127.0.0.1:1", key_env="LOCAL_KEY", environ=ENVIRON) as caller:
            with pytest.raises(ProviderRefused):
                await caller(request(), Reliability())
            endpoint = OpenAIEndpoint("local", spec(), ENVIRON, lambda: NOW)
            await endpoint.close()
            return repr(caller) + repr(endpoint) + repr(caller._lines)

    assert KEY not in run_loop(go())


def test_foreign_text_is_made_fit_for_a_terminal():
    assert one_line("a\x1b[31m\r\nb\u202e", None) == "a [31m b"
    assert len(one_line("x" * 5000, None)) == 200
