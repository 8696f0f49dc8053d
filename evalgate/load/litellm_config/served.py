"""One deployment of the policy out of the entries of ``model_list`` that it stands for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evalgate.core.providers_file import ProviderFile, steers_litellm
from evalgate.load.litellm_config.config import ENVIRONMENT, Setting
from evalgate.load.litellm_config.draft import Draft, as_number
from evalgate.load.litellm_config.groups import Deployed
from evalgate.load.litellm_config.settings import PRICE, WHERE, meaning_of_param
from evalgate.load.litellm_config.vendors import declaration, fitting, model_at, reached
from evalgate.load.syntax.suggest import said
from evalgate.load.syntax.yaml_text import KeyPath, show_key

_PRICES = {
    "input_cost_per_token": "input_per_1m",
    "output_cost_per_token": "output_per_1m",
    "cache_read_input_token_cost": "cached_input_per_1m",
    "cache_creation_input_token_cost": "cache_write_per_1m",
}
_TIERED = re.compile(rf"({'|'.join(_PRICES)})_above_([0-9]+)k_tokens")
_LIMITS = {"rpm": "rpm", "tpm": "tpm", "max_parallel_requests": "max_concurrency"}
# What the providers of evalgate.yaml say under a name of their own.
_SAME_WORD = frozenset({"api_version"})


@dataclass(frozen=True, slots=True)
class Serving:
    """What is the same for every deployment that is read: the providers, and which of them are preferred."""

    draft: Draft
    providers: Mapping[str, ProviderFile] | None
    preferred: Mapping[str, str]


def put_deployment(serving: Serving, alias: str, level: Sequence[Deployed]) -> None:
    """Write the deployment ``alias`` that stands for ``level``, one or several entries of ``model_list``."""
    picked = [each for each in level if as_number(each.params.get("weight")) != 0] or list(level)
    read = [_read(serving, alias, each) for each in picked]
    if not _alike(serving.draft, alias, picked, read):
        return
    if len(picked) > 1:
        message = (
            f"{len(picked)} deployments of {alias!r} share the load; one stands for all, as they ask the same"
        )
        serving.draft.tell((*picked[1].key, "model_name"), message)
    for key, (value, source) in read[0].items():
        serving.draft.put(("deployments", alias, *key), value, source)
    _put_limits(serving.draft, alias, picked)


_Read = dict[KeyPath, tuple[object, KeyPath]]


def _read(serving: Serving, alias: str, deployed: Deployed) -> _Read:
    read: _Read = {}
    read.update(_who(serving, alias, deployed))
    read.update(_params(serving.draft, alias, deployed))
    read.update(_price(serving.draft, alias, deployed))
    return read


def _alike(draft: Draft, alias: str, picked: Sequence[Deployed], read: Sequence[_Read]) -> bool:
    """Tell whether it does not matter which of several deployments is taken; else it is refused."""
    values = [{key: value for key, (value, _) in each.items()} for each in read]
    differing = sorted(
        {
            key[:1]
            for each in values[1:]
            for key in each.keys() | values[0]
            if each.get(key) != values[0].get(key)
        }
    )
    settled: list[KeyPath] = [("deployments", alias, *key) for key in differing]
    if not differing or draft.states(*settled):
        return True
    names = said([str(key[0]) for key in differing], "and")
    message = (
        f"LiteLLM takes one of {len(picked)} deployments of {alias!r} by chance, and they differ in {names}; "
        "a gate cannot judge chance"
    )
    keys = said([show_key(key) or "" for key in settled], "and")
    cure = f"give them an `order` or a model_name each; or write {keys} in the policy, for the one to judge"
    draft.refuse((*picked[1].key, "model_name"), message, cure, settled)
    return draft.knows((*picked[1].key, "model_name"))


def _who(
    serving: Serving, alias: str, deployed: Deployed
) -> Iterator[tuple[KeyPath, tuple[object, KeyPath]]]:
    """Yield provider and model; the provider is the one of evalgate.yaml that asks the same."""
    draft, key = serving.draft, (*deployed.key, "litellm_params", "model")
    who = reached(deployed.params)
    own: KeyPath = ("deployments", alias, "provider")
    providers = serving.providers
    if providers is None:
        return
    fit = fitting(who, providers) if who.vendor is not None else []
    if serving.preferred.get(alias) in fit:
        fit = [serving.preferred[alias]]
    shown = show_key(own)
    if who.vendor is None:
        message = f"{who.model!r} does not say whose model it is"
        draft.refuse(
            key, message, f"write the vendor, as in openai/{who.model}; or {shown} in the policy", [own]
        )
    elif not fit:
        message = f"no provider of evalgate.yaml asks {_described(who.vendor, who.address, who.hidden)}"
        draft.refuse(
            key, message, f"declare it there: {declaration(who)}; or write {shown} in the policy", [own]
        )
    elif len(fit) > 1:
        message = f"several providers of evalgate.yaml ask the same: {said(fit, 'and')}"
        draft.refuse(key, message, f"write {shown} in the policy", [own])
    chosen = _stated_provider(draft, alias) or (fit[0] if len(fit) == 1 else None)
    if len(fit) == 1:
        yield ("provider",), (fit[0], key)
    if chosen in providers:
        yield ("model",), (model_at(who, providers[str(chosen)]), key)
        _compare_where(draft, deployed, str(chosen), providers[str(chosen)])
    if who.hidden is not None and fit:
        address = "api_base" if "api_base" in deployed.params else "base_url"
        message = (
            f"the address stands in the environment ({who.hidden}); evalgate asks that of provider {chosen!r}"
        )
        draft.tell((*deployed.key, "litellm_params", address), message)


def _stated_provider(draft: Draft, alias: str) -> str | None:
    provider = draft.stated_at(("deployments", alias, "provider"))
    return provider if isinstance(provider, str) else None


def _described(vendor: str, address: str | None, hidden: str | None) -> str:
    if hidden is not None:
        return f"{vendor} at what {hidden} holds"
    return f"{vendor} at {address}" if address is not None else f"{vendor} at its own address"


def _compare_where(draft: Draft, deployed: Deployed, name: str, provider: ProviderFile) -> None:
    """Tell what the config says about the vendor's side (a region, a version) that the provider does not."""
    ours: Mapping[str, object] = getattr(provider, "settings", None) or getattr(provider, "query", None) or {}
    for key, value in deployed.params.items():
        if not WHERE.fullmatch(key) or value is None or str(value).startswith(ENVIRONMENT):
            continue
        theirs = ours.get(key, ours.get(key.replace("_", "-")))
        if str(theirs) != str(value):
            said_there = "does not say it" if theirs is None else f"says {theirs}"
            message = f"it is {value} here, and provider {name!r} {said_there}"
            draft.tell((*deployed.key, "litellm_params", key), message)


def _params(draft: Draft, alias: str, deployed: Deployed) -> Iterator[tuple[KeyPath, tuple[object, KeyPath]]]:
    """Yield what is sent beside the messages. What the policy's own ``params`` say goes over it."""
    ours = draft.stated.get("params")
    defaults = draft.config.router("default_litellm_params")
    found = {
        name: Setting((*deployed.key, "litellm_params", name), each) for name, each in deployed.params.items()
    }
    if defaults is not None and isinstance(defaults.value, dict):
        found |= {name: Setting((*defaults.key, name), each) for name, each in defaults.value.items()}
    # litellm's way to send params by names that its vendors' clients do not know.
    if (extra := found.pop("extra_body", None)) is not None and isinstance(extra.value, dict):
        found |= {name: Setting((*extra.key, name), each) for name, each in extra.value.items()}
    for name, setting in found.items():
        # What a request says goes over what a deployment says.
        said_by_request = isinstance(ours, dict) and name in ours
        if setting.value is None or meaning_of_param(name) is not None or said_by_request:
            continue
        own: KeyPath = ("deployments", alias, "params", name)
        if setting.from_environment is not None:
            message = f"its value stands in the environment ({setting.from_environment}), which is not read"
            draft.refuse(setting.key, message, f"write it here, or {show_key(own)} in the policy", [own])
        elif steers_litellm(name):
            draft.pass_by(setting.key, "steers litellm itself and is not sent by evalgate")
        else:
            yield ("params", name), (setting.value, setting.key)


def _price(draft: Draft, alias: str, deployed: Deployed) -> Iterator[tuple[KeyPath, tuple[object, KeyPath]]]:
    """Yield the unit prices; litellm counts a token, a policy a million of them."""
    own: KeyPath = ("deployments", alias, "price")
    for section, stated in (("model_info", deployed.info), ("litellm_params", deployed.params)):
        for name, value in stated.items():
            key: KeyPath = (*deployed.key, section, name)
            if value is None or not PRICE.fullmatch(name):
                continue
            if name in _PRICES and (number := as_number(value)) is not None and number >= 0:
                # Rounded where floats end: 1.1e-6 of a dollar a token is 1.1 a million.
                yield ("price", _PRICES[name]), (float(f"{number * 1_000_000:.12g}"), key)
            elif as_number(value) != 0:
                shape = "prices by tier of length" if _TIERED.fullmatch(name) else "this way of pricing"
                message = f"{shape} cannot be read from here"
                draft.refuse(key, message, f"write {show_key(own)} in the policy", [own])


def _put_limits(draft: Draft, alias: str, picked: Sequence[Deployed]) -> None:
    """Write what may be asked a minute and at once; several deployments may be asked the sum of theirs."""
    for name, ours in _LIMITS.items():
        own: KeyPath = ("deployments", alias, "limits", ours)
        settings = [_limit(draft, each, name) for each in picked]
        numbers = [draft.number(each, own, whole=ours == "max_concurrency") for each in settings]
        stated = [number for number in numbers if number]
        if stated and len(stated) == len(numbers) and settings[0] is not None:
            draft.put(own, sum(stated), settings[0].key)


def _limit(draft: Draft, deployed: Deployed, name: str) -> Setting | None:
    setting = deployed.setting(name)
    if setting is None and name == "max_parallel_requests":
        return draft.config.router("default_max_parallel_requests")
    return setting
