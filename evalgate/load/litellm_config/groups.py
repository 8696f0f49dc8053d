"""Model groups: which deployments a name stands for, and who is asked after whom when they fail.

As litellm's ``Router`` does it: among deployments with an ``order`` the lowest is asked first and the next
ones on failure, then the group's fallbacks, each with its own fallbacks before the next, no group twice,
and no list is followed deeper than ``max_fallbacks``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from evalgate.load.litellm_config.config import LitellmConfig, Setting
from evalgate.load.litellm_config.draft import Draft, as_number
from evalgate.load.syntax.yaml_text import KeyPath

# litellm's own, where neither the Router nor the module is told another number.
MAX_FALLBACKS = 5
EVERY_GROUP = "*"


@dataclass(frozen=True, slots=True)
class Deployed:
    """One entry of ``model_list``."""

    key: KeyPath
    params: Mapping[str, object]
    info: Mapping[str, object]
    order: float | None

    @property
    def model(self) -> str:
        """Litellm's name of the model, vendor first."""
        return str(self.params["model"])

    def setting(self, name: str) -> Setting | None:
        """Return one of its ``litellm_params``."""
        value = self.params.get(name)
        return None if value is None else Setting((*self.key, "litellm_params", name), value)


class Asked(NamedTuple):
    """A group, and of one with several orders which of them; None for a group without."""

    group: str
    order: float | None = None


class Groups:
    """The groups of a config by the names that requests use: groups, aliases, and patterns."""

    def __init__(self, config: LitellmConfig) -> None:
        """Look at the entries of ``model_list``."""
        self._config = config
        self._named: dict[str, list[Deployed]] = {}
        listed = config.at("model_list")
        for index in range(len(listed) if isinstance(listed, list) else 0):
            key: KeyPath = ("model_list", index)
            params, info = config.mapping(*key, "litellm_params"), config.mapping(*key, "model_info")
            params = {**_credentials(config, params.get("litellm_credential_name")), **params}
            if True in (config.at(*key, "blocked"), info.get("blocked")):
                continue
            order = as_number(params.get("order", info.get("order")))
            name = str(config.at(*key, "model_name"))
            self._named.setdefault(name, []).append(Deployed(key, params, info, order))
        alias = config.router("model_group_alias")
        self._aliases = alias.value if alias is not None and isinstance(alias.value, dict) else {}

    def names(self) -> tuple[str, ...]:
        """Return the groups that are written out, in order."""
        return tuple(name for name in self._named if EVERY_GROUP not in name)

    def known(self) -> tuple[str, ...]:
        """Return every name that a request may use, but for patterns."""
        return (*self.names(), *self._aliases)

    def entries(self) -> Iterator[Deployed]:
        """Yield every deployment of the config."""
        for each in self._named.values():
            yield from each

    def find(self, name: str) -> Sequence[Deployed]:
        """Return the deployments that answer to ``name``; none where LiteLLM would know of no such model."""
        if name in self._named:
            return self._named[name]
        alias = self._aliases.get(name)
        target = alias.get("model") if isinstance(alias, dict) else alias
        if isinstance(target, str) and target in self._named:
            return self._named[target]
        return self._by_pattern(name)

    def orders(self, name: str) -> list[float]:
        """Return the orders that the deployments of a group have, first asked first."""
        return sorted({each.order for each in self.find(name) if each.order is not None})

    def level(self, asked: Asked) -> list[Deployed]:
        """Return the deployments among which one is taken when a group is asked in one of its orders."""
        found = self.find(asked.group)
        return [each for each in found if each.order == asked.order]

    def first(self, name: str) -> Asked:
        """Return what is asked first of a group."""
        orders = self.orders(name)
        return Asked(name, orders[0] if orders else None)

    def _by_pattern(self, name: str) -> list[Deployed]:
        fitting = [
            (pattern, name[len(head) : len(name) - len(tail)])
            for pattern in self._named
            for head, star, tail in [pattern.partition(EVERY_GROUP)]
            if star and len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail)
        ]
        if not fitting:
            return []
        pattern, caught = max(fitting, key=lambda each: len(each[0]))
        return [
            replace(each, params={**each.params, "model": each.model.replace(EVERY_GROUP, caught, 1)})
            for each in self._named[pattern]
        ]


def _credentials(config: LitellmConfig, name: object) -> Mapping[str, object]:
    """Return what a named entry of ``credential_list`` adds: an address, the name of a key."""
    listed = config.at("credential_list")
    for index, each in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(each, dict) and name is not None and each.get("credential_name") == name:
            return config.mapping("credential_list", index, "credential_values")
    return {}


def name_of(asked: Asked, groups: Groups) -> str:
    """Return the name of a deployment in the policy: the group's, with its order beyond the first."""
    first = groups.first(asked.group)
    return asked.group if asked == first else f"{asked.group}-order-{asked.order:g}"


class FallbackLists:
    """The fallbacks of a config, for one kind of failure."""

    def __init__(self, draft: Draft, *settings: Setting | None, default: Setting | None = None) -> None:
        """Take the first of ``settings`` that says something, and the list for every other group."""
        self.lists: dict[str, tuple[KeyPath, list[str]]] = {}
        found = next((each for each in settings if each is not None and each.value), None)
        self.stated = found is not None
        if found is not None:
            self._read(draft, found)
        if default is not None and isinstance(default.value, list):
            self.lists[EVERY_GROUP] = (default.key, _targets(draft, default.key, default.value))

    def of(self, name: str, entry: str) -> list[str]:
        """Return the groups that are asked after ``name``, in order, in a request to ``entry``."""
        return self._found(name, entry)[1]

    def source(self, name: str) -> KeyPath:
        """Return where the list of a group stands."""
        return self._found(name, name)[0]

    def _found(self, name: str, entry: str) -> tuple[KeyPath, list[str]]:
        """Find a group's own list, else that of the group the request was for, else that of every group."""
        names = (name, name.partition("/")[2], entry, entry.partition("/")[2], EVERY_GROUP)
        return next((self.lists[each] for each in names if each in self.lists), ((), []))

    def _read(self, draft: Draft, found: Setting) -> None:
        if not isinstance(found.value, list):
            draft.refuse(found.key, "this is no list of fallbacks", "write - {group: [fallback]}")
            return
        for index, each in enumerate(found.value):
            key: KeyPath = (*found.key, index)
            if not isinstance(each, dict) or len(each) != 1:
                draft.refuse(key, "each entry names one group", "write - {group: [fallback]}")
                continue
            for name, targets in each.items():
                listed = targets if isinstance(targets, list) else [targets]
                self.lists.setdefault(name, ((*key, name), _targets(draft, (*key, name), listed)))


def _targets(draft: Draft, key: KeyPath, written: Sequence[object]) -> list[str]:
    targets = []
    for index, each in enumerate(written):
        name = each.get("model") if isinstance(each, dict) and each.keys() == {"model"} else each
        if isinstance(name, str):
            targets.append(name)
        else:
            cure = "name a group, and give it what differs in model_list"
            draft.refuse((*key, index), "a fallback with settings of its own is not read", cure)
    return targets


def chain(entry: str, groups: Groups, lists: FallbackLists, most: int = MAX_FALLBACKS) -> list[Asked]:
    """Return everything that may be asked for a request to ``entry``, in order, itself first."""
    first = groups.first(entry)
    asked, attempted = [first], {Asked(entry), first}

    def follow(failed: Asked, depth: int) -> None:
        if depth >= most:
            return
        attempted.add(Asked(failed.group))
        for target in _after(failed, entry, groups, lists):
            if target in attempted or target == Asked(failed.group):
                continue
            attempted.add(target)
            depth += 1
            if groups.find(target.group):
                hop = groups.first(target.group) if target.order is None else target
                asked.append(hop)
                follow(hop, depth)

    follow(first, 0)
    return list(dict.fromkeys(asked))


def _after(failed: Asked, entry: str, groups: Groups, lists: FallbackLists) -> Iterator[Asked]:
    if failed.order is not None:
        yield from (Asked(failed.group, each) for each in groups.orders(failed.group) if each > failed.order)
    yield from (Asked(name) for name in lists.of(failed.group, entry))
