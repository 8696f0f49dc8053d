"""From a LiteLLM config to a policy: what requests to the named groups may ask, and how."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evalgate.core.providers_file import ProviderFile
from evalgate.load.litellm_config.caching import put_cache
from evalgate.load.litellm_config.config import ENVIRONMENT, LitellmConfig
from evalgate.load.litellm_config.cooldown import put_cooldown
from evalgate.load.litellm_config.draft import Draft
from evalgate.load.litellm_config.groups import Asked, Deployed, Groups, name_of
from evalgate.load.litellm_config.reliability import Reliable, chain_of, fallback_lists, put_reliability
from evalgate.load.litellm_config.served import Serving, put_deployment
from evalgate.load.litellm_config.settings import (
    GENERAL,
    MODULE,
    OBSERVERS,
    ROUTER,
    SECRET,
    TOP,
    UNKNOWN,
    Meaning,
    meaning_of_param,
)
from evalgate.load.syntax.suggest import did_you_mean
from evalgate.load.syntax.yaml_text import KeyPath

# What people write where a server wants some key and looks at none.
_NO_KEYS = frozenset(
    {"", "none", "null", "empty", "fake", "fake-key", "dummy", "no-key", "not-needed", "x", "anything"}
)
_OBSERVING = frozenset({"callbacks"})
_SECRETIVE = (
    "general_settings",
    "router_settings",
    "litellm_settings",
    "environment_variables",
    "credential_list",
)
_ENTRY = frozenset({"model_name", "litellm_params", "model_info", "blocked"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which groups are asked, by the keys of the policy that name them; ``own`` are its own deployments.

    Without ``named`` the config's only group is meant. ``fallbacks`` are the lists that the policy states
    itself, ``helpers`` the groups that its cache asks. ``preferred`` are providers by deployment.
    """

    named: Mapping[KeyPath, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    helpers: frozenset[str] = frozenset()
    preferred: Mapping[str, str] = field(default_factory=dict)


def translate(
    draft: Draft, wanted: Wanted, providers: Mapping[str, ProviderFile] | None
) -> list[tuple[KeyPath, str, str]]:
    """Fill ``draft``; returns what is wrong with the names of the policy: key, message, cure."""
    groups = Groups(draft.config)
    entries, odd = _entries(groups, wanted)
    _check_keys(draft, groups)
    if odd:
        return odd
    reliable = Reliable(draft, groups, fallback_lists(draft))
    asked = list(dict.fromkeys(each for entry in entries for each in _asked(reliable, entry, wanted)))
    serving = Serving(draft, providers, wanted.preferred)
    cache = put_cache(draft, groups)
    embedder = {} if cache is None or cache[0] in wanted.own else {cache[0]: cache[1]}
    known = {name_of(each, groups): groups.level(each) for each in asked}
    helpers = {name: groups.level(groups.first(name)) for name in sorted(wanted.helpers - wanted.own)}
    for alias, level in {**embedder, **helpers, **known}.items():
        _put(serving, alias, level)
    called = [*asked, *(groups.first(name) for name in {**embedder, **helpers} if name not in known)]
    retries = put_reliability(reliable, entries, called, streamed=_streams(draft))
    put_cooldown(reliable, called, retries)
    _tell_settings(draft)
    return []


def _asked(reliable: Reliable, entry: str, wanted: Wanted) -> list[Asked]:
    """Return what is asked in turn for a request: by the policy's own list where it states one."""
    if entry not in wanted.fallbacks:
        return chain_of(reliable, entry)
    names = [name for name in wanted.fallbacks[entry] if reliable.groups.find(name)]
    return [reliable.groups.first(name) for name in (entry, *names)]


def _entries(groups: Groups, wanted: Wanted) -> tuple[list[str], list[tuple[KeyPath, str, str]]]:
    named = {key: name for key, name in wanted.named.items() if name not in wanted.own or groups.find(name)}
    odd = [
        (
            key,
            f"there is no group {name!r} in the config",
            did_you_mean(name, (*groups.known(), *wanted.own), "it has"),
        )
        for key, name in named.items()
        if not groups.find(name)
    ]
    if wanted.named:
        return list(dict.fromkeys(named.values())), odd
    only = groups.names()
    if len(only) != 1 and not wanted.own:
        message = f"nothing says which of the config's {len(only)} groups is asked"
        return [], [(("from",), message, f"add use: with one of {', '.join(groups.known()) or 'its names'}")]
    return list(only[:1]) if len(only) == 1 else [], []


def _put(serving: Serving, alias: str, level: Sequence[Deployed]) -> None:
    put_deployment(serving, alias, level)
    for each in level:
        for name in serving.draft.config.mapping(*each.key).keys() - _ENTRY:
            stray = "stands beside litellm_params, where LiteLLM's router does not look for it"
            serving.draft.tell((*each.key, name), stray)
        for name, value in each.params.items():
            meaning = meaning_of_param(name)
            if value is not None and value is not False and meaning is not None:
                _apply(serving.draft, (*each.key, "litellm_params", name), meaning)
        if each.params.get("mock_response") is None and each.model.partition("/")[0] == "auto_router":
            _apply(
                serving.draft,
                (*each.key, "litellm_params", "model"),
                meaning_of_param("auto_router_config") or UNKNOWN,
            )


def _streams(draft: Draft) -> bool:
    params = draft.stated.get("params")
    deployments = draft.value.get("deployments")
    own = [each.get("params") for each in deployments.values()] if isinstance(deployments, dict) else []
    return any(isinstance(each, dict) and each.get("stream") is True for each in (params, *own))


def _tell_settings(draft: Draft) -> None:
    """Tell or refuse every setting that is not read, section by section."""
    config = draft.config
    sections: list[tuple[KeyPath, Mapping[str, Meaning], Meaning]] = [((), TOP, UNKNOWN)]
    if config.proxy:
        sections += [
            (("litellm_settings",), MODULE, UNKNOWN),
            (("router_settings",), ROUTER, UNKNOWN),
            (("general_settings",), GENERAL, Meaning("aside")),
        ]
    else:
        sections = [((), {**TOP, **ROUTER}, UNKNOWN)]
    for section, meanings, otherwise in sections:
        for name, value in config.mapping(*section).items():
            meaning = meanings.get(name, otherwise)
            if value is not None and value is not False and value not in ([], {}) and name not in _OBSERVING:
                _apply(draft, (*section, name), meaning)
    _tell_callbacks(draft)
    _tell_guardrails(draft)
    for name in sorted(draft.without - draft.passed_by.keys()):
        draft.tell((), f"`without` names {name}, and nothing that is read here would need it")


def _apply(draft: Draft, key: KeyPath, meaning: Meaning) -> None:
    match meaning.bearing:
        case "told":
            draft.pass_by(key, meaning.why)
        case "refused":
            draft.refuse(key, meaning.why, f"write `without: [{key[-1]}]` under `from` to judge without it")
        case "read" | "aside":
            pass


def _tell_callbacks(draft: Draft) -> None:
    setting = draft.config.module("callbacks")
    if setting is None:
        return
    listed = setting.value if isinstance(setting.value, list) else [setting.value]
    if acting := [str(each) for each in listed if str(each) not in OBSERVERS]:
        message = (
            f"{', '.join(acting)} may change or block requests and answers, and evalgate does not run it"
        )
        draft.refuse(setting.key, message, "write `without: [callbacks]` under `from` to judge without it")


def _tell_guardrails(draft: Draft) -> None:
    """Refuse guardrails that every request passes; one that requests have to ask for is told."""
    listed = draft.config.at("guardrails")
    for index, each in enumerate(listed if isinstance(listed, list) else []):
        key: KeyPath = ("guardrails", index)
        name = each.get("guardrail_name", "a guardrail") if isinstance(each, dict) else "a guardrail"
        if draft.config.at(*key, "litellm_params", "default_on") is True:
            message = f"{name} may change or block requests and answers, and evalgate does not run it"
            draft.refuse(key, message, "write `without: [guardrails]` under `from` to judge without it")
        else:
            draft.pass_by(key, f"{name} works for requests that ask for it; the policy's do not")


def _check_keys(draft: Draft, groups: Groups) -> None:
    """Refuse deployments with a key written out, and tell other secrets; no value is ever shown."""
    own = re.compile(r"api_key")
    for deployed in groups.entries():
        for name, value in deployed.params.items():
            if SECRET.fullmatch(name) and _is_literal(value):
                key = (*deployed.key, "litellm_params", name)
                hint = f"{ENVIRONMENT}{'OPENAI_API_KEY' if own.fullmatch(name) else name.upper()}"
                cure = f"write {hint}, and take the key back: it is in the file's history"
                draft.problems.append(draft.config.problem(key, "a key is written out here", cure))
    for section in _SECRETIVE:
        for key, value in _leaves(draft.config.at(section), (section,)):
            if SECRET.fullmatch(str(key[-1]).lower()) and _is_literal(value):
                draft.tell(key, f"a secret is written out here; {ENVIRONMENT}NAME keeps it out of the file")


def _is_literal(value: object) -> bool:
    return isinstance(value, str) and not value.startswith(ENVIRONMENT) and value.lower() not in _NO_KEYS


def _leaves(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    else:
        yield path, value


def passed_over(config: LitellmConfig) -> list[str]:
    """Return the settings that change nothing that a gate judges, as ``section.name``."""
    sections: Iterable[tuple[str, Mapping[str, Meaning]]] = (
        ("litellm_settings", MODULE),
        ("router_settings", ROUTER),
        ("general_settings", GENERAL),
    )
    return [
        f"{section}.{name}"
        for section, meanings in sections
        for name in config.mapping(section)
        if meanings.get(name, Meaning("aside" if section == "general_settings" else "told")).bearing
        == "aside"
    ]
