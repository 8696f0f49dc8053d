import pytest

from evalgate.core.calls import Gateway, Usage
from evalgate.core.errors import ProviderRefused
from evalgate.core.policy_file import Reliability
from evalgate.core.providers_file import GatewayFile, OpenAIProvider
from evalgate.providers.gateway import cost_said, gateway_of
from evalgate.providers.origin import chat_url, endpoint_url, is_metadata, key_from
from tests.loopback import Loopback, completion, json_reply, status
from tests.unit.providers.asking import KEY, ask

LITELLM = GatewayFile()
SAID = {
    "x-litellm-response-cost": "0.000125",
    "x-litellm-model-id": "deployment-7",
    "x-litellm-attempted-retries": "2",
    "x-litellm-attempted-fallbacks": "1",
}


def one(headers, spec=None, **fields):
    with Loopback([json_reply(completion(**fields), headers=headers)]) as server:
        return ask(server.origin, spec={"gateway": LITELLM if spec is None else spec}).attempts[0]


def test_a_gateway_is_believed_about_its_cost_model_retries_and_cache():
    attempt = one(SAID)
    assert attempt.gateway == Gateway("deployment-7", cache_hit=False, retries=2, fallbacks=1)
    assert attempt.reported_cost_usd == 0.000125


def test_a_cache_key_stands_on_hits_alone():
    attempt = one({**SAID, "x-litellm-cache-key": "abc", "x-litellm-response-cost": "0.0"})
    assert attempt.gateway.cache_hit is True
    assert attempt.reported_cost_usd == 0.0


def test_what_a_gateway_does_not_say_is_not_known():
    attempt = one({})
    assert attempt.gateway == Gateway()
    assert attempt.reported_cost_usd is None


def test_a_cost_in_the_body_counts_where_no_header_says_it():
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "cost": 0.5}
    assert one({}, usage=usage).reported_cost_usd == 0.5


def test_nothing_is_read_where_no_gateway_is_declared():
    with Loopback([json_reply(completion(), headers=SAID)]) as server:
        attempt = ask(server.origin).attempts[0]
    assert attempt.gateway is None
    assert attempt.reported_cost_usd is None


@pytest.mark.parametrize("written", ["0.0", "None", "", "nan", "-1", "free", "inf"])
def test_a_cost_that_is_none_is_unknown_and_never_0(written):
    # What litellm writes when its upstream counted no tokens is a cost of 0.
    assert one({"x-litellm-response-cost": written}, usage=...).reported_cost_usd is None


@pytest.mark.parametrize(
    ("written", "hit"),
    [("HIT", True), ("SEMANTIC HIT", True), ("true", True), ("MISS", False), ("false", False), ("", None)],
)
def test_other_gateways_have_other_names_and_words(written, hit):
    names = GatewayFile(cost_usd=None, model_id="x-which", cache_key=None, cache_status="x-cache")
    said = gateway_of(names, {"x-cache": written, "x-which": "small"})
    assert said == Gateway("small", cache_hit=hit)
    assert cost_said(names, {}, said, Usage(1)) is None


def azure(**fields):
    return OpenAIProvider(
        kind="openai",
        origin="https://team.example.com",
        path="/openai/deployments/{model}/chat/completions",
        query={"api-version": "2026-10-21"},
        key_env="AZURE_KEY",
        key_header="api-key",
        **fields,
    )


def test_azure_wants_the_model_in_the_path_and_a_version_behind_it():
    assert chat_url("azure", azure(), "gpt 5/mini") == (
        "https://team.example.com/openai/deployments/gpt%205%2Fmini/chat/completions?api-version=2026-10-21"
    )


def test_a_key_in_its_own_header_is_sent_bare():
    spec = {"key_header": "api-key", "path": "/x/{model}", "query": {"v": "1"}}
    with Loopback([json_reply(completion())]) as server:
        ask(server.origin, key_env="LOCAL_KEY", environ={"LOCAL_KEY": KEY}, spec=spec)
    (received,) = server.received
    assert received.path == "/x/m-1?v=1"
    assert received.headers["api-key"] == KEY
    assert "authorization" not in received.headers


def test_a_key_over_plain_http_needs_a_declared_exception():
    spec = OpenAIProvider(kind="openai", origin="http://10.0.0.7:8000", key_env="K")
    with pytest.raises(ProviderRefused, match="key_over_http: true"):
        key_from("vllm", spec, {"K": KEY})
    assert key_from("vllm", spec.model_copy(update={"key_over_http": True}), {"K": KEY}) == KEY


@pytest.mark.parametrize(
    "origin",
    [
        "http://169.254.169.254",
        "http://[fe80::1]:80",
        "http://[fd00:ec2::254]",
        "http://[::ffff:169.254.169.254]/v1",
        "http://100.100.100.200",
        "http://metadata.google.internal",
    ],
)
def test_metadata_and_link_local_addresses_are_never_asked(origin):
    spec = OpenAIProvider(kind="openai", origin=origin)
    with pytest.raises(ProviderRefused, match="link-local or metadata"):
        endpoint_url("cloud", spec, "chat/completions")


def test_a_name_that_leads_to_a_metadata_address_is_refused(monkeypatch):
    from aiohttp.resolver import ThreadedResolver

    async def resolve(self, host, port=0, family=0):
        return [
            {
                "hostname": host,
                "host": "169.254.169.254",
                "port": port,
                "family": family,
                "proto": 0,
                "flags": 0,
            }
        ]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    with pytest.raises(ProviderRefused, match=r"rebound\.example leads to 169\.254\.169\.254"):
        ask("http://rebound.example")


def test_private_networks_are_where_models_live():
    import ipaddress

    assert not any(is_metadata(ipaddress.ip_address(a)) for a in ("10.0.0.7", "192.168.1.5", "127.0.0.1"))


def test_a_server_that_fails_alike_four_times_is_given_up():
    with Loopback([status(500, "CUDA error: device-side assert")]) as server:
        call = ask(server.origin, Reliability(num_retries=5, backoff_s=0))
        assert len(server.received) == len(call.attempts) == 4


def test_a_server_that_fails_differently_gets_every_try():
    with Loopback([status(500, f"request {n}") for n in range(9)]) as server:
        ask(server.origin, Reliability(num_retries=5, backoff_s=0))
        assert len(server.received) == 6
