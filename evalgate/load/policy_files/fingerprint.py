"""The digest and the lines of a policy: what it does, not how it is written."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evalgate.core.digest import UNHASHED_PARAMS, canonical_json, sha256_of
from evalgate.core.messages import Message, message_json
from evalgate.core.policy import Cascade, Deployment, Policy, Router
from evalgate.core.policy_file import Price, SemanticCache
from evalgate.core.router_file import routed_to
from evalgate.load.code.functions import source_sha256


def with_fingerprint(policy: Policy) -> Policy:
    """Return the policy with its digest and its summary.

    The digest is the hash of everything that can change an answer, a cost or a time. Deployments count by
    what they are: their names, and deployments that nothing can reach, change nothing.
    """
    model = _classifier_sha256(policy.router)
    summary = tuple(sorted(f"{key}: {value}" for key, value in _lines(policy, model)))
    return replace(policy, digest=_digest(policy, model), summary=summary)


def _digest(policy: Policy, model: str | None) -> str:
    fallbacks = policy.reliability.fallbacks
    chains = {
        alias: [_deployment(policy.deployments[each]) for each in (alias, *fallbacks.get(alias, ()))]
        for alias in _entries(policy)
    }
    content: dict[str, object] = {
        "use": chains[policy.use] if policy.use is not None else None,
        "router": _router(policy.router, model, chains) if policy.router is not None else None,
        "cache": _cache(policy) if policy.cache is not None else None,
        "reliability": {key: rule for key, rule in policy.reliability.active().items() if key != "fallbacks"},
        "response": policy.response.model_dump(mode="json"),
    }
    if policy.cascade is not None:
        content["cascade"] = _cascade(policy.cascade, policy, chains)
    return sha256_of(content)


def _cache(policy: Policy) -> dict[str, object]:
    assert policy.cache is not None
    content: dict[str, object] = policy.cache.model_dump(mode="json")
    if isinstance(policy.cache, SemanticCache):
        helpers = policy.cache.helpers.items()
        content |= {key: _deployment(policy.deployments[alias]) for key, alias in helpers}
        content["source"] = source_sha256(policy.embed) if policy.embed is not None else None
    return content


def _cascade(cascade: Cascade, policy: Policy, chains: Mapping[str, object]) -> dict[str, object]:
    verifier = cascade.verifier
    return {
        **cascade.spec.model_dump(mode="json"),
        "order": [chains[alias] for alias in cascade.spec.asked],
        "verifier": _deployment(policy.deployments[verifier]) if verifier is not None else None,
        "source": source_sha256(cascade.function) if cascade.function is not None else None,
    }


def _entries(policy: Policy) -> tuple[str, ...]:
    if policy.router is not None:
        return tuple(dict.fromkeys(routed_to(policy.router.spec).values()))
    if policy.cascade is not None:
        return policy.cascade.spec.asked
    return (policy.use,) if policy.use is not None else ()


def _deployment(deployment: Deployment) -> dict[str, object]:
    streams, batch, collects = deployment.params.get("stream"), deployment.batch, deployment.microbatch
    return {
        # It answers the same call, and shows its first token at another time.
        **({"stream": streams} if isinstance(streams, bool) else {}),
        **deployment.own_rules,
        "kind": deployment.kind,
        "identity": list(deployment.identity),
        "prompt": [message_json(message) for message in deployment.prompt],
        "params": {key: value for key, value in deployment.params.items() if key not in UNHASHED_PARAMS},
        "price": _price(deployment.price) if deployment.price is not None else None,
        **_prompt_cache(deployment),
        **({} if batch is None else {"batch": [batch.price_factor, batch.window_s]}),
        **({} if collects is None else {"microbatch": [collects.window_s, collects.max_size]}),
    }


def _prompt_cache(deployment: Deployment) -> dict[str, object]:
    kept = deployment.prompt_cache
    return {} if kept is None else {"prompt_cache": kept.model_dump(mode="json")}


def _price(price: Price) -> dict[str, object]:
    # Keys that came later count only where they are written, so that older policies keep their digests.
    absent = {name for name in ("reported", "hosting") if not getattr(price, name)}
    return price.model_dump(mode="json", exclude=absent or None)


def _router(router: Router, model: str | None, chains: Mapping[str, object]) -> dict[str, object]:
    spec = router.spec
    return {
        **spec.model_dump(mode="json"),
        # A classifier's file counts by its numbers, so that moving or re-dating it changes nothing.
        **({"model": model} if model is not None else {}),
        "source": source_sha256(router.function) if router.function is not None else None,
        **{key: chains[alias] for key, alias in routed_to(spec).items()},
    }


def _classifier_sha256(router: Router | None) -> str | None:
    models = (router.classifier, router.hard_classifier) if router is not None else ()
    numbers = [
        part
        for model in models
        if model is not None
        for part in (model.weights, model.intercept, model.word_ngrams, model.sublinear_tf)
    ]
    if not numbers:
        return None
    # Canonical JSON is slow on ten thousand terms; sorted keys and Python's shortest floats are as stable.
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()


def _lines(policy: Policy, model: str | None) -> Iterator[tuple[str, str]]:
    deployments = list(policy.deployments.values())
    answering = list(policy.answering.values())
    shared = all(each.prompt == answering[0].prompt for each in answering)
    if shared:
        yield from _prompt("prompt", answering[0].prompt)
    for each in deployments:
        key = f"deployments.{each.alias}"
        yield from _served(key, each)
        if not shared or each.alias not in policy.answering:
            yield from _prompt(f"{key}.prompt", each.prompt)
    yield from _flat("use", policy.use)
    if policy.router is not None:
        spec = policy.router.spec.model_dump(mode="json")
        if model is not None:
            spec["model"] = f"sha256:{model[:12]}"
        yield from _flat("router", spec)
    if policy.cascade is not None:
        yield from _flat("cascade", policy.cascade.spec.model_dump(mode="json"))
    if policy.cache is not None:
        yield from _flat("cache", policy.cache.model_dump(mode="json"))
    yield from _flat("reliability", policy.reliability.active())
    yield from _flat("response", policy.response.model_dump(mode="json"))


def _served(key: str, deployment: Deployment) -> Iterator[tuple[str, str]]:
    for name in ("provider", "model", "quantization"):
        yield from _flat(f"{key}.{name}", getattr(deployment, name))
    yield from _flat(f"{key}.revision", _short(deployment.revision))
    yield from _flat(f"{key}.params", deployment.params)
    yield from _flat(key, deployment.own_rules)
    if deployment.price is not None:
        yield from _flat(f"{key}.price", _price(deployment.price))
    if deployment.batch is not None:
        yield f"{key}.batch.price_factor", _scalar(deployment.batch.price_factor)
        yield f"{key}.batch.completion_window", f"{deployment.batch.window_s / 3600:g}h"
    if deployment.microbatch is not None:
        yield f"{key}.microbatch.window", f"{deployment.microbatch.window.value * 1000:g}ms"
        yield f"{key}.microbatch.max_size", _scalar(deployment.microbatch.max_size)
    if deployment.prompt_cache is not None:
        yield from _flat(f"{key}.prompt_cache", deployment.prompt_cache.model_dump(mode="json"))


def _short(revision: str | None) -> str | None:
    """Cut a hash to what tells it from another; a name stays whole."""
    hashed = revision is not None and revision.startswith("sha256:")
    return revision[:19] if revision is not None and hashed else revision


def _prompt(key: str, messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    for index, message in enumerate(messages):
        if message_json(message).keys() == {"role", "content"}:
            yield f"{key}[{index}].{message.role}", _scalar(message.content)
        else:
            yield f"{key}[{index}]", canonical_json(message_json(message))


def _flat(key: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case Mapping():
            for name, inner in value.items():
                yield from _flat(f"{key}.{name}", inner)
        case list() | tuple():
            if value:
                yield key, "[" + ", ".join(map(_scalar, value)) + "]"
        case _:
            yield key, _scalar(value)


def _scalar(value: object) -> str:
    """Write a value in one line, text without quotes unless it has lines of its own."""
    if isinstance(value, str) and value.isprintable() and value == value.strip() and value:
        return value
    return canonical_json(value)
