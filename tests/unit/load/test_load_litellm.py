"""A policy `from` a LiteLLM config: what is read, by whose precedence, and what is refused with its cure."""

import json
import re
from pathlib import Path

import pytest
import yaml

from evalgate.load.changed import Changed
from evalgate.load.litellm_config.foreign_yaml import parse_foreign_yaml
from evalgate.load.policy_files.policy_documents import read_written
from evalgate.load.syntax.yaml_text import parse_yaml
from evalgate.pipeline.against_config import compare_policies_with_config
from evalgate.report.config_comparison import render_text

PROJECT = """\
suites: [suites]
providers:
  openai: {kind: openai, origin: "https://api.openai.com/v1", key_env: OPENAI_API_KEY}
  claude: {kind: litellm, vendor: anthropic, key_env: ANTHROPIC_API_KEY}
  local: {kind: openai, origin: "http://127.0.0.1:8080"}
"""
POLICY = """\
from: {kind: litellm, file: ../../litellm/config.yaml}
use: chat
prompt:
  - {role: user, content: "Which team? {{input}}"}
"""
CHAT = {"model": "openai/gpt-4o-2024-08-06", "api_key": "os.environ/OPENAI_API_KEY"}
CLAUDE = {"model": "anthropic/claude-sonnet-4-5-20250929", "api_key": "os.environ/ANTHROPIC_API_KEY"}
LOCAL = {"model": "hosted_vllm/qwen-2025-01-01", "api_base": "http://127.0.0.1:8080/v1"}
CONFIG = "litellm/config.yaml"
PRODUCTION = "policies/tickets/production.yaml"


def entry(name, params, **more):
    return {"model_name": name, "litellm_params": params, **more}


THREE = [entry("chat", CHAT), entry("big", CLAUDE), entry("own", LOCAL)]


class Config:
    """A project whose baseline is read from a config that each test writes."""

    def __init__(self, files):
        self.files = files
        files.write("evalgate.yaml", PROJECT)
        (files.root / "policies/tickets/threshold.yaml").unlink()
        self.policy()

    def policy(self, more=""):
        self.files.write(PRODUCTION, POLICY + more)

    def write(self, model_list=None, name=CONFIG, **sections):
        text = yaml.safe_dump({"model_list": model_list or THREE, **sections}, sort_keys=False)
        self.files.write(name, text)

    def read(self, model_list=None, **sections):
        self.write(model_list, **sections)
        return self.files.load().suites[0].baseline

    def said(self, model_list=None, **sections):
        self.write(model_list, **sections)
        return self.files.said()

    def notes(self, model_list=None, **sections):
        from evalgate.load.everything import load_everything

        self.write(model_list, **sections)
        found = load_everything(self.files.start)
        assert not found.errors, "\n".join(map(str, found.errors))
        return "\n".join(str(each) for each in found.warnings if "no policy uses" not in each.message)


@pytest.fixture
def config(files):
    return Config(files)


HANDWRITTEN = """\
use: chat
prompt:
  - {role: user, content: "Which team? {{input}}"}
deployments:
  chat:
    provider: openai
    model: gpt-4o-2024-08-06
    params: {temperature: 0.2}
    price: {input_per_1m: 2.5, output_per_1m: 10, cached_input_per_1m: 1.25}
    limits: {rpm: 480, tpm: 100000, max_concurrency: 4}
  big: {provider: claude, model: claude-sonnet-4-5-20250929}
cache: {mode: exact, normalize: [], key: request, in_flight: ask, ttl_s: 3600}
reliability:
  num_retries: 3
  request_timeout_s: 30
  backoff_s: 0.5
  max_backoff_s: 8
  backoff_jitter: none
  max_retry_after_s: 60
  fallbacks: {chat: [big]}
"""


def test_it_serves_like_the_policy_that_says_the_same(config):
    chat = {
        **CHAT,
        "temperature": 0.2,
        "rpm": 480,
        "tpm": 100000,
        "max_parallel_requests": 4,
        "input_cost_per_token": 2.5e-6,
        "output_cost_per_token": 0.00001,
        "cache_read_input_token_cost": 1.25e-6,
    }
    read = config.read(
        [entry("chat", chat), entry("big", CLAUDE)],
        router_settings={"num_retries": 3, "timeout": 30, "fallbacks": [{"chat": ["big"]}]},
        litellm_settings={"cache": True, "cache_params": {"type": "redis", "ttl": 3600}},
    )
    config.files.write(PRODUCTION, HANDWRITTEN)
    written = config.files.load().suites[0].baseline
    assert read == written
    for alias, each in written.deployments.items():
        ours = read.deployments[alias]
        assert ours.request(ours.prompt).digest == each.request(each.prompt).digest
        assert ours.limits == each.limits


def test_without_a_word_litellm_tries_twice_again(config):
    found = config.read().reliability
    assert (found.num_retries, found.request_timeout_s, found.fallbacks) == (2, None, {})


@pytest.mark.parametrize(
    ("sections", "deployment", "retries"),
    [
        ({"litellm_settings": {"num_retries": 4}}, {}, 4),
        ({"litellm_settings": {"num_retries": 4}, "router_settings": {"num_retries": 1}}, {}, 1),
        ({"router_settings": {"num_retries": 1}}, {"num_retries": 3}, 3),
        ({"router_settings": {"num_retries": 0}}, {"max_retries": 5}, 0),
        ({"router_settings": {"num_retries": 1, "retry_policy": {"DefaultRetries": 5}}}, {}, 5),
        (
            {
                "router_settings": {
                    "retry_policy": {"DefaultRetries": 1},
                    "model_group_retry_policy": {"chat": {"DefaultRetries": 4}, "big": {"DefaultRetries": 5}},
                }
            },
            {},
            4,
        ),
        ({"num_retries": 5}, {}, 5),
    ],
)
def test_retries_follow_litellms_precedence(config, sections, deployment, retries):
    found = config.read([entry("chat", {**CHAT, **deployment}), entry("big", CLAUDE)], **sections)
    assert found.reliability.num_retries == retries


@pytest.mark.parametrize(
    ("sections", "deployment", "timeout"),
    [
        ({"litellm_settings": {"request_timeout": 12}}, {}, 12),
        ({"router_settings": {"timeout": 20}}, {}, 20),
        ({"litellm_settings": {"request_timeout": 12}, "router_settings": {"timeout": 20}}, {}, 12),
        ({"router_settings": {"timeout": 20}}, {"timeout": 5}, 5),
        ({"router_settings": {"timeout": 20, "stream_timeout": 7}}, {}, 20),
        ({"router_settings": {"timeout": 20, "stream_timeout": 7}}, {"stream": True}, 7),
        ({"router_settings": {"stream_timeout": 7}}, {"stream": True, "stream_timeout": "3"}, 3),
    ],
)
def test_timeouts_follow_litellms_precedence(config, sections, deployment, timeout):
    found = config.read([entry("chat", {**CHAT, **deployment})], **sections)
    assert found.reliability.request_timeout_s == timeout


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"fallbacks": [{"chat": ["big", "own"]}]}, ["big", "own"]),
        ({"fallbacks": [{"chat": ["big"]}, {"big": ["own"]}]}, ["big", "own"]),
        ({"fallbacks": [{"chat": ["big", "own"]}, {"big": ["chat", "own"]}]}, ["big", "own"]),
        ({"default_fallbacks": ["own"]}, ["own"]),
        ({"fallbacks": [{"chat": ["big"]}], "default_fallbacks": ["own"]}, ["big"]),
        ({"fallbacks": [{"chat": ["big"]}, {"big": ["own"]}], "max_fallbacks": 1}, ["big"]),
        ({"fallbacks": [{"chat": ["gone", "own"]}]}, ["own"]),
        ({"fallbacks": [{"chat": [{"model": "own"}]}]}, ["own"]),
    ],
)
def test_fallbacks_are_everything_that_is_asked_in_turn(config, settings, asked):
    assert config.read(router_settings=settings).reliability.fallbacks == {"chat": asked}


def test_a_lower_order_is_asked_first_and_the_next_one_when_it_fails(config):
    found = config.read(
        [
            entry("chat", {**CLAUDE, "order": 2}),
            entry("chat", {**CHAT, "order": 1}),
            entry("own", LOCAL),
        ],
        router_settings={"fallbacks": [{"chat": ["own"]}]},
    )
    assert found.deployments["chat"].provider == "openai"
    assert found.deployments["chat-order-2"].provider == "claude"
    assert found.reliability.fallbacks == {"chat": ["chat-order-2", "own"]}


def test_an_alias_and_a_pattern_name_groups_too(config):
    config.files.edit(PRODUCTION, "use: chat", "use: gpt")
    found = config.read(router_settings={"model_group_alias": {"gpt": "chat"}})
    assert list(found.deployments) == ["gpt"]
    config.files.edit(PRODUCTION, "use: gpt", "use: openai/gpt-4o-2024-08-06")
    found = config.read([entry("openai/*", {**CHAT, "model": "openai/*"}), entry("*", CLAUDE)])
    assert [each.identity[:2] for each in found.deployments.values()] == [("openai", "gpt-4o-2024-08-06")]


def test_a_router_of_the_policy_chooses_between_groups(config):
    config.files.edit(
        PRODUCTION,
        "use: chat",
        "router: {kind: column, column: need, threshold: 0.5, strong: big, weak: chat}",
    )
    found = config.read(router_settings={"fallbacks": [{"chat": ["big"]}]})
    assert sorted(found.deployments) == ["big", "chat"]
    assert found.reliability.fallbacks == {"chat": ["big"]}


def test_groups_may_fall_back_to_one_another(config):
    config.files.edit(
        PRODUCTION,
        "use: chat",
        "router: {kind: column, column: need, threshold: 0.5, strong: big, weak: chat}",
    )
    found = config.read(router_settings={"fallbacks": [{"chat": ["big"]}, {"big": ["chat"]}]})
    assert found.reliability.fallbacks == {"chat": ["big"], "big": ["chat"]}


def test_a_named_credential_says_where_and_by_which_key(config):
    named = {"credential_name": "mine", "credential_values": {"api_base": "http://127.0.0.1:8080"}}
    own = {"model": "openai/qwen-2025-01-01", "litellm_credential_name": "mine"}
    found = config.read([entry("chat", own)], credential_list=[named])
    assert found.deployments["chat"].identity[:2] == ("local", "qwen-2025-01-01")
    named["credential_values"]["api_key"] = "sk-4242abcd4242abcd"
    said = config.said([entry("chat", own)], credential_list=[named])
    assert "a key is written out here" in said
    assert "4242" not in said


def test_an_extra_body_is_sent_as_params_and_a_blocked_entry_is_not_asked(config):
    extra = {"extra_body": {"top_k": 3}, "temperature": 0}
    found = config.read([entry("chat", CLAUDE, blocked=True), entry("chat", {**CHAT, **extra})])
    assert found.deployments["chat"].provider == "openai"
    assert found.deployments["chat"].params == {"top_k": 3, "temperature": 0}
    notes = config.notes([entry("chat", CHAT, rpm=3)])
    assert "model_list[0].rpm: stands beside litellm_params" in notes


def test_a_cascade_and_a_cache_of_the_policy_ask_groups_too(config):
    small = entry("small", {**LOCAL, "model": "hosted_vllm/e-2025-01-01"})
    check = entry("check", {**CLAUDE, "temperature": 0})
    confidence = "{kind: verifier, deployment: check}"
    config.files.edit(
        PRODUCTION,
        "use: chat",
        f"cascade: {{order: [chat, big], confidence: {confidence}, escalate_below: 0.5}}\n"
        "cache: {mode: exact_then_semantic, embedder: small, similarity_threshold: 0.9}\n"
        'deployments: {check: {prompt: [{role: user, content: "Good? {{input}} {{answer}}"}]}}',
    )
    found = config.read([*THREE, small, check])
    assert sorted(found.deployments) == ["big", "chat", "check", "small"]
    assert found.deployments["small"].kind == "embed"
    assert sorted(found.answering) == ["big", "chat"]


def included(config):
    """Two files beside the config, of which the second names the first and the config again."""
    more = {
        "model_list": [entry("more", {**LOCAL, "timeout": "soon"})],
        "router_settings": {"num_retries": 4},
    }
    config.files.write("litellm/more.yaml", yaml.safe_dump(more))
    last = {"include": ["../more.yaml", "../config.yaml"], "litellm_settings": {"cache": True}}
    config.files.write("litellm/deep/last.yaml", yaml.safe_dump(last))
    return {"include": ["more.yaml", "deep/last.yaml"], "router_settings": {"num_retries": 1, "timeout": 3}}


def test_included_files_are_read_as_litellm_merges_them(config):
    sections = included(config)
    found = config.read(**sections)
    # Lists are put behind one another; a mapping replaces the whole one that is there.
    assert (found.reliability.num_retries, found.reliability.request_timeout_s) == (4, None)
    assert found.cache.mode == "exact"
    config.files.edit(PRODUCTION, "use: chat", "use: more")
    said = config.said(**sections)
    assert said.startswith("litellm/more.yaml:5:5: model_list[3].litellm_params.timeout: this is no number")


def test_a_change_of_an_included_file_touches_the_policy(config):
    config.write(**included(config))
    root = config.files.root
    written = read_written(root / PRODUCTION, PRODUCTION)
    for name in ("litellm/more.yaml", "litellm/deep/last.yaml", CONFIG):
        assert Changed(root, [name]).touches_policy(written)
        assert Changed(root, [name]).reaches(root / "evalgate.yaml")
    assert not Changed(root, ["litellm/other.yaml"]).touches_policy(written)
    (root / "litellm/more.yaml").unlink()
    # What cannot be read may be anything.
    assert Changed(root, ["docs/a.md"]).touches_policy(written)


def test_only_what_a_request_may_reach_is_read(config):
    other = entry("other", {"model": "azure/x", "api_base": "os.environ/AZURE", "mock_response": "no"})
    assert list(config.read([*THREE, other]).deployments) == ["chat"]


def test_a_router_s_arguments_are_a_config_too(config):
    config.files.edit(PRODUCTION, "config.yaml", "router.json")
    arguments = {
        "model_list": THREE,
        "num_retries": 1,
        "timeout": 9,
        "fallbacks": [{"chat": ["own"]}],
        "cache_responses": True,
    }
    config.files.write("litellm/router.json", json.dumps(arguments))
    found = config.files.load().suites[0].baseline
    assert (found.reliability.num_retries, found.reliability.request_timeout_s) == (1, 9)
    assert found.reliability.fallbacks == {"chat": ["own"]}
    assert (found.cache.mode, found.cache.ttl_s, found.cache.max_entries) == ("exact", 600, 200)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ("exact", 60, None)),
        ({"type": "redis", "ttl": 120}, ("exact", 120, None)),
        ({"type": "redis", "ttl": 120, "default_in_redis_ttl": 30}, ("exact", 30, None)),
        ({"type": "local"}, ("exact", 600, 200)),
        ({"type": "s3"}, ("exact", None, None)),
        ({"mode": "default_off"}, None),
        ({"supported_call_types": ["aembedding"]}, None),
    ],
)
def test_an_exact_cache(config, params, expected):
    cache = config.read(litellm_settings={"cache": True, "cache_params": params}).cache
    assert (cache and (cache.mode, cache.ttl_s, cache.max_entries)) == expected


def test_a_semantic_cache_asks_the_groups_embedder(config):
    embed = entry("embed", {**CHAT, "model": "openai/text-embedding-3-small"})
    config.policy('deployments: {embed: {revision: "1"}}\ncache: {lookup_s: 0.01}\n')
    found = config.read(
        [*THREE, embed],
        litellm_settings={
            "cache": True,
            "cache_params": {
                "type": "redis-semantic",
                "similarity_threshold": 0.9,
                "redis_semantic_cache_embedding_model": "embed",
            },
        },
    )
    assert (found.cache.embedder, found.cache.similarity_threshold) == ("embed", 0.9)
    assert (found.cache.lookup_s, found.cache.ttl_s) == (0.01, None)
    assert (found.deployments["embed"].kind, found.deployments["embed"].model) == (
        "embed",
        "text-embedding-3-small",
    )


def test_a_threshold_over_whole_prompts_is_not_one_over_questions(config):
    cache = {
        "cache": True,
        "cache_params": {"type": "redis-semantic", "similarity_threshold": 0.9},
    }
    embed = {"deployments": {"text-embedding-ada-002": {"revision": "1"}}}
    two = 'prompt: [{role: system, content: "Sort."}, {role: user, content: "{{input}}"}]\n'
    source = "from: {kind: litellm, file: ../../litellm/config.yaml}\nuse: chat\n"
    config.files.write(PRODUCTION, source + two + yaml.safe_dump(embed))
    assert "compares whole prompts by it" in config.said(litellm_settings=cache)
    config.files.write(
        PRODUCTION, source + two + yaml.safe_dump({**embed, "cache": {"similarity_threshold": 0.8}})
    )
    found = config.read(litellm_settings=cache)
    assert (found.cache.similarity_threshold, found.cache.embedder) == (0.8, "text-embedding-ada-002")


def test_what_the_policy_says_itself_goes_over_what_is_read(config):
    config.policy(
        "params: {temperature: 1}\n"
        'deployments: {chat: {revision: "7", params: {seed: 1}, limits: {rpm: null}}}\n'
        "reliability: {num_retries: 0, fallbacks: {chat: [own]}}\n"
        "cache: null\n"
    )
    found = config.read(
        [entry("chat", {**CHAT, "temperature": 0, "top_p": 1, "rpm": 5}), *THREE[1:]],
        router_settings={"num_retries": 9, "timeout": 4, "fallbacks": [{"chat": ["big"]}]},
        litellm_settings={"cache": True},
    )
    assert found.deployments["chat"].revision == "7"
    # What a request says goes over what litellm's deployment says.
    assert found.deployments["chat"].params == {"temperature": 1, "top_p": 1, "seed": 1}
    assert (found.reliability.num_retries, found.reliability.request_timeout_s) == (0, 4)
    assert found.cache is None


@pytest.mark.parametrize(
    ("model_list", "sections", "said"),
    [
        (
            None,
            {"router_settings": {"num_retries": 9}},
            "router_settings.num_retries: a failed call is tried 9 times",
        ),
        (
            None,
            {"router_settings": {"num_retries": "os.environ/N"}},
            "its value stands in the environment (N)",
        ),
        (None, {"router_settings": {"timeout": "soon"}}, "router_settings.timeout: this is no number"),
        (
            [entry("chat", CHAT), entry("chat", {**CHAT, "temperature": 1})],
            {},
            "takes one of 2 deployments of 'chat' by chance, and they differ in params",
        ),
        (
            [entry("chat", {**CHAT, "timeout": 3}), entry("chat", {**CHAT, "timeout": 4})],
            {},
            "litellm_params.timeout: the deployments of 'chat' have different ones",
        ),
        (
            [entry("chat", CHAT), entry("big", {**CLAUDE, "num_retries": 7})],
            {"router_settings": {"fallbacks": [{"chat": ["big"]}]}},
            "write deployments.big.num_retries: 5 in the policy",
        ),
        (
            None,
            {"router_settings": {"retry_policy": {"TimeoutErrorRetries": 3}}},
            "counts retries by kind of failure",
        ),
        (
            None,
            {"router_settings": {"retry_policy": {"DefaultRetries": 3, "BadRequestErrorRetries": 1}}},
            "tries again what evalgate takes for final (BadRequestErrorRetries)",
        ),
        (
            None,
            {"litellm_settings": {"context_window_fallbacks": [{"chat": ["big"]}]}},
            "after such a failure of 'chat' LiteLLM asks big",
        ),
        (None, {"litellm_settings": {"callbacks": ["otel", "mine.hook"]}}, "mine.hook may change or block"),
        (
            None,
            {"guardrails": [{"guardrail_name": "pii", "litellm_params": {"default_on": True}}]},
            "guardrails[0]: pii may change or block",
        ),
        ([entry("chat", {**CHAT, "mock_response": "hi"})], {}, "answers without asking any model"),
        ([entry("chat", {**CHAT, "auto_router_config": "x"})], {}, "chooses the model by itself"),
        (
            [entry("chat", {**CHAT, "seed": "os.environ/SEED"})],
            {},
            "deployments.chat.params.seed in the policy",
        ),
        ([entry("chat", {"model": "my-model"})], {}, "'my-model' does not say whose model it is"),
        (
            [entry("chat", {**CLAUDE, "model": "groq/x-2025-01-01"})],
            {},
            '{groq: {kind: openai, origin: "https://api.groq.com/openai/v1", key_env: ANTHROPIC_API_KEY}}',
        ),
        (
            [entry("chat", {**CHAT, "input_cost_per_token_above_200k_tokens": 1e-6})],
            {},
            "prices by tier of length cannot be read",
        ),
        (
            None,
            {"litellm_settings": {"cache": True, "cache_params": {"type": "magic"}}},
            "the cache 'magic' is not known",
        ),
        (None, {"include": ["more.yaml"]}, "include[0]: there is no 'more.yaml' in litellm/"),
        (None, {"include": ["../../more.yaml"]}, "include[0]: '../../more.yaml' is outside the project"),
        (None, {"fallbacks": [{"chat": ["big"]}], "litellm_settings": {}}, "a proxy does not read this here"),
        ([{"model_name": "chat", "litellm_params": {}}], {}, "this deployment has no litellm_params.model"),
        ([entry("talk", CHAT)], {}, "there is no group 'chat' in the config"),
    ],
)
def test_what_a_policy_cannot_say_is_refused_with_place_and_cure(config, model_list, sections, said):
    found = config.said(model_list, **sections)
    assert said in found
    # Each problem names a file with its line, and is followed by its cure.
    assert all(line.startswith(("litellm/config.yaml:", PRODUCTION, "    ")) for line in found.split("\n"))
    assert found.count("\n    ") == len([line for line in found.split("\n") if not line.startswith("    ")])


def test_a_refusal_is_settled_by_saying_it_in_the_policy(config):
    settings = {"num_retries": 9, "timeout": "os.environ/T", "retry_after": "x"}
    assert len(config.said(router_settings=settings).split("\n")) == 6
    config.policy("reliability: {num_retries: 5, request_timeout_s: 3, backoff_s: 1}\n")
    found = config.read(router_settings=settings).reliability
    assert (found.num_retries, found.request_timeout_s, found.backoff_s) == (5, 3, 1)


def test_deployments_may_have_numbers_of_their_own(config):
    listed = [
        entry("chat", {**CHAT, "timeout": 3}),
        entry("big", {**CLAUDE, "num_retries": 4}),
        entry("own", {**LOCAL, "timeout": 9}),
    ]
    settings = {"num_retries": 1, "fallbacks": [{"chat": ["big", "own"]}]}
    found = config.read(listed, router_settings=settings)
    assert (found.reliability.num_retries, found.reliability.request_timeout_s) == (1, None)
    rules = {alias: each.own_rules for alias, each in found.deployments.items()}
    assert rules == {
        "chat": {"request_timeout_s": 3},
        "big": {"num_retries": 4},
        "own": {"request_timeout_s": 9},
    }
    _, differences = compared(
        config, (config.files.root / PRODUCTION).read_text(), listed, router_settings=settings
    )
    assert differences == {}
    config.policy("reliability: {num_retries: 2}\ndeployments: {own: {request_timeout_s: 8}}\n")
    found = config.read(listed, router_settings=settings)
    assert found.reliability.num_retries == 2
    assert found.deployments["big"].own_rules == {}
    assert found.deployments["own"].own_rules == {"request_timeout_s": 8}
    _, differences = compared(
        config, (config.files.root / PRODUCTION).read_text(), listed, router_settings=settings
    )
    assert differences == {
        "reliability.num_retries": ("2", "1"),
        "deployments.big.num_retries": ("2", "4"),
        "deployments.own.request_timeout_s": ("8", "9"),
    }


def test_chance_is_settled_by_choosing_the_deployment(config):
    twice = [entry("chat", {**CHAT, "weight": 9}), entry("chat", {**CLAUDE, "weight": 1})]
    assert "write deployments.chat.model and deployments.chat.provider in the policy" in config.said(twice)
    config.policy("deployments: {chat: {provider: claude, model: claude-sonnet-4-5-20250929}}\n")
    assert config.read(twice).deployments["chat"].provider == "claude"
    config.policy()
    twice[1]["litellm_params"]["weight"] = 0
    assert config.read(twice).deployments["chat"].provider == "openai"


def test_deployments_that_ask_the_same_stand_for_one_another(config):
    twice = [
        entry("chat", {**CHAT, "rpm": 10}),
        entry("chat", {**CHAT, "rpm": 5, "api_key": "os.environ/SECOND"}),
    ]
    found = config.read(twice)
    assert found.deployments["chat"].limits.rpm == 15
    # Another deployment is at hand, so a retry waits for nothing.
    assert (found.reliability.backoff_s, found.reliability.max_backoff_s) == (0, 0)
    assert "2 deployments of 'chat' share the load" in config.notes(twice)


def test_without_names_what_the_policy_knowingly_leaves_out(config):
    sections = {
        "litellm_settings": {"callbacks": ["mine.hook"], "drop_params": True},
        "router_settings": {"cooldown_time": 30, "context_window_fallbacks": [{"chat": ["big"]}]},
    }
    assert config.said(**sections).count("without: [") == 2
    config.files.edit(
        PRODUCTION, "config.yaml}", "config.yaml, without: [callbacks, context_window_fallbacks]}"
    )
    found = config.read(**sections)
    assert found.not_judged == ("callbacks", "context_window_fallbacks", "cooldown_time", "drop_params")
    notes = config.notes(**sections)
    assert "cooldown_time: without allowed_fails a group's only deployment rests after a 401" in notes
    assert "callbacks" not in notes


PAIR = {"fallbacks": [{"chat": ["big"]}], "num_retries": 0}
OFF = (None, 60, 30)
PAIRED = [entry("chat", CHAT), entry("big", CLAUDE)]


def cooldown(found):
    rules = found.reliability
    return rules.allowed_fails, rules.fails_window_s, rules.cooldown_time_s


def rested(name, **own):
    return entry(name, {**(CHAT if name == "chat" else CLAUDE), **own})


def with_info(model_list, **info):
    return [{**each, "model_info": info} for each in model_list]


RESTING = [rested("chat", cooldown_time=9), rested("big", cooldown_time=9)]
MIXED = [rested("chat", cooldown_time=9), rested("big")]
SHARED = [PAIRED[0], rested("chat", api_key="os.environ/SECOND"), PAIRED[1]]


@pytest.mark.parametrize(
    ("model_list", "router", "module", "read"),
    [
        # LiteLLM's own rule hardly ever rests a group's only deployment.
        (PAIRED, {}, {}, OFF),
        (PAIRED, {"cooldown_time": 20}, {}, OFF),
        (PAIRED, {"allowed_fails": 0}, {}, (0, 5, 5)),
        (PAIRED, {"allowed_fails": 2, "cooldown_time": 20}, {}, (2, 20, 20)),
        (PAIRED, {"allowed_fails": "2", "cooldown_time": 0}, {}, (2, 5, 5)),
        (PAIRED, {"allowed_fails": 2, "disable_cooldowns": True}, {}, OFF),
        # The module's own number is no rule, wherever it is written.
        (PAIRED, {"allowed_fails": 3, "cooldown_time": 20}, {}, OFF),
        (PAIRED, {}, {"allowed_fails": 1, "cooldown_time": 20}, OFF),
        (PAIRED, {"allowed_fails": 1}, {"allowed_fails": 1}, OFF),
        (PAIRED, {"allowed_fails": 3}, {"allowed_fails": 1}, (3, 5, 5)),
        # By kind of failure, where the kinds come to one number.
        (PAIRED, {"allowed_fails_policy": {}}, {}, (3, 5, 5)),
        (PAIRED, {"allowed_fails_policy": {"TimeoutErrorAllowedFails": 1}}, {"allowed_fails": 1}, (1, 5, 5)),
        (PAIRED, {"allowed_fails_policy": {"TimeoutErrorAllowedFails": 1}}, {}, OFF),
        (
            PAIRED,
            {"allowed_fails": 7, "allowed_fails_policy": {"NotFoundErrorAllowedFails": 1}},
            {},
            (7, 5, 5),
        ),
        # A deployment's own time is how long it rests, and not how long failures count.
        (RESTING, {"allowed_fails": 1}, {}, (1, 5, 9)),
        (MIXED, {"allowed_fails": 1}, {}, OFF),
        (MIXED, {"allowed_fails": 1, "cooldown_time": 9}, {}, (1, 9, 9)),
        (with_info(RESTING, cooldown_time=6), {"allowed_fails": 1}, {}, (1, 5, 6)),
        (RESTING, {"allowed_fails": 1, "cooldown_time": 10}, {}, OFF),
        ([rested(name, cooldown_time=0) for name in ("chat", "big")], {"allowed_fails": 1}, {}, OFF),
        # litellm never rests a group's only deployment for a number of its own.
        (with_info(PAIRED, allowed_fails=1), {"allowed_fails": 1}, {}, OFF),
        # Orders are asked one after the other; deployments that share the load are not.
        ([rested("chat", order=1), rested("chat", order=2), PAIRED[1]], {"allowed_fails": 1}, {}, (1, 5, 5)),
        (SHARED, {"allowed_fails": 1}, {}, OFF),
    ],
)
def test_cooldowns_are_read_where_they_mean_the_same(config, model_list, router, module, read):
    sections = {"router_settings": {**PAIR, **router}, "litellm_settings": module}
    assert cooldown(config.read(model_list, **sections)) == read


def test_what_the_policy_says_of_cooldowns_goes_over_the_config(config):
    sections = {"router_settings": {**PAIR, "allowed_fails": 2, "cooldown_time": 20}}
    for stated, read in [
        ("allowed_fails: 5", (5, 20, 20)),
        ("allowed_fails: null", OFF),
        ("cooldown_time_s: 7", (2, 20, 7)),
        ("fails_window_s: 7", (2, 7, 20)),
    ]:
        config.policy(f"reliability: {{{stated}}}\n")
        assert cooldown(config.read(PAIRED, **sections)) == read
    config.policy("reliability: {allowed_fails: 5}\n")
    assert cooldown(config.read(PAIRED, router_settings=PAIR)) == (5, 5, 5)
    said = config.said(MIXED, router_settings=PAIR)
    assert "rest for different times" in said
    assert "write reliability.cooldown_time_s in the policy" in said
    config.policy("reliability: {allowed_fails: 5, cooldown_time_s: 8}\n")
    assert cooldown(config.read(MIXED, router_settings=PAIR)) == (5, 5, 8)


KINDS = {"TimeoutErrorAllowedFails": 1, "RateLimitErrorAllowedFails": 9}


@pytest.mark.parametrize(
    ("model_list", "router", "name", "told"),
    [
        (PAIRED, {"allowed_fails_policy": KINDS}, "allowed_fails_policy", "allows failures by their kind"),
        (
            SHARED,
            {"allowed_fails": 1},
            "allowed_fails",
            "rests one of the deployments of 'chat' while the others serve",
        ),
        (
            SHARED,
            {},
            "cooldown_time",
            "one of a group's deployments rests after a 429",
        ),
        (
            MIXED,
            {"allowed_fails": 1},
            "allowed_fails",
            "deployments rest for different times",
        ),
        (
            RESTING,
            {"allowed_fails": 1, "cooldown_time": 10},
            "allowed_fails",
            "counts failures for longer than a deployment rests",
        ),
        (
            [{**PAIRED[0], "model_info": {"allowed_fails_policy": KINDS}}, PAIRED[1]],
            {},
            "allowed_fails_policy",
            "is a deployment's own",
        ),
    ],
)
def test_cooldowns_that_no_policy_can_say_are_told_until_the_policy_knows(
    config, model_list, router, name, told
):
    sections = {"router_settings": {**PAIR, **router}}
    found = config.read(model_list, **sections)
    assert (cooldown(found), found.not_judged) == (OFF, (name,))
    assert told in config.notes(model_list, **sections)
    config.files.edit(PRODUCTION, "config.yaml}", f"config.yaml, without: [{name}]}}")
    found = config.read(model_list, **sections)
    assert (cooldown(found), found.not_judged) == (OFF, (name,))
    notes = config.notes(model_list, **sections)
    assert told not in notes
    assert name not in notes


def test_without_judges_without_cooldowns_that_could_be_read(config):
    sections = {"router_settings": {**PAIR, "allowed_fails": 1, "cooldown_time": 20}}
    config.files.edit(PRODUCTION, "config.yaml}", "config.yaml, without: [cooldown_time]}")
    found = config.read(PAIRED, **sections)
    assert (cooldown(found), found.not_judged) == (OFF, ("cooldown_time",))
    assert config.notes(PAIRED, **sections) == ""
    assert "nothing that is read here would need it" in config.notes(PAIRED, router_settings=PAIR)


@pytest.mark.parametrize(
    ("router", "module", "told"),
    [
        (
            {"allowed_fails": 3},
            {},
            "router_settings.allowed_fails: rests no deployment: LiteLLM takes its own",
        ),
        ({"allowed_fails": 1}, {"allowed_fails": 1}, "takes that of litellm_settings for nothing said"),
        ({}, {"allowed_fails": 1}, "router_settings.allowed_fails does"),
        ({}, {"cooldown_time": 1}, "litellm_settings.cooldown_time: is not looked for here by LiteLLM"),
        ({"allowed_fails": 1, "num_retries": 2}, {}, "after 2 failures LiteLLM makes no more retries"),
    ],
)
def test_settings_that_do_less_than_they_seem_to_are_told(config, router, module, told):
    sections = {"router_settings": {**PAIR, **router}, "litellm_settings": module}
    assert config.read(PAIRED, **sections).not_judged == ()
    assert told in config.notes(PAIRED, **sections)


def test_cooldowns_that_cannot_be_read_are_refused_with_their_cure(config):
    said = config.said(PAIRED, router_settings={**PAIR, "allowed_fails": "os.environ/FAILS"})
    assert "its value stands in the environment (FAILS)" in said
    assert "write the number here, or reliability.allowed_fails in the policy" in said
    said = config.said(PAIRED, router_settings={**PAIR, "allowed_fails": 1, "cooldown_time": "long"})
    assert "write one, or reliability.cooldown_time_s in the policy" in said
    said = config.said(PAIRED, router_settings={**PAIR, "disable_cooldowns": "os.environ/QUIET"})
    assert "write true or false, or reliability.allowed_fails in the policy" in said


def test_every_setting_that_bears_on_serving_is_named(config):
    notes = config.notes(
        [entry("chat", {**CHAT, "cooldown_time": 3, "extra_headers": {"a": "b"}, "organization": "org-1"})],
        litellm_settings={"json_logs": True, "brand_new_setting": 1, "modify_params": True},
        router_settings={"enable_pre_call_checks": True, "routing_groups": [{}], "set_verbose": True},
        general_settings={"store_model_in_db": True, "master_key": "os.environ/MASTER"},
        guardrails=[{"guardrail_name": "pii", "litellm_params": {"mode": "pre_call"}}],
    )
    named = [line.split(": ")[1] for line in notes.split("\n") if line.startswith("litellm/")]
    assert [each.rpartition(".")[2] for each in named] == [
        "organization",
        "extra_headers",
        "cooldown_time",
        "brand_new_setting",
        "modify_params",
        "enable_pre_call_checks",
        "routing_groups",
        "store_model_in_db",
        "guardrails[0]",
    ]


def test_no_key_of_the_file_is_ever_shown(config):
    secret = "sk-proj-4242abcd4242abcd4242abcd"
    found = config.said(
        [entry("chat", {**CHAT, "api_key": secret, "aws_secret_access_key": secret})],
        litellm_settings={"cache_params": {"password": secret}},
        general_settings={"master_key": secret},
    )
    assert found.count("a key is written out here") == 2
    assert secret not in found
    notes = config.notes(general_settings={"master_key": secret})
    assert "general_settings.master_key: a secret is written out here" in notes
    assert secret not in notes


def test_a_key_for_a_server_that_wants_none_is_no_secret(config):
    assert config.read([entry("chat", {**LOCAL, "api_key": "none"})]).deployments["chat"].provider == "local"


def test_the_provider_is_the_one_that_asks_the_same(config):
    config.files.edit(
        "evalgate.yaml",
        "  local:",
        '  second: {kind: openai, origin: "https://api.openai.com", key_env: SECOND}\n'
        '  azure: {kind: litellm, vendor: azure, origin: "https://team.azure.example", key_env: AZURE,'
        ' settings: {api_version: "2026-01-01"}}\n  local:',
    )
    assert config.read().deployments["chat"].provider == "openai"
    assert (
        config.read([entry("chat", {**CHAT, "api_key": "os.environ/SECOND"})]).deployments["chat"].provider
        == "second"
    )
    assert "ask the same: openai and second" in config.said(
        [entry("chat", {**CHAT, "api_key": "os.environ/THIRD"})]
    )
    azure = {
        "model": "azure/gpt-2025-01-01",
        "api_base": "os.environ/AZURE_BASE",
        "api_version": "2026-02-01",
    }
    assert config.read([entry("chat", azure)]).deployments["chat"].identity[:2] == ("azure", "gpt-2025-01-01")
    notes = config.notes([entry("chat", azure)])
    assert "evalgate asks that of provider 'azure'" in notes
    assert "it is 2026-02-01 here, and provider 'azure' says 2026-01-01" in notes


def test_the_config_lies_in_the_project_and_not_among_the_policies(config):
    config.files.edit(PRODUCTION, "../../litellm/config.yaml", "../../../config.yaml")
    assert "is outside the project" in config.files.said()
    config.files.edit(PRODUCTION, "../../../config.yaml", "config.yaml")
    config.write(name="policies/tickets/config.yaml")
    assert "lies among the policies" in config.files.said(policies=("production",))


def test_a_missing_revision_is_asked_of_the_policy(config):
    found = config.said([entry("chat", {**CHAT, "model": "openai/gpt-4o"})])
    assert found.startswith(f"{PRODUCTION}:1:1: deployments.chat.revision: the model name 'gpt-4o'")


def test_a_change_of_the_config_alone_touches_the_policy(config):
    config.write()
    path = config.files.root / PRODUCTION
    changed = Changed(config.files.root, [CONFIG])
    assert changed.touches_policy(read_written(path, PRODUCTION))
    assert changed.reaches(config.files.root / "evalgate.yaml")
    assert not Changed(config.files.root, ["litellm/other.yaml"]).reaches(config.files.root / "evalgate.yaml")


YAML = """\
base: &base
  timeout: 30
  drop: yes
  rate: 1e-6
  day: 2026-01-02
more:
  <<: *base
  timeout: 40
list: [*base, {<<: [*base, {x: 1}]}]
"""


def test_yaml_is_read_as_litellm_reads_it():
    tree = parse_foreign_yaml(YAML, "x.yaml")
    ours = yaml.safe_load(YAML.replace("day: 2026-01-02", 'day: "2026-01-02"'))
    assert tree.value == ours
    assert tree.keys["more", "timeout"].line == 8
    assert tree.keys["more", "drop"].line == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "x.yaml:2:1: a: 'a' is written twice (first in line 1)"),
        ("a: [", "not valid YAML"),
        ("a: !mine 1\n", "the tag !mine is not known"),
        ("a: &a [*a]\n", "aliases spell out too much"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
    ],
)
def test_yaml_that_readers_disagree_on_is_refused(refusal, text, said):
    assert said in refusal(lambda: parse_foreign_yaml(text, "x.yaml"))


def test_aliases_cannot_spell_out_more_than_a_memory_holds(refusal):
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9)
    )
    assert "aliases spell out too much" in refusal(lambda: parse_foreign_yaml(bomb, "x.yaml"))


def test_plain_files_read_alike_in_both_ways():
    text = yaml.safe_dump({"model_list": THREE, "router_settings": {"num_retries": 3, "on": True, "x": None}})
    strict, foreign = parse_yaml(text, "x"), parse_foreign_yaml(text, "x")
    assert (strict.value, strict.keys, strict.values) == (foreign.value, foreign.keys, foreign.values)


def test_the_example_of_the_docs_is_read(config):
    page = (Path(__file__).parents[3] / "docs/levers/litellm-config.md").read_text(encoding="utf-8")
    policy, proxy = re.findall(r"```yaml\n# [a-z/.]+\n(.*?)```", page, re.DOTALL)
    config.files.write(CONFIG, proxy)
    config.files.write(PRODUCTION, policy)
    found = config.files.load().suites[0].baseline
    assert [each.identity[:2] for each in found.deployments.values()] == [
        ("openai", "gpt-4o-mini-2024-07-18"),
        ("claude", "claude-sonnet-4-5"),
    ]
    assert found.reliability.fallbacks == {"support": ["strong"]}
    assert (found.reliability.num_retries, found.cache.ttl_s) == (3, 3600)


BY_HAND = """\
prompt: [{role: system, content: "Sort."}, {role: user, content: "{{input}}"}]
deployments:
  weak:   {provider: openai, model: gpt-4o-2024-08-06, limits: {rpm: 9}}
  strong: {provider: claude, model: claude-sonnet-4-5-20250929, price: {input_per_1m: 3}}
router: {kind: column, column: need, threshold: 0.5, strong: strong, weak: weak}
reliability: {num_retries: 2, request_timeout_s: 20, fallbacks: {weak: [strong]}}
cache: {mode: exact, normalize: [], key: request, in_flight: ask, ttl_s: 60, lookup_s: 0.1}
"""


def compared(config, policy, model_list=None, **sections):
    config.write(model_list, **sections)
    config.files.write(PRODUCTION, policy)
    found = compare_policies_with_config(config.files.root, CONFIG, [])
    return found, {each.key: (each.policy.value, each.config.value) for each in found.policies[0].differences}


AGREEING = {
    "router_settings": {"timeout": 20, "fallbacks": [{"chat": ["big"]}], "cooldown_time": 9},
    "litellm_settings": {"cache": True},
    "general_settings": {"master_key": "os.environ/MASTER", "alerting": ["slack"]},
}


def test_deployments_of_other_names_are_matched_by_what_they_ask(config):
    found, differences = compared(
        config, BY_HAND, [entry("chat", {**CHAT, "rpm": 9}), *THREE[1:]], **AGREEING
    )
    assert differences == {}
    assert found.exit_code == 0
    (policy,) = found.policies
    assert policy.matched == {"weak": "chat", "strong": "big"}
    assert policy.others == ("own",)
    assert [each.key for each in policy.beside] == ["router_settings.cooldown_time"]
    assert found.passed_over == ("general_settings.master_key", "general_settings.alerting")
    text = render_text(found)
    assert text.startswith(
        "policies/tickets/production.yaml says what litellm/config.yaml says\n"
        "  weak is compared with chat, which asks the same model\n"
        "  strong is compared with big, which asks the same model\n"
        "  no request of the policy reaches own\n"
    )
    assert text.endswith(
        "of no bearing on answers, cost or time: general_settings.master_key, general_settings.alerting\n"
    )


@pytest.mark.parametrize(
    ("sections", "differences"),
    [
        ({"router_settings": {"timeout": 20}}, {"reliability.fallbacks.weak": ("[strong]", None)}),
        (
            {"router_settings": {"fallbacks": [{"chat": ["own", "big"]}]}},
            {
                "deployments.own": (None, "qwen-2025-01-01"),
                "reliability.fallbacks.weak": ("[strong]", "[own, strong]"),
                "reliability.request_timeout_s": ("20", None),
            },
        ),
        (
            {"router_settings": {"retry_after": 3, "timeout": 20, "fallbacks": [{"chat": ["big"]}]}},
            {
                "reliability.backoff_s": ("0.5", "3"),
                "reliability.max_backoff_s": ("8", "3"),
                "reliability.backoff_jitter": ("full", "none"),
                "reliability.max_retry_after_s": ("120", "60"),
            },
        ),
        (
            {"router_settings": {**AGREEING["router_settings"], "num_retries": 9}},
            {"reliability.num_retries": ("2", "router_settings.num_retries")},
        ),
        (
            {
                "litellm_settings": {
                    "cache": True,
                    "cache_params": {
                        "type": "redis-semantic",
                        "similarity_threshold": 0.8,
                        "redis_semantic_cache_embedding_model": "big",
                    },
                }
            },
            {
                "cache.similarity_threshold": (None, "litellm_settings.cache_params.similarity_threshold"),
                "cache.mode": ("exact", "exact_then_semantic"),
                "cache.embedder": (None, "big"),
                "cache.ttl_s": ("60", None),
            },
        ),
        ({"litellm_settings": {}}, {"cache": ("exact", None)}),
        (
            {"router_settings": {**AGREEING["router_settings"], "allowed_fails": 1}},
            {"reliability.allowed_fails": (None, "1")},
        ),
    ],
)
def test_each_difference_has_both_values(config, sections, differences):
    chat = [entry("chat", {**CHAT, "rpm": 9}), *THREE[1:]]
    _, found = compared(config, BY_HAND, chat, **{**AGREEING, **sections})
    for key, values in differences.items():
        assert found.pop(key) == values
    assert found == {}


def test_cooldowns_of_both_are_compared_and_what_no_policy_can_say_stands_beside(config):
    chat = [entry("chat", {**CHAT, "rpm": 9}), *THREE[1:]]
    cooling = BY_HAND.replace("{num_retries: 2,", "{num_retries: 2, allowed_fails: 4, cooldown_time_s: 9,")

    def found(**router):
        sections = {**AGREEING, "router_settings": {**AGREEING["router_settings"], **router}}
        return compared(config, cooling, chat, **sections)

    beside, differences = found(allowed_fails=4)
    assert differences == {"reliability.fails_window_s": ("60", "9")}
    (said,) = beside.policies[0].differences
    lines = (config.files.root / CONFIG).read_text().split("\n")
    assert (said.policy.line, lines[said.config.line - 1]) == (6, "  cooldown_time: 9")
    assert beside.policies[0].beside == ()
    _, differences = found(allowed_fails=5, cooldown_time=60)
    assert differences == {
        "reliability.allowed_fails": ("4", "5"),
        "reliability.cooldown_time_s": ("9", "60"),
    }
    _, differences = found()
    assert differences == {"reliability.allowed_fails": ("4", None)}
    beside, differences = found(allowed_fails_policy=KINDS)
    assert differences == {}
    assert [each.key for each in beside.policies[0].beside] == ["router_settings.allowed_fails_policy"]


def test_a_deployment_that_the_config_lacks_is_named_with_its_place(config):
    found, differences = compared(config, BY_HAND, [entry("chat", {**CHAT, "rpm": 9})], **AGREEING)
    assert differences["deployments.strong"] == ("claude-sonnet-4-5-20250929", None)
    said = next(each for each in found.policies[0].differences if each.key == "deployments.strong")
    assert (said.policy.file, said.policy.line, said.why) == (PRODUCTION, 4, "only the policy has it")


def test_a_deployment_of_both_is_compared_though_the_config_does_not_fall_back_to_it(config):
    sections = {**AGREEING, "router_settings": {"timeout": 20}}
    _, differences = compared(
        config,
        BY_HAND.replace("  strong:", "  big:").replace("[strong]", "[big]").replace("g: strong", "g: big"),
        [
            entry("chat", {**CHAT, "rpm": 9}),
            entry("big", {**CLAUDE, "model": "anthropic/another-2025-01-01"}),
        ],
        **sections,
    )
    assert differences["deployments.big.model"] == ("claude-sonnet-4-5-20250929", "another-2025-01-01")
    assert differences["reliability.fallbacks.weak"] == ("[big]", None)


def test_a_policy_from_a_config_differs_from_it_where_it_says_otherwise(config):
    config.policy("reliability: {num_retries: 1}\ndeployments: {chat: {limits: {tpm: 5}}}\n")
    found, differences = compared(config, (config.files.root / PRODUCTION).read_text())
    assert differences == {"reliability.num_retries": ("1", "2"), "deployments.chat.limits.tpm": ("5", None)}
    assert found.exit_code == 1
    assert [each.policy.line for each in found.policies[0].differences] == [6, 5]
