"""The installed litellm does what is read out of its config: its own Router, against a server that fails."""

import asyncio
import contextlib
import importlib
import importlib.util
import json
import os
import random
import threading
import types
import warnings
from collections import Counter
from itertools import accumulate

import pytest

from evalgate.core.calls import Attempt
from evalgate.core.cases import Case
from evalgate.core.policy_file import Reliability
from evalgate.core.policy_source_file import LitellmSource
from evalgate.core.providers_file import LitellmProvider
from evalgate.load.litellm_config.config import read_litellm_config
from evalgate.load.litellm_config.cooldown import ALLOWED_FAILS, COOLDOWN_TIME_S
from evalgate.load.litellm_config.draft import Draft
from evalgate.load.litellm_config.included import merged, read_parts
from evalgate.load.litellm_config.settings import MODULE, ROUTER, meaning_of_param
from evalgate.load.litellm_config.translate import Wanted, translate
from evalgate.load.litellm_config.vendors import reached
from evalgate.serving.cooldown import Health
from evalgate.serving.serve import Asked, Server
from tests.loopback import Loopback, answer, status
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("litellm") is None, reason="litellm is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def litellm():
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module("litellm")
    module.suppress_debug_info = True
    return module


def arguments(origin, **more):
    def entry(name, model, **params):
        key = {"api_base": f"{origin}/v1", "api_key": "none"}
        return {"model_name": name, "litellm_params": {"model": f"openai/{model}", **key, **params}}

    listed = [
        entry("chat", "m-chat"),
        entry("big", "m-big"),
        entry("own", "m-own"),
        entry("ordered", "m-first", order=1),
        entry("ordered", "m-second", order=2),
        entry("eager", "m-eager", num_retries=3),
        entry("sdk", "m-sdk", max_retries=4),
        entry("openai/*", "*"),
    ]
    return {"model_list": listed, **more}


def read(arguments, entry, tmp_path, **stated):
    """Return what a policy that asks `entry` would be, by our reading of a Router's arguments."""
    path = tmp_path / "router.json"
    path.write_text(json.dumps(arguments))
    draft = Draft(read_litellm_config(path, "router.json"), stated)
    everywhere = {
        "any": LitellmProvider(
            kind="litellm", origin=arguments["model_list"][0]["litellm_params"]["api_base"]
        )
    }
    assert translate(draft, Wanted({("use",): entry}), everywhere) == []
    assert draft.refusals == []
    return draft.value


CASES = [
    ("chat", {}),
    ("chat", {"num_retries": 0, "fallbacks": [{"chat": ["big", "own"]}]}),
    ("chat", {"num_retries": 1, "fallbacks": [{"chat": ["big"]}, {"big": ["own"]}]}),
    (
        "chat",
        {"num_retries": 0, "fallbacks": [{"chat": ["big"]}, {"big": ["chat", "own"]}, {"own": ["big"]}]},
    ),
    (
        "chat",
        {"num_retries": 0, "fallbacks": [{"chat": ["big", "own"]}, {"big": ["own"]}], "max_fallbacks": 1},
    ),
    ("chat", {"num_retries": 0, "default_fallbacks": ["own", "chat"]}),
    ("chat", {"num_retries": 0, "fallbacks": [{"chat": ["big"]}], "default_fallbacks": ["own"]}),
    ("ordered", {"num_retries": 0, "fallbacks": [{"ordered": ["own"]}]}),
    ("chat", {"num_retries": 0, "fallbacks": [{"chat": ["ordered"]}]}),
    ("alias", {"num_retries": 0, "model_group_alias": {"alias": "chat"}, "fallbacks": [{"alias": ["own"]}]}),
    ("alias", {"num_retries": 0, "model_group_alias": {"alias": "chat"}, "fallbacks": [{"chat": ["own"]}]}),
    ("chat", {"num_retries": 0, "model_group_alias": {"alias": "own"}, "fallbacks": [{"chat": ["alias"]}]}),
    ("openai/m-x", {"num_retries": 0, "fallbacks": [{"m-x": ["own"]}]}),
    ("ordered", {"num_retries": 1, "default_fallbacks": ["chat"]}),
    ("chat", {"num_retries": 0, "fallbacks": [{"chat": ["big"]}, {"big": ["ordered"]}, {"*": ["own"]}]}),
    ("eager", {"num_retries": 1}),
    ("chat", {"num_retries": 1, "fallbacks": [{"chat": ["eager", "own"]}]}),
    ("sdk", {"num_retries": 1}),
    ("chat", {"num_retries": 1, "retry_policy": {"DefaultRetries": 3}}),
    ("chat", {"num_retries": 0, "model_group_retry_policy": {"chat": {"DefaultRetries": 2}}}),
]


@pytest.mark.parametrize(("entry", "more"), CASES, ids=lambda each: str(each)[:60])
def test_its_router_asks_whom_we_read_and_as_often(litellm, tmp_path, entry, more):
    with Loopback([status(500)]) as server:
        given = arguments(server.origin, **more)
        ours = read(given, entry, tmp_path)

        async def ask():
            # Nobody rests in a single request, and nobody wants to wait.
            router = litellm.Router(**given, disable_cooldowns=True)
            router._time_to_sleep_before_retry = lambda **_: 0
            with pytest.raises(Exception, match=r"."):
                await router.acompletion(entry, [{"role": "user", "content": "hi"}])

        asyncio.run(ask())
        asked = [each.json["model"] for each in server.received]
    chain = [entry, *ours["reliability"].get("fallbacks", {}).get(entry, [])]
    common = ours["reliability"]["num_retries"]
    served = [ours["deployments"][alias] for alias in chain]
    assert asked == [
        each["model"].removeprefix("openai/")
        for each in served
        for _ in range(1 + each.get("num_retries", common))
    ]


def served_by_us(rules, schedule):
    """Return whom a policy with what is read of a config asks at each moment of `schedule`."""
    reliability = Reliability(**rules["reliability"])
    named = {alias: each["model"].removeprefix("openai/") for alias, each in rules["deployments"].items()}
    made = policy(
        *(deployment(alias, model=model) for alias, model in named.items()), reliability=reliability
    )
    server, caller = Server(made), ScriptedCaller()
    health = Health(reliability) if reliability.cools_down else None

    async def ask(at_s, code):
        first = named[made.use]
        caller.script = {first: [Attempt(0.0, "server_error", status=code)] * 9 if code else []}
        case = Asked(Case(id=f"c{at_s}", input="hi"), 0, at_s)
        return await server.serve(case, caller, None, health)

    async def all_of_them():
        outcomes = [await ask(*each) for each in schedule]
        return [[named[step.deployment] for step in each.steps for _ in step.attempts] for each in outcomes]

    return asyncio.run(all_of_them())


def served_by_it(litellm, monkeypatch, given, entry, schedule, server):
    """Return whom a Router asks at each moment of `schedule`, on a clock of its own."""
    now_s, noted = [0.0], threading.Semaphore(0)
    clock = types.SimpleNamespace(time=lambda: 1e6 + now_s[0])
    monkeypatch.setattr(importlib.import_module("litellm.router_utils.cooldown_cache"), "time", clock)
    real = litellm.Router.deployment_callback_on_failure

    def noting(*args, **named):
        try:
            return real(*args, **named)
        finally:
            noted.release()

    monkeypatch.setattr(litellm.Router, "deployment_callback_on_failure", noting)

    async def all_of_them():
        routing, paths = litellm.Router(**given), []
        routing._time_to_sleep_before_retry = lambda **_: 0
        for cache in (routing.cache, routing.cooldown_cache):
            cache.in_memory_cache._clock = clock.time
        for at_s, code in schedule:
            now_s[0], server.code, before = at_s, code, len(server.received)
            with contextlib.suppress(Exception):
                await routing.acompletion(entry, [{"role": "user", "content": "hi"}])
            paths.append([each.json["model"] for each in server.received[before:]])
            # It notes failures beside the request.
            for _ in range(paths[-1].count(server.first) if code else 0):
                assert await asyncio.to_thread(noted.acquire, timeout=5)
        return paths

    return asyncio.run(all_of_them())


class Failing(Loopback):
    """Fails with `code`, unless that is 0, for everybody who asks the `first` model."""

    def __init__(self, first):
        self.first, self.code = first, 0
        super().__init__(lambda got: status(self.code) if self._fails(got) else answer("hi"))

    def _fails(self, received):
        return self.code > 0 and received.json["model"] == self.first


def moments(seed, gap_s, share, count=30):
    """Return a schedule of requests at chance times, of which a share finds the first model broken."""
    drawn = random.Random(seed)
    times = accumulate(drawn.uniform(0.2, 2) * gap_s for _ in range(count))
    return [(at_s, 500 if drawn.random() < share else 0) for at_s in times]


SPARE = {"num_retries": 0, "fallbacks": [{"chat": ["big"]}]}
OUTAGE = [(0.1 * index, 503) for index in range(20)] + [(7.0 + index, 0) for index in range(3)]
RESTS = [
    ("chat", {**SPARE, "allowed_fails": 0, "cooldown_time": 3}, {}, moments(1, 1.0, 0.5)),
    ("chat", {**SPARE, "allowed_fails": 1, "cooldown_time": 2}, {}, moments(2, 0.7, 0.6)),
    ("chat", {**SPARE, "allowed_fails": 1}, {}, moments(3, 2.0, 0.7)),
    ("chat", {**SPARE, "allowed_fails": 4}, {}, OUTAGE),
    ("chat", {"num_retries": 0, "allowed_fails": 2}, {}, OUTAGE),
    ("chat", {**SPARE, "allowed_fails_policy": {"RateLimitErrorAllowedFails": 3}}, {}, OUTAGE),
    ("chat", {**SPARE, "allowed_fails": 1, "cooldown_time": 1}, {"cooldown_time": 4}, moments(4, 0.5, 0.7)),
    ("chat", {**SPARE, "allowed_fails": 1}, {"cooldown_time": 0}, OUTAGE),
    ("ordered", {"num_retries": 0, "allowed_fails": 1}, {}, moments(5, 1.5, 0.8)),
    (
        "chat",
        {**SPARE, "num_retries": 1, "allowed_fails": 5, "cooldown_time": 30},
        {},
        [(at_s, 503) for at_s in range(9)],
    ),
    # Nothing rests by these.
    ("chat", SPARE, {}, OUTAGE),
    ("chat", {**SPARE, "allowed_fails": 3}, {}, OUTAGE),
    ("chat", {**SPARE, "cooldown_time": 9}, {}, OUTAGE),
    ("chat", {**SPARE, "allowed_fails": 1, "disable_cooldowns": True}, {}, OUTAGE),
]


@pytest.mark.parametrize("case", RESTS, ids=lambda case: f"{case[1]} {case[2]}")
def test_its_router_leaves_a_deployment_alone_exactly_when_we_do(litellm, monkeypatch, tmp_path, case):
    entry, more, own, schedule = case
    with Failing({"chat": "m-chat", "ordered": "m-first"}[entry]) as server:
        given = arguments(server.origin, **more)
        for each in given["model_list"]:
            each["litellm_params"].update(own)
        ours = read(given, entry, tmp_path)
        theirs = served_by_it(litellm, monkeypatch, given, entry, schedule, server)
    assert theirs == served_by_us(ours, schedule)
    rests = [path for path in theirs if server.first not in path]
    assert bool(rests) is ("allowed_fails" in ours["reliability"])


def test_its_own_numbers_are_the_ones_we_read(litellm):
    constants = importlib.import_module("litellm.constants")
    assert (litellm.allowed_fails, constants.DEFAULT_COOLDOWN_TIME_SECONDS) == (
        ALLOWED_FAILS,
        COOLDOWN_TIME_S,
    )


def test_its_timeouts_are_the_ones_we_read(litellm, tmp_path):
    for more, own in [
        ({}, {}),
        ({"timeout": 20}, {}),
        ({"timeout": 20, "stream_timeout": 7}, {}),
        ({"timeout": 20}, {"timeout": 5}),
        ({"stream_timeout": 7}, {"stream_timeout": 3, "stream": True}),
        ({"timeout": 20, "stream_timeout": 7}, {"stream": True}),
    ]:
        given = arguments("http://127.0.0.1:1", **more)
        given["model_list"][0]["litellm_params"].update(own)
        ours = read(given, "chat", tmp_path)
        router = litellm.Router(**given)
        theirs = router._get_timeout(
            {"stream": own.get("stream", False)}, given["model_list"][0]["litellm_params"]
        )
        # Its default is 100 minutes; a call of ours ends after ten.
        assert ours["reliability"].get("request_timeout_s", 6000) == theirs


def test_its_router_sends_the_params_we_read(litellm, tmp_path):
    with Loopback([answer("hi")]) as server:
        given = arguments(server.origin, default_litellm_params={"temperature": 0.7, "seed": 4})
        own = {"temperature": 0.2, "top_p": 0.5, "extra_body": {"top_k": 3}, "stop": ["x"], "max_retries": 2}
        given["model_list"][0]["litellm_params"].update(own)
        ours = read(given, "chat", tmp_path, params={"stop": ["y"], "max_tokens": 5})

        async def ask():
            router = litellm.Router(**given)
            asked = [{"role": "user", "content": "hi"}]
            await router.acompletion("chat", asked, stop=["y"], max_tokens=5)

        asyncio.run(ask())
        (received,) = server.received
    sent = {name: value for name, value in received.json.items() if name not in {"model", "messages"}}
    assert sent == {**ours["deployments"]["chat"]["params"], "stop": ["y"], "max_tokens": 5}
    assert sent == {"temperature": 0.7, "seed": 4, "top_p": 0.5, "top_k": 3, "stop": ["y"], "max_tokens": 5}


@pytest.mark.parametrize("retry_after", [0, 0.4, 2, 9])
def test_its_waits_are_the_ones_we_read_but_for_chance(litellm, tmp_path, retry_after):
    given = arguments("http://127.0.0.1:1", num_retries=3, retry_after=retry_after)
    ours = read(given, "chat", tmp_path)["reliability"]
    for retry in range(3):
        theirs = litellm.calculate_retry_after(3 - retry, 3, min_timeout=retry_after)
        wait_s = min(ours["backoff_s"] * 2**retry, ours["max_backoff_s"])
        assert 0 <= theirs - wait_s <= 0.75
    assert ours["backoff_jitter"] == "none"


def test_the_time_of_one_try_goes_over_the_time_of_all(litellm, tmp_path):
    path = tmp_path / "proxy.yaml"
    where = {"model": "openai/m", "api_base": "http://127.0.0.1:1/v1"}
    listed = [{"model_name": "chat", "litellm_params": where}]
    settings = {"router_settings": {"timeout": 20}, "litellm_settings": {"request_timeout": 12}}
    path.write_text(json.dumps({"model_list": listed, **settings}))
    draft = Draft(read_litellm_config(path, "proxy.yaml"))
    assert translate(draft, Wanted({("use",): "chat"}), {"any": LitellmProvider(kind="litellm")}) == []
    before = litellm.request_timeout, litellm.request_timeout_explicitly_set
    try:
        # What the proxy does with litellm_settings.
        litellm.request_timeout, litellm.request_timeout_explicitly_set = 12, True
        router = litellm.Router(model_list=listed, timeout=20)
        theirs = router._get_timeout({}, where)
    finally:
        litellm.request_timeout, litellm.request_timeout_explicitly_set = before
    assert draft.value["reliability"]["request_timeout_s"] == theirs == 12


def test_its_cache_lives_as_long_as_we_read(litellm, tmp_path):
    caching = importlib.import_module("litellm.caching.caching")
    ours = read(arguments("http://127.0.0.1:1", cache_responses=True), "chat", tmp_path)["cache"]
    before = litellm.cache, list(litellm.input_callback), list(litellm.success_callback)
    try:
        cache = caching.Cache(type="local")
        assert (ours["ttl_s"], ours["max_entries"]) == (
            cache.cache.default_ttl,
            cache.cache.max_size_in_memory,
        )
        assert caching.BaseCache.get_ttl(cache.cache) == 600
        asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
        other = {**asked, "messages": [{"role": "user", "content": "Hi "}]}
        assert cache.get_cache_key(**asked) != cache.get_cache_key(**other)
        assert cache.get_cache_key(**asked) != cache.get_cache_key(**{**asked, "temperature": 1})
    finally:
        litellm.cache, litellm.input_callback, litellm.success_callback = before


def test_vendors_of_bare_names_and_their_addresses_are_its_own(litellm):
    for model in ("gpt-4o", "gpt-5-mini", "o3-mini", "text-embedding-3-small", "claude-sonnet-4-5-20250929"):
        assert reached({"model": model}).vendor == litellm.get_llm_provider(model)[1]
    for vendor in ("groq", "mistral", "deepseek", "xai", "together_ai", "openrouter"):
        theirs = litellm.get_llm_provider(f"{vendor}/m")[3]
        assert theirs is None or reached({"model": f"{vendor}/m"}).address == theirs, vendor


def test_included_files_are_merged_as_it_merges_them(litellm, tmp_path):
    theirs = importlib.import_module("litellm.proxy.common_utils.config_includes")
    files = {
        "a.yaml": {"include": ["b.yaml", "c.yaml"], "model_list": [1], "x": {"k": 1}, "y": 1},
        "b.yaml": {"include": ["d.yaml", "a.yaml"], "model_list": [2], "x": {"l": 2}},
        "c.yaml": {"model_list": [3, 4], "y": [5], "z": 6},
        "d.yaml": {"model_list": "none", "y": [7], "x": {"m": 8}},
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))

    async def read(location):
        return files[location]

    merging = theirs.resolve_includes(files["a.yaml"], "a.yaml", lambda name, _: name, read)
    tree, named = merged(read_parts(tmp_path / "a.yaml", "a.yaml", tmp_path))
    assert tree.value == asyncio.run(merging)
    assert (named["y",], named["y", 1]) == ("c.yaml", "d.yaml")
    assert named["z",] == "c.yaml"


def test_every_argument_of_its_router_has_a_meaning(litellm):
    assert set(litellm.Router.get_valid_args()) <= ROUTER.keys()


def test_every_setting_of_a_deployment_is_known_or_sent(litellm):
    fields = importlib.import_module("litellm.types.router").GenericLiteLLMParams.model_fields
    sent = Counter(name for name in fields if meaning_of_param(name) is None)
    assert not sent


def test_the_source_of_a_policy_has_no_room_for_a_key():
    assert set(LitellmSource.model_fields) == {"kind", "file", "without"}
    assert "api_key" not in MODULE
