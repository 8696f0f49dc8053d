"""Retries, timeouts, waits and fallbacks as litellm's Router applies them, in the words of a policy.

A policy has one number of retries and one timeout for every deployment; a config may have many.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evalgate.load.litellm_config.config import LitellmConfig, Setting
from evalgate.load.litellm_config.draft import Draft, as_number
from evalgate.load.litellm_config.groups import (
    MAX_FALLBACKS,
    Asked,
    Deployed,
    FallbackLists,
    Groups,
    chain,
    name_of,
)
from evalgate.load.suggest import said
from evalgate.load.yaml_text import KeyPath, show_key

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
) -> None:
    """Write the policy's reliability for requests to ``entries``, which may ask all of ``asked``."""
    _put_fallbacks(reliable, entries)
    retries = _one_number(reliable, "num_retries", {each: _retries(reliable, each) for each in asked})
    _one_number(reliable, "request_timeout_s", {each: _timeout(reliable, each, streamed) for each in asked})
    _put_waits(reliable, asked, 0 if retries is None else int(retries))


_Found = Mapping[Asked, tuple[float | None, KeyPath] | None]


def _one_number(reliable: Reliable, name: str, found: _Found) -> float | None:
    """Write what all deployments agree on; where they do not, the policy has to say it."""
    own: KeyPath = ("reliability", name)
    known = {asked: each for asked, each in found.items() if each is not None}
    if len({value for value, _ in known.values()}) > 1:
        _, source = list(known.values())[-1]
        numbers = said(
            [f"{_shown(value)} for {name_of(each, reliable.groups)!r}" for each, (value, _) in known.items()],
            "and",
        )
        message = f"{name} comes to {numbers}, and a policy has one for all"
        reliable.draft.refuse(source, message, f"write {show_key(own)} in the policy", [own])
        return None
    if not known:
        return None
    value, source = next(iter(known.values()))
    if name == "num_retries" and value is not None and value > MOST_RETRIES:
        message = (
            f"a failed call is tried {value:g} times again, and evalgate tries {MOST_RETRIES} times at most"
        )
        cure = f"write {show_key(own)}: {MOST_RETRIES} in the policy, or fewer here"
        reliable.draft.refuse(source, message, cure, [own])
    elif value is not None:
        reliable.draft.put(own, int(value) if name == "num_retries" else value, source)
    return value


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _retries(reliable: Reliable, asked: Asked) -> tuple[float | None, KeyPath] | None:
    """Return how often a deployment is tried again: its own number, else the Router's, the module's, or 2."""
    draft, config = reliable.draft, reliable.config
    level = reliable.groups.level(asked)
    own: KeyPath = ("reliability", "num_retries")
    found = (
        next((each.setting("num_retries") for each in level if each.setting("num_retries")), None)
        or config.router("num_retries")
        or config.module("num_retries")
    )
    if found is None:
        return _by_policy(reliable, asked.group, NUM_RETRIES, ("model_list",))
    number = draft.number(found, own, whole=True)
    return None if number is None else _by_policy(reliable, asked.group, number, found.key)


def _by_policy(
    reliable: Reliable, group: str, number: float, source: KeyPath
) -> tuple[float, KeyPath] | None:
    """Apply a retry policy, which counts each kind of failure apart; a policy of ours counts them as one."""
    config = reliable.config
    per_group = config.router("model_group_retry_policy")
    policies = per_group.value if per_group is not None and isinstance(per_group.value, dict) else {}
    setting = config.router("retry_policy")
    if per_group is not None and isinstance(policies.get(group), dict):
        setting = Setting((*per_group.key, group), policies[group])
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
        message += f", and {said(again, 'and')} tries again what evalgate takes for final"
    cure = (
        "write reliability.num_retries in the policy: one number for timeouts, rate limits and server errors"
    )
    reliable.draft.refuse(setting.key, message, cure, [("reliability", "num_retries")])
    return None


def _timeout(reliable: Reliable, asked: Asked, streamed: bool) -> tuple[float | None, KeyPath] | None:
    """Return the seconds after which one try is given up, in litellm's order of precedence."""
    config, level = reliable.config, reliable.groups.level(asked)
    router, module = config.router("timeout"), config.module("request_timeout")
    # The module's goes over the Router's own where both are stated: it is the one of a single try.
    found: list[Setting | None] = [_of(level, "timeout"), _of(level, "request_timeout"), module, router]
    if streamed:
        streams = [_of(level, "stream_timeout"), config.router("stream_timeout")]
        found = [*streams, module if router is not None else None, *found]
    setting = next((each for each in found if each is not None and each.value != 0), None)
    if setting is None:
        return None, ("model_list",)
    number = reliable.draft.number(setting, ("reliability", "request_timeout_s"))
    return None if number is None else (number, setting.key)


def _of(level: Iterable[Deployed], name: str) -> Setting | None:
    return next((each.setting(name) for each in level if each.setting(name)), None)


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
