"""Retries, timeouts, waits and fallbacks as litellm's Router applies them, in the words of a policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalgate.load.litellm_config.config import LitellmConfig, Setting
from evalgate.load.litellm_config.draft import Draft, as_number
from evalgate.load.litellm_config.groups import (
    MAX_FALLBACKS,
    Asked,
    FallbackLists,
    Groups,
    chain,
    name_of,
)
from evalgate.load.syntax.suggest import said
from evalgate.load.syntax.yaml_text import KeyPath, show_key

# What litellm does where nobody says anything (openai's DEFAULT_MAX_RETRIES).
NUM_RETRIES = 2
MOST_RETRIES = 5
# litellm waits 0.5, 1, 2, … seconds, at most 8, and up to 0.75 more by chance; longer if asked by Retry-After
# for up to a minute.
FIRST_WAIT_S, LONGEST_WAIT_S, LONGEST_ASKED_S = 0.5, 8.0, 60.0
# The kinds of failure that a policy tries again, by the names of litellm's retry policies.
_RETRIED = (
    "TimeoutErrorRetries",
    "RateLimitErrorRetries",
    "InternalServerErrorRetries",
    "ServiceUnavailableErrorRetries",
)
_FINAL = (
    "BadRequestErrorRetries",
    "AuthenticationErrorRetries",
    "ContentPolicyViolationErrorRetries",
    "NotFoundErrorRetries",
)


@dataclass(frozen=True, slots=True)
class Reliable:
    """The groups that a policy may ask, and the lists by which it goes from one to the next."""

    draft: Draft
    groups: Groups
    lists: FallbackLists

    @property
    def config(self) -> LitellmConfig:
        """The config that is read."""
        return self.draft.config


def fallback_lists(draft: Draft) -> FallbackLists:
    """Return the fallbacks that answer every failure: the Router's, else the module's; and the default."""
    config = draft.config
    default = config.router("default_fallbacks") or config.module("default_fallbacks")
    return FallbackLists(draft, config.router("fallbacks"), config.module("fallbacks"), default=default)


def chain_of(reliable: Reliable, entry: str) -> list[Asked]:
    """Return what is asked in turn for a request to ``entry``."""
    return chain(entry, reliable.groups, reliable.lists, _most_fallbacks(reliable))


def put_reliability(
    reliable: Reliable, entries: Sequence[str], asked: Sequence[Asked], *, streamed: bool
) -> int:
    """Write the policy's retries, timeouts, waits and fallbacks; returns the most retries that one has.

    Requests are for ``entries``, and may ask all of ``asked``.
    """
    _put_fallbacks(reliable, entries)
    retries = _put_number(reliable, "num_retries", {each: _retries(reliable, each) for each in asked})
    timeouts = {each: _timeout(reliable, each, streamed=streamed) for each in asked}
    _put_number(reliable, "request_timeout_s", timeouts)
    _put_waits(reliable, asked, int(retries))
    return int(retries)


_Found = Mapping[Asked, tuple[float | None, KeyPath] | None]


def _put_number(reliable: Reliable, name: str, found: _Found) -> float:
    """Write a number for all deployments, and of its own for each that differs; returns the largest.

    What the policy says itself under ``reliability`` is said for all.
    """
    draft, shared = reliable.draft, ("reliability", name)
    known = {asked: each for asked, each in found.items() if each is not None}
    if draft.states(shared):
        return as_number(draft.stated_at(shared)) or 0
    if not known:
        return 0
    # A deployment cannot say that it has none where all others have one.
    values = [value for value, _ in known.values()]
    common = None if None in values else values[0]
    for asked, (value, source) in known.items():
        own: KeyPath = ("deployments", name_of(asked, reliable.groups), name)
        key = shared if value == common else own
        if name == "num_retries" and value is not None and value > MOST_RETRIES:
            _refuse_retries(reliable, value, source, key)
        elif value is not None and (key == own or shared not in draft.sources):
            draft.put(key, int(value) if name == "num_retries" else value, source)
    return max((value for value in values if value is not None), default=0)


def _refuse_retries(reliable: Reliable, value: float, source: KeyPath, key: KeyPath) -> None:
    message = f"a failed call is tried {value:g} times again, and evalgate tries {MOST_RETRIES} times at most"
    cure = f"write {show_key(key)}: {MOST_RETRIES} in the policy, or fewer here"
    reliable.draft.refuse(source, message, cure, [key])


def _retries(reliable: Reliable, asked: Asked) -> tuple[float | None, KeyPath] | None:
    """Return how often a deployment is tried again: its own number, else the Router's, the module's, or 2."""
    config, own = reliable.config, _own(reliable, asked, "num_retries")
    found = own or config.router("num_retries") or config.module("num_retries")
    if found is None:
        return _by_policy(reliable, asked, NUM_RETRIES, ("model_list",))
    number = reliable.draft.number(found, _settling(reliable, asked, found, "num_retries"), whole=True)
    return None if number is None else _by_policy(reliable, asked, number, found.key)


def _settling(reliable: Reliable, asked: Asked, found: Setting, name: str) -> KeyPath:
    """Return the key of the policy that goes over a setting: a deployment's own, or that of all."""
    if found.key[0] != "model_list" or reliable.draft.states(("reliability", name)):
        return ("reliability", name)
    return ("deployments", name_of(asked, reliable.groups), name)


def _own(reliable: Reliable, asked: Asked, name: str, ours: str | None = None) -> Setting | None:
    """Return a setting of the deployments that one of a policy stands for; they have to agree on it."""
    level = reliable.groups.level(asked)
    settings = [each.setting(name) for each in level]
    stated = next((each for each in settings if each is not None), None)
    if stated is not None and len({each.value if each is not None else None for each in settings}) > 1:
        alias = name_of(asked, reliable.groups)
        settling = _settling(reliable, asked, stated, ours or name)
        message = f"the deployments of {alias!r} have different ones, and one of them is taken by chance"
        cure = f"give them one, or write {show_key(settling)} in the policy"
        reliable.draft.refuse(stated.key, message, cure, [settling])
    return stated


def _by_policy(
    reliable: Reliable, asked: Asked, number: float, source: KeyPath
) -> tuple[float, KeyPath] | None:
    """Apply a retry policy, which counts each kind of failure apart; a policy of ours counts them as one."""
    config = reliable.config
    per_group = config.router("model_group_retry_policy")
    policies = per_group.value if per_group is not None and isinstance(per_group.value, dict) else {}
    setting = config.router("retry_policy")
    if per_group is not None and isinstance(policies.get(asked.group), dict):
        setting = Setting((*per_group.key, asked.group), policies[asked.group])
    if setting is None or not isinstance(setting.value, dict):
        return number, source
    stated = {name: as_number(value) for name, value in setting.value.items() if value is not None}
    others = stated.get("DefaultRetries", number)
    counts = {stated.get(name, others) for name in _RETRIED} | {others}
    again = [name for name in _FINAL if (stated.get(name) or 0) > 0]
    if len(counts) == 1 and not again and (one := counts.pop()) is not None:
        return one, setting.key
    message = "it counts retries by kind of failure"
    if again:
        message += f" and tries again what evalgate takes for final ({said(again)})"
    cure = (
        "write reliability.num_retries in the policy: one number for timeouts, rate limits and server errors"
    )
    reliable.draft.refuse(setting.key, message, cure, [("reliability", "num_retries")])
    return None


def _timeout(reliable: Reliable, asked: Asked, *, streamed: bool) -> tuple[float | None, KeyPath] | None:
    """Return the seconds after which one try is given up, in litellm's order of precedence."""
    config, ours = reliable.config, "request_timeout_s"
    router, module = config.router("timeout"), config.module("request_timeout")
    # The module's goes over the Router's where both are stated: it is the one of a single try.
    names = ("timeout", "request_timeout")
    found: list[Setting | None] = [*(_own(reliable, asked, name, ours) for name in names), module, router]
    if streamed:
        streams = [_own(reliable, asked, "stream_timeout", ours), config.router("stream_timeout")]
        found = [*streams, module if router is not None else None, *found]
    setting = next((each for each in found if each is not None and each.value != 0), None)
    if setting is None:
        return None, ("model_list",)
    if setting is module and router is not None:
        older = "goes over router_settings.timeout, as in LiteLLM since June 2026; older ones take that"
        reliable.draft.tell(setting.key, older)
    number = reliable.draft.number(setting, _settling(reliable, asked, setting, ours))
    return None if number is None else (number, setting.key)


def _put_waits(reliable: Reliable, asked: Sequence[Asked], retries: int) -> None:
    """Write the waits before a retry; with another deployment at hand litellm does not wait."""
    draft = reliable.draft
    if retries == 0:
        return
    setting = reliable.config.router("retry_after")
    source: KeyPath = ("model_list",) if setting is None else setting.key
    number = draft.number(setting, ("reliability", "backoff_s"))
    least = min(number or 0.0, LONGEST_WAIT_S)
    last = min(FIRST_WAIT_S * 2.0 ** (retries - 1), LONGEST_WAIT_S)
    shared = all(len(reliable.groups.find(each.group)) > 1 for each in asked)
    first, longest = (
        (0.0, 0.0) if shared else (max(FIRST_WAIT_S, least), least if least >= last else LONGEST_WAIT_S)
    )
    if not shared and FIRST_WAIT_S < least < last and not draft.states(("reliability", "backoff_s")):
        draft.tell(source, f"waits from {least:g} s on double here; LiteLLM's first ones stay at {least:g} s")
    draft.put(("reliability", "backoff_s"), first, source)
    draft.put(("reliability", "max_backoff_s"), longest, source)
    draft.put(("reliability", "backoff_jitter"), "none", source)
    draft.put(("reliability", "max_retry_after_s"), LONGEST_ASKED_S, source)


def _put_fallbacks(reliable: Reliable, entries: Sequence[str]) -> None:
    """Write for each entry everything that is asked after it, the fallbacks of its fallbacks included."""
    draft, groups = reliable.draft, reliable.groups
    for entry in entries:
        asked = chain_of(reliable, entry)
        if len(asked) > 1:
            source = reliable.lists.source(entry) or groups.level(asked[1])[0].key
            names = [name_of(each, groups) for each in asked[1:]]
            draft.put(("reliability", "fallbacks", entry), names, source)
        for target in reliable.lists.of(entry, entry):
            if not groups.find(target):
                draft.tell(
                    reliable.lists.source(entry), f"{target!r} is no group of this config and is passed over"
                )
        for name in ("context_window_fallbacks", "content_policy_fallbacks"):
            _check_special(reliable, entry, name, asked)


def _check_special(reliable: Reliable, entry: str, name: str, usual: Sequence[Asked]) -> None:
    """Refuse fallbacks for one kind of failure that are not those for every other."""
    config, draft = reliable.config, reliable.draft
    router, module = config.router(name), config.module(name)
    lists = FallbackLists(draft, router, module)
    if not lists.stated:
        return
    special = chain(entry, reliable.groups, lists, _most_fallbacks(reliable))
    if special == usual:
        return
    stated = router if router is not None and router.value else module
    assert stated is not None
    own: KeyPath = ("reliability", "fallbacks", entry)
    asks = said([name_of(each, reliable.groups) for each in special[1:]]) or "nobody"
    message = (
        f"after such a failure of {entry!r} LiteLLM asks {asks}; a policy has one list for every failure"
    )
    cure = f"write {show_key(own)} in the policy, or `without: [{name}]` to judge without it"
    draft.refuse(lists.source(entry) or stated.key, message, cure, [own])


def _most_fallbacks(reliable: Reliable) -> int:
    setting = reliable.config.router("max_fallbacks") or reliable.config.module("max_fallbacks")
    number = as_number(setting.value) if setting is not None else None
    return MAX_FALLBACKS if number is None else int(number)
