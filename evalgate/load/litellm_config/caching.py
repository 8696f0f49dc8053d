"""litellm's cache of replies in the words of a policy's cache.

Its key is the whole request and nothing is normalized; identical requests in flight are all sent. A semantic
cache of it embeds the texts of all messages of a request together; a policy's compares the last message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalgate.load.litellm_config.config import LitellmConfig, Setting
from evalgate.load.litellm_config.draft import Draft
from evalgate.load.litellm_config.groups import Deployed, Groups
from evalgate.load.syntax.yaml_text import KeyPath

# litellm's defaults, where the config has none: seconds, and entries of its cache in memory.
_TTL_S: Mapping[str, float] = {"local": 600, "redis": 60}
_LOCAL_ENTRIES = 200
_EMBEDDING_MODEL = "text-embedding-ada-002"
_SEMANTIC = {
    "redis-semantic": "redis_semantic_cache_embedding_model",
    "valkey-semantic": "valkey_semantic_cache_embedding_model",
    "qdrant-semantic": "qdrant_semantic_cache_embedding_model",
}
_EXACT = frozenset({"local", "redis", "s3", "gcs", "azure-blob", "disk"})
_OWN_TTL = {"local": "default_in_memory_ttl"} | dict.fromkeys(
    ("redis", "redis-semantic", "valkey-semantic"), "default_in_redis_ttl"
)
_THRESHOLD: KeyPath = ("cache", "similarity_threshold")
_CHAT = frozenset({"completion", "acompletion"})


@dataclass(frozen=True, slots=True)
class _Written:
    """The cache as the config has it: the setting that turns it on, and its parameters."""

    config: LitellmConfig
    on: Setting
    key: KeyPath
    kind: str

    def param(self, name: str) -> Setting | None:
        return self.config.setting(*self.key, name)


def put_cache(draft: Draft, groups: Groups) -> tuple[str, Sequence[Deployed]] | None:
    """Write the policy's cache; returns the name of what embeds for a semantic one, with its entries."""
    written = _written(draft.config)
    if written is None or not _caches_chat(draft, written):
        return None
    if written.kind not in _EXACT | _SEMANTIC.keys():
        cure = "write a cache in the policy (cache: null for none)"
        draft.refuse(written.key, f"the cache {written.kind!r} is not known to evalgate", cure, [("cache",)])
        return None
    source = written.on.key
    draft.put(("cache", "mode"), "exact_then_semantic" if written.kind in _SEMANTIC else "exact", source)
    draft.put(("cache", "normalize"), [], source)
    draft.put(("cache", "key"), "request", source)
    draft.put(("cache", "in_flight"), "ask", source)
    _put_ttl(draft, written)
    if (limit := written.param("max_messages")) is not None:
        draft.pass_by(limit.key, "leaves longer conversations out of the cache; here they are in it")
    if written.kind == "local":
        draft.put(("cache", "max_entries"), _LOCAL_ENTRIES, source)
    return _put_semantic(draft, written, groups) if written.kind in _SEMANTIC else None


def _written(config: LitellmConfig) -> _Written | None:
    on = config.module("cache")
    if on is not None and on.value is True:
        key: KeyPath = ("litellm_settings", "cache_params")
        return _Written(config, on, key, str(config.at(*key, "type") or "redis"))
    on = config.router("cache_responses")
    if on is None or on.value is not True:
        return None
    redis = config.router("redis_url") or (config.router("redis_host") and config.router("redis_port"))
    key = ("router_settings", "cache_kwargs") if config.proxy else ("cache_kwargs",)
    return _Written(config, on, key, "redis" if redis else "local")


def _caches_chat(draft: Draft, written: _Written) -> bool:
    types, mode = written.param("supported_call_types"), written.param("mode")
    if types is not None and isinstance(types.value, list) and not _CHAT.intersection(types.value):
        draft.tell(types.key, "keeps no chat completions, so the policy has no cache")
        return False
    if mode is not None and mode.value == "default_off":
        draft.tell(
            mode.key, "caches only for requests that ask for it; the policy's do not, so it has no cache"
        )
        return False
    return True


def _put_ttl(draft: Draft, written: _Written) -> None:
    own = ("cache", "ttl_s")
    named = written.param(_OWN_TTL.get(written.kind, "ttl")) or written.param("ttl")
    if named is None and written.kind == "redis":
        named = draft.config.module("default_redis_ttl")
    if named is not None and written.kind == "qdrant-semantic":
        draft.tell(named.key, "is not applied by LiteLLM's qdrant cache; answers stay")
        return
    if named is None:
        if (default := _TTL_S.get(written.kind)) is not None:
            draft.put(own, default, written.on.key)
        return
    number = draft.number(named, own)
    if number:
        draft.put(own, float(int(number)) if written.kind != "local" else number, named.key)


def _put_semantic(draft: Draft, written: _Written, groups: Groups) -> tuple[str, Sequence[Deployed]]:
    name = _SEMANTIC[written.kind]
    setting = written.param(name)
    embedder = str(setting.value) if setting is not None else _EMBEDDING_MODEL
    key = written.key if setting is None else setting.key
    draft.put(("cache", "embedder"), embedder, key)
    threshold = written.param("similarity_threshold")
    if threshold is None:
        cure = "write it, as in similarity_threshold: 0.9"
        draft.refuse(written.key, "a semantic cache has no similarity_threshold", cure, [_THRESHOLD])
    elif (number := draft.number(threshold, _THRESHOLD)) is not None:
        draft.put(_THRESHOLD, number, threshold.key)
        _check_compared(draft, threshold.key)
    entries = groups.find(embedder) or [Deployed(key, {"model": embedder}, {}, None)]
    return embedder, entries


def _check_compared(draft: Draft, source: KeyPath) -> None:
    """Refuse a threshold over whole prompts where only last messages are compared here."""
    prompt = draft.stated.get("prompt")
    single = isinstance(prompt, list) and len(prompt) == 1
    # A file of text is one message, and a file of messages is rarely one alone.
    text = isinstance(prompt, str) and not prompt.endswith((".yaml", ".yml", ".json"))
    if prompt is None or single or text:
        return
    message = "LiteLLM compares whole prompts by it, and a policy last messages, whose cosines are lower"
    cure = "write cache.similarity_threshold in the policy, or put its prompt into one message"
    draft.refuse(source, message, cure, [_THRESHOLD])
