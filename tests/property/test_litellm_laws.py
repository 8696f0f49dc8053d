"""Laws of LiteLLM configs: a policy written as one is read as itself, and every change of it is named."""

import json
import tempfile
from copy import deepcopy
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from evalgate.core.policy_file import PolicyFile
from evalgate.core.providers_file import LitellmProvider, OpenAIProvider
from evalgate.load.litellm_config.config import read_litellm_config
from evalgate.load.litellm_config.differences import compare_with_config
from evalgate.load.litellm_config.draft import Draft
from evalgate.load.litellm_config.translate import translate
from evalgate.load.policy_files.policy_documents import merge, wanted
from evalgate.load.syntax.documents import Document, validate
from evalgate.load.syntax.yaml_text import Tree

PROVIDERS = {
    "openai": OpenAIProvider(kind="openai", origin="https://api.openai.com"),
    "claude": LitellmProvider(kind="litellm", vendor="anthropic"),
    "own": OpenAIProvider(kind="openai", origin="http://10.0.0.1:8000/v1"),
}
REACHED = {
    "openai": {"prefix": "openai"},
    "claude": {"prefix": "anthropic"},
    "own": {"prefix": "hosted_vllm", "api_base": "http://10.0.0.1:8000"},
}
COSTS = {
    "input_per_1m": "input_cost_per_token",
    "output_per_1m": "output_cost_per_token",
    "cached_input_per_1m": "cache_read_input_token_cost",
}
LIMITS = {"rpm": "rpm", "tpm": "tpm", "max_concurrency": "max_parallel_requests"}
WAITS = {"backoff_s": 0.5, "max_backoff_s": 8.0, "backoff_jitter": "none", "max_retry_after_s": 60.0}

names = st.sampled_from(["chat", "big", "small", "spare", "last one"])
cents = st.integers(0, 4000).map(lambda each: each / 100)
params = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0, 0.5, 1]),
        "seed": st.integers(0, 9),
        "stop": st.just(["\n"]),
    },
)
deployments = st.builds(
    lambda provider, model, more: {"provider": provider, "model": model, **more},
    st.sampled_from(sorted(PROVIDERS)),
    st.sampled_from(["m-1", "org/m-2", "m:3"]),
    st.fixed_dictionaries(
        {},
        optional={
            "params": params,
            "price": st.dictionaries(st.sampled_from(sorted(COSTS)), cents, min_size=1),
            "limits": st.dictionaries(st.sampled_from(sorted(LIMITS)), st.integers(1, 900), min_size=1),
        },
    ),
)
cooling = st.integers(1, 9)


@st.composite
def policies(draw):
    """Return a policy, in the words of its file, that a LiteLLM config can say as well."""
    aliases = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    retries = draw(st.integers(0, 5))
    reliability = {"num_retries": retries, **(WAITS if retries else {})}
    if (timeout := draw(st.none() | st.integers(1, 600))) is not None:
        reliability["request_timeout_s"] = timeout
    if len(aliases) > 1:
        reliability["fallbacks"] = {aliases[0]: aliases[1:]}
    served = {alias: draw(deployments) for alias in aliases}
    for alias in aliases[1:]:
        if (own := draw(st.none() | st.integers(0, 5))) not in (None, retries):
            served[alias]["num_retries"] = own
        if timeout is not None and (own := draw(st.none() | st.integers(1, 600))) not in (None, timeout):
            served[alias]["request_timeout_s"] = own
    if (allowed := draw(st.none() | cooling)) is not None:
        # A number below the retries is told, and the module's own is none.
        reliability["allowed_fails"] = allowed + max(
            3, retries, *(each.get("num_retries", 0) for each in served.values())
        )
        reliability["fails_window_s"] = draw(st.integers(1, 90))
        reliability["cooldown_time_s"] = draw(st.just(reliability["fails_window_s"]) | st.integers(100, 200))
    if any(each.get("num_retries") for each in served.values()):
        reliability |= WAITS
    policy = {
        "use": aliases[0],
        "params": draw(st.fixed_dictionaries({}, optional={"max_tokens": st.integers(1, 9)})),
        "deployments": served,
        "reliability": reliability,
    }
    if (ttl := draw(st.none() | st.integers(1, 9999))) is not None:
        policy["cache"] = {
            "mode": "exact",
            "normalize": [],
            "key": "request",
            "in_flight": "ask",
            "ttl_s": ttl,
        }
    return policy


def config_of(policy):
    """Write the policy as the config of a proxy."""
    rules = policy["reliability"]
    router = {"num_retries": rules["num_retries"]}
    if "request_timeout_s" in rules:
        router["timeout"] = rules["request_timeout_s"]
    if "fallbacks" in rules:
        router["fallbacks"] = [{name: list(each)} for name, each in rules["fallbacks"].items()]
    rests = {}
    if "allowed_fails" in rules:
        router |= {"allowed_fails": rules["allowed_fails"], "cooldown_time": rules["fails_window_s"]}
        if rules["cooldown_time_s"] != rules["fails_window_s"]:
            rests = {"cooldown_time": rules["cooldown_time_s"]}
    config = {
        "model_list": [
            {"model_name": alias, "litellm_params": {**served(each), **rests}}
            for alias, each in policy["deployments"].items()
        ],
        "router_settings": router,
    }
    if "cache" in policy:
        cache = {"type": "redis", "ttl": policy["cache"]["ttl_s"]}
        config["litellm_settings"] = {"cache": True, "cache_params": cache}
    return config


def served(deployment):
    where = REACHED[deployment["provider"]]
    base = {"api_base": where["api_base"]} if "api_base" in where else {}
    costs = {COSTS[name]: each / 1_000_000 for name, each in deployment.get("price", {}).items()}
    limits = {LIMITS[name]: each for name, each in deployment.get("limits", {}).items()}
    own = {"num_retries": "num_retries", "request_timeout_s": "timeout"}
    rules = {theirs: deployment[ours] for ours, theirs in own.items() if ours in deployment}
    model = f"{where['prefix']}/{deployment['model']}"
    return {"model": model, **base, **rules, **deployment.get("params", {}), **costs, **limits}


def read(config, form):
    """Return the config as a file in one of its forms."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"config.{form}"
        if form == "json":
            path.write_text(json.dumps({"model_list": config["model_list"], **config["router_settings"]}))
        else:
            # JSON is YAML, and written much faster.
            path.write_text(json.dumps(config))
        return read_litellm_config(path, path.name)


def document(policy):
    tree = Tree(policy, {}, {})
    return Document(Path("policy.yaml"), "policy.yaml", validate(tree, PolicyFile, "policy.yaml"), tree)


def differences(policy, config, form="yaml"):
    ours = document(policy)
    found = compare_with_config(ours, wanted(ours.value), read(config, form), PROVIDERS)
    return {each.key: (each.policy.value, each.config.value) for each in found.differences}


def forms(policy):
    """A Router's arguments say nothing of a cache that the proxy's file would put into the module."""
    return ["yaml"] if "cache" in policy else ["yaml", "json"]


@given(policies())
def test_a_policy_written_as_a_config_is_read_as_itself(policy):
    stated = {"use": policy["use"], "params": policy["params"]}
    for form in forms(policy):
        draft = Draft(read(config_of(policy), form), stated)
        assert translate(draft, wanted(document(policy).value), PROVIDERS) == []
        assert (draft.refusals, draft.problems, draft.notes) == ([], [], [])
        again = validate(Tree(merge(draft.value, stated), {}, {}), PolicyFile, "again")
        assert reduced(again) == reduced(document(policy).value)


def reduced(policy):
    """Return what the policy does: empty params and a deployment without any are one thing."""
    plain = policy.model_dump(mode="json")
    for each in plain["deployments"].values():
        each["params"] = each["params"] or None
    return plain


@given(policies())
def test_a_policy_has_no_difference_from_the_config_that_it_was_written_as(policy):
    for form in forms(policy):
        assert differences(policy, config_of(policy), form) == {}


def changes(policy):
    """Yield single changes of the policy's config: the keys that must be named, and the config."""
    config = config_of(policy)
    first = policy["use"]

    def changed(*path, value):
        other = deepcopy(config)
        node = other
        for part in path[:-1]:
            node = node.setdefault(part, {}) if isinstance(node, dict) else node[part]
        node[path[-1]] = value
        return other

    at = ("model_list", 0, "litellm_params")
    own = policy["deployments"][first]
    prefix = REACHED[own["provider"]]["prefix"]
    yield {f"deployments.{first}.model"}, changed(*at, "model", value=f"{prefix}/another")
    yield {f"deployments.{first}.provider"}, changed(*at, "api_base", value="https://elsewhere.example/v1")
    yield {f"deployments.{first}.params.top_p"}, changed(*at, "top_p", value=0.25)
    for ours, theirs in LIMITS.items():
        yield {f"deployments.{first}.limits.{ours}"}, changed(*at, theirs, value=1000)
    for ours, theirs in COSTS.items():
        yield {f"deployments.{first}.price.{ours}"}, changed(*at, theirs, value=0.001)
    retries = (policy["reliability"]["num_retries"] + 1) % 6
    yield {"reliability.num_retries"}, changed("router_settings", "num_retries", value=retries)
    yield {"reliability.request_timeout_s"}, changed("router_settings", "timeout", value=601)
    yield from resting(policy["reliability"], changed)
    if "cache" in policy:
        yield {"cache.ttl_s"}, changed("litellm_settings", "cache_params", "ttl", value=10_000)
        yield {"cache"}, changed("litellm_settings", "cache", value=False)
    else:
        yield {"cache"}, changed("litellm_settings", "cache", value=True)
    rest = list(policy["deployments"])[1:]
    if rest:
        yield (
            {"reliability.fallbacks." + first},
            changed("router_settings", "fallbacks", value=[]),
        )
    if len(rest) > 1:
        yield (
            {"reliability.fallbacks." + first},
            changed("router_settings", "fallbacks", value=[{first: rest[::-1]}]),
        )
    new = deepcopy(config)
    new["model_list"].append({"model_name": "newcomer", "litellm_params": {"model": "openai/new"}})
    new["router_settings"]["fallbacks"] = [{first: [*rest, "newcomer"]}]
    yield {"deployments.newcomer", "reliability.fallbacks." + first}, new


def resting(rules, changed):
    yield {"reliability.allowed_fails"}, changed("router_settings", "allowed_fails", value=99)
    if "allowed_fails" in rules:
        times = {"reliability.fails_window_s"}
        if rules["cooldown_time_s"] == rules["fails_window_s"]:
            times.add("reliability.cooldown_time_s")
        yield times, changed("router_settings", "cooldown_time", value=99)
        yield {"reliability.allowed_fails"}, changed("router_settings", "disable_cooldowns", value=True)


@settings(max_examples=40)
@given(policies())
def test_every_single_change_of_the_config_is_named_and_nothing_else(policy):
    for named, config in changes(policy):
        found = differences(policy, config)
        assert found.keys() == named, (named, found)
        assert all(ours != theirs for ours, theirs in found.values())
