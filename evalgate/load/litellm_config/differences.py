"""Every difference between a policy and a LiteLLM config, which is read as a policy of its own.

Deployments are matched by name, else by the model that they ask. What only a policy can say (its prompt, the
time that its cache takes, prices that a config leaves to LiteLLM's own list) is no difference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from evalgate.core.config_comparison import ComparedPolicy, Difference, Said
from evalgate.core.policy_file import PolicyFile, SemanticCache
from evalgate.core.providers_file import ProviderFile
from evalgate.load.litellm_config.config import LitellmConfig
from evalgate.load.litellm_config.draft import Draft, Refusal
from evalgate.load.litellm_config.groups import Asked, Groups, name_of
from evalgate.load.litellm_config.translate import Wanted, translate
from evalgate.load.litellm_config.vendors import fitting, model_at, reached
from evalgate.load.syntax.documents import Document, place_of
from evalgate.load.syntax.yaml_text import KeyPath, show_key

_UNSTATED: KeyPath = ("model_list",)
# litellm's own habits where a config says nothing; a policy that waits otherwise differs from no line of it.
_HABITS = frozenset({"backoff_s", "max_backoff_s", "backoff_jitter", "max_retry_after_s"})
# The Router's settings of other names than a policy's.
_SETTINGS = {
    "request_timeout_s": "timeout",
    "fails_window_s": "cooldown_time",
    "cooldown_time_s": "cooldown_time",
}
_POLICY_ALONE = frozenset({"lookup_s", "embed_s"})


def compare_with_config(
    document: Document[PolicyFile],
    wanted: Wanted,
    config: LitellmConfig,
    providers: Mapping[str, ProviderFile],
) -> ComparedPolicy:
    """Return where the policy in ``document``, which asks ``wanted``, and ``config`` say different things."""
    groups = Groups(config)
    names = _matched(document.value, groups, providers)
    entries = {key: names[alias] for key, alias in _entries(document.value, wanted) if alias in names}
    preferred = {
        names[alias]: each.provider for alias, each in document.value.deployments.items() if alias in names
    }
    stated = {"params": document.value.params, "prompt": _prompt(document)}
    draft = Draft(config, stated)
    # A deployment of both is compared also where the config's own fallbacks do not lead to it.
    helpers = frozenset(name for name in names.values() if groups.find(name))
    if entries:
        translate(draft, Wanted(entries, helpers=helpers, preferred=preferred), providers)
    comparing = _Comparing(document, draft, names, frozenset(entries.values()))
    beside = [each.problem for each in draft.refusals if not each.settled_by]
    reached_here = {*names.values(), *_mapping(draft.value.get("deployments"))}
    return ComparedPolicy(
        document.shown,
        tuple(comparing.all()),
        (*beside, *draft.problems, *draft.notes),
        matched={alias: name for alias, name in names.items() if alias != name},
        others=tuple(name for name in groups.names() if name not in reached_here),
    )


def _entries(policy: PolicyFile, wanted: Wanted) -> list[tuple[KeyPath, str]]:
    if wanted.named:
        return list(wanted.named.items())
    helpers = policy.cache.helpers.values() if isinstance(policy.cache, SemanticCache) else ()
    return [(("deployments", alias), alias) for alias in policy.deployments if alias not in helpers]


def _prompt(document: Document[PolicyFile]) -> object:
    tree = document.tree.value
    return tree.get("prompt") if isinstance(tree, dict) else None


def _matched(policy: PolicyFile, groups: Groups, providers: Mapping[str, ProviderFile]) -> dict[str, str]:
    """Return the name of each deployment in the config: its own, or of the one group that asks the same."""
    ordered = {
        name_of(Asked(group, order), groups): group
        for group in groups.known()
        for order in groups.orders(group)
    }
    names: dict[str, str] = {}
    for alias, each in policy.deployments.items():
        if groups.find(alias) or alias in ordered:
            names[alias] = alias
            continue
        same = [
            group
            for group in groups.names()
            if any(
                each.provider in fitting(who, providers)
                and model_at(who, providers[each.provider]) == each.model
                for who in (reached(one.params) for one in groups.find(group))
            )
        ]
        if len(same) == 1:
            names[alias] = same[0]
    return names


@dataclass(frozen=True, slots=True)
class _Comparing:
    """A policy beside what the config was read as. ``names`` leads from its deployments to the config's."""

    document: Document[PolicyFile]
    draft: Draft
    names: Mapping[str, str]
    entries: frozenset[str]

    def all(self) -> Iterator[Difference]:
        refused = [self._refused(each) for each in self.draft.refusals if each.settled_by]
        keys = {show_key(key) for each in self.draft.refusals for key in each.settled_by}
        yield from refused
        rest = chain(self._deployments(), self._reliability(), self._cache())
        yield from (each for each in rest if each.key not in keys)

    def _deployments(self) -> Iterator[Difference]:
        read = _mapping(self.draft.value.get("deployments"))
        theirs = {name: alias for alias, name in reversed(list(self.names.items()))}
        for alias, each in self.document.value.deployments.items():
            key: KeyPath = ("deployments", alias)
            name = self.names.get(alias, alias)
            if name in read:
                yield from self._deployment(alias, name, _mapping(read[name]))
            elif alias not in self.names:
                yield self._difference(key, each.model, None, why="only the policy has it")
        for name, found in read.items():
            if name not in theirs:
                source = self.draft.sources.get(("deployments", name, "model"))
                model = str(_mapping(found).get("model"))
                yield self._difference(("deployments", name), None, model, source, "only the config has it")

    def _deployment(self, alias: str, name: str, read: Mapping[str, object]) -> Iterator[Difference]:
        ours = self.document.value.deployments[alias].model_dump(mode="json")
        shared = self.document.value.params
        for part in ("provider", "model"):
            if part in read and read[part] != ours[part]:
                yield self._of_deployment(alias, name, (part,), ours[part], read[part])
        sent = {**shared, **_mapping(ours["params"])}
        for param, value in _mapping(read.get("params")).items():
            if sent.get(param) != value:
                yield self._of_deployment(alias, name, ("params", param), sent.get(param), value)
        price = _mapping(ours["price"])
        for part, value in _mapping(read.get("price")).items():
            if price.get(part) != value:
                yield self._of_deployment(alias, name, ("price", part), price.get(part), value)
        yield from self._own_rules(alias, name, ours, read)
        limits, stated = _mapping(ours["limits"]), _mapping(read.get("limits"))
        for part in ("rpm", "tpm", "max_concurrency"):
            if limits.get(part) != stated.get(part):
                yield self._of_deployment(alias, name, ("limits", part), limits.get(part), stated.get(part))

    def _own_rules(
        self, alias: str, name: str, ours: Mapping[str, object], read: Mapping[str, object]
    ) -> Iterator[Difference]:
        """Yield retries and timeouts that differ at one deployment, where either side has its own."""
        mine = self.document.value.reliability.model_dump(mode="json")
        theirs = _mapping(self.draft.value.get("reliability"))
        for part in ("num_retries", "request_timeout_s"):
            if ours[part] is None and part not in read:
                continue
            values = (
                mine[part] if ours[part] is None else ours[part],
                read.get(part, theirs.get(part)),
            )
            if values[0] != values[1]:
                yield self._of_deployment(alias, name, (part,), *values)

    def _reliability(self) -> Iterator[Difference]:
        if not self.entries:
            return
        ours = self.document.value.reliability.model_dump(mode="json")
        read = _mapping(self.draft.value.get("reliability"))
        for part in ("num_retries", "request_timeout_s", *sorted(_HABITS)):
            source = self.draft.sources.get(("reliability", part), _UNSTATED)
            said = part in read and (part not in _HABITS or source != _UNSTATED)
            unsaid = part == "request_timeout_s" and part not in read
            if (said or unsaid) and read.get(part) != ours[part]:
                yield self._difference(("reliability", part), ours[part], read.get(part), source)
        yield from self._cooldown(ours, read)
        yield from self._fallbacks(_mapping(ours["fallbacks"]), _mapping(read.get("fallbacks")))

    def _cooldown(self, ours: Mapping[str, object], read: Mapping[str, object]) -> Iterator[Difference]:
        """Yield how cooldowns differ; a rule of the config that no policy can say stands beside them."""
        if not {"allowed_fails", "allowed_fails_policy"}.isdisjoint(self.draft.passed_by):
            return
        both = None not in (ours["allowed_fails"], read.get("allowed_fails"))
        for part in ("allowed_fails", *(("fails_window_s", "cooldown_time_s") if both else ())):
            if ours[part] != read.get(part):
                source = self.draft.sources.get(("reliability", part))
                yield self._difference(("reliability", part), ours[part], read.get(part), source)

    def _fallbacks(self, ours: Mapping[str, object], read: Mapping[str, object]) -> Iterator[Difference]:
        theirs = {name: alias for alias, name in reversed(list(self.names.items()))}
        for entry in sorted(self.entries):
            alias = theirs[entry]
            listed, stated = ours.get(alias), read.get(entry)
            renamed = (
                [theirs.get(str(each), str(each)) for each in stated] if isinstance(stated, list) else None
            )
            if (listed or None) != (renamed or None):
                source = self.draft.sources.get(("reliability", "fallbacks", entry))
                yield self._difference(("reliability", "fallbacks", alias), listed or None, renamed, source)

    def _cache(self) -> Iterator[Difference]:
        cache, read = self.document.value.cache, _mapping(self.draft.value.get("cache"))
        if not self.entries or (cache is None and not read):
            return
        ours = {} if cache is None else cache.model_dump(mode="json")
        if cache is None or not read:
            source = self.draft.sources.get(("cache", "mode"))
            yield self._difference(("cache",), ours.get("mode"), read.get("mode"), source)
            return
        # What a config leaves out is what a policy that leaves it out has; but for these it says so.
        defaults = type(cache).model_fields
        unsaid = {part: defaults[part].default for part in ours if part not in {"ttl_s", "max_entries"}}
        for part in dict.fromkeys((*ours, *read)):
            mine, theirs = ours.get(part), read.get(part, unsaid.get(part))
            if part == "embedder":
                mine = self.names.get(str(mine), mine)
            if part not in _POLICY_ALONE and mine != theirs:
                yield self._difference(("cache", part), mine, theirs, self.draft.sources.get(("cache", part)))

    def _of_deployment(
        self, alias: str, name: str, part: KeyPath, ours: object, theirs: object
    ) -> Difference:
        sources = self.draft.sources
        source = sources.get(("deployments", name, *part), sources.get(("deployments", name, "model")))
        return self._difference(("deployments", alias, *part), ours, theirs, source)

    def _refused(self, refusal: Refusal) -> Difference:
        """Return what the config says in no words of a policy, beside what the policy says of it."""
        problem, key = refusal.problem, refusal.settled_by[0]
        config = Said(problem.key, problem.file or "", problem.line, problem.column)
        return Difference(show_key(key) or "", self._said(key, self._ours(key)), config, problem.message)

    def _ours(self, key: KeyPath) -> object:
        node: object = self.document.value.model_dump(mode="json")
        for part in key:
            node = node.get(part) if isinstance(node, dict) else None
        return node

    def _difference(
        self, key: KeyPath, ours: object, theirs: object, source: KeyPath | None = None, why: str = ""
    ) -> Difference:
        place = self.draft.config.place(self._home(key) if source in (None, _UNSTATED) else source)
        line, column = (place.line, place.column) if place is not None else (None, None)
        file = self.draft.config.file_of(source or ())
        config = Said(_text(theirs), file, line, column)
        return Difference(show_key(key) or "", self._said(key, ours), config, why)

    def _home(self, key: KeyPath) -> KeyPath:
        """Return where the config would say what a key of the policy says."""
        proxy = self.draft.config.proxy
        if key[0] == "reliability":
            setting = _SETTINGS.get(str(key[1]), str(key[1]))
            return ("router_settings", setting) if proxy else (setting,)
        if key[0] == "cache":
            return ("litellm_settings", "cache") if proxy else ("cache_responses",)
        return _UNSTATED

    def _said(self, key: KeyPath, value: object) -> Said:
        place = place_of(self.document.tree, key, at_key=True)
        said = Said(_text(value), self.document.shown, None, None)
        return said if place is None else replace(said, line=place.line, column=place.column)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case float() | int():
            return f"{value:.12g}"
        case list():
            return f"[{', '.join(_text(each) or 'null' for each in value)}]"
        case _:
            return str(value)
