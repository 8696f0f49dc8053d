"""What can be wrong inside one policy file though every value is of the right kind."""

import re
from collections.abc import Iterator, Mapping, Sequence

from evalgate.core.errors import Problem
from evalgate.core.policy_file import PolicyFile, RegexRule, SemanticCache
from evalgate.core.response_file import ExtractRegex
from evalgate.core.router_file import routed_to
from evalgate.load.case_files.targets import RE2_CURE
from evalgate.load.policy_files.batches import check_batches, check_microbatches
from evalgate.load.policy_files.cascades import cascade_names, check_cascade
from evalgate.load.policy_files.routers import check_threshold
from evalgate.load.syntax.documents import Document
from evalgate.load.syntax.patterns import group_count, pattern_error
from evalgate.load.syntax.suggest import did_you_mean, said
from evalgate.load.syntax.yaml_text import KeyPath

_GROUP = re.compile(r"\\([0-9])")


def check_policy(document: Document[PolicyFile]) -> Iterator[Problem]:
    """Yield the problems of one policy that can be seen without reading anything else."""
    yield from _one_way_in(document)
    yield from _names(document)
    yield from _fallback_lists(document)
    yield from _hedge(document)
    yield from check_threshold(document)
    yield from check_cascade(document)
    yield from check_batches(document)
    yield from check_microbatches(document)
    yield from _patterns(document)
    yield from _prompt_caches(document)


def _prompt_caches(document: Document[PolicyFile]) -> Iterator[Problem]:
    for alias, each in document.value.deployments.items():
        kept, key = each.prompt_cache, ("deployments", alias, "prompt_cache")
        if kept is None:
            continue
        least = max(kept.block_tokens, kept.min_tokens)
        if kept.capacity_tokens is not None and kept.capacity_tokens < least:
            message = f"a cache of {kept.capacity_tokens} tokens never holds a prompt of {least}"
            yield document.problem(
                (*key, "capacity_tokens"),
                message,
                "raise capacity_tokens, or lower min_tokens and block_tokens",
            )
        if each.price is not None and each.price.reported:
            message = "a call costs what it reports, so there is nothing to predict"
            yield document.problem(key, message, "remove prompt_cache, or price.reported", at_key=True)


def _one_way_in(document: Document[PolicyFile]) -> Iterator[Problem]:
    policy = document.value
    chosen_by = [key for key in ("router", "cascade", "use") if getattr(policy, key) is not None]
    if len(chosen_by) > 1:
        which = "both" if len(chosen_by) == 2 else "all of"
        message = f"the policy has {which} {said(chosen_by, 'and')}, and only one can choose the deployment"
        yield document.problem((chosen_by[-1],), message, "keep one of them", at_key=True)
    helpers = policy.cache.helpers.values() if isinstance(policy.cache, SemanticCache) else ()
    answering = [alias for alias in policy.deployments if alias not in helpers]
    if not answering:
        message = "only the cache asks these deployments, so no question is answered"
        yield document.problem(("deployments",), message, "add one that answers", at_key=True)
    if not chosen_by and len(answering) > 1:
        names = said(answering)
        message = f"nothing says which of {len(answering)} deployments is asked"
        yield document.problem(
            ("deployments",), message, f"add use: with one of {names}; or a router or a cascade", at_key=True
        )


def _names(document: Document[PolicyFile]) -> Iterator[Problem]:
    policy = document.value
    named: list[tuple[KeyPath, str, bool]] = []
    if policy.use is not None:
        named.append((("use",), policy.use, False))
    if policy.router is not None:
        named += [(("router", key), alias, False) for key, alias in routed_to(policy.router).items()]
    if policy.cascade is not None:
        named += cascade_names(policy.cascade)
    for first, rest in policy.reliability.fallbacks.items():
        key: KeyPath = ("reliability", "fallbacks", first)
        named.append((key, first, True))
        named.extend(((*key, index), name, False) for index, name in enumerate(rest))
    helpers = policy.cache.helpers if isinstance(policy.cache, SemanticCache) else {}
    named += [(("cache", key), alias, False) for key, alias in helpers.items()]
    for key, name, at_key in named:
        if name not in policy.deployments:
            cure = did_you_mean(name, policy.deployments, "the deployments are")
            yield document.problem(key, f"there is no deployment {name!r}", cure, at_key=at_key)
        elif name in helpers.values() and key[0] != "cache":
            message = f"{name!r} is asked by the cache and cannot answer users too"
            yield document.problem(key, message, "declare it once more under another name", at_key=at_key)


def _fallback_lists(document: Document[PolicyFile]) -> Iterator[Problem]:
    fallbacks = document.value.reliability.fallbacks
    for first, rest in fallbacks.items():
        key: KeyPath = ("reliability", "fallbacks", first)
        if not rest:
            yield document.problem(
                key, f"{first!r} falls back to nothing", "name a deployment, or remove the line"
            )
        for index, name in enumerate(rest):
            if name == first:
                message = f"{first!r} falls back to itself"
                yield document.problem(
                    (*key, index), message, "to try the same deployment again, raise reliability.num_retries"
                )
            elif name in rest[:index]:
                yield document.problem((*key, index), f"{name!r} is listed twice", "remove one of the two")
    if circle := _circle(_written_here(document)):
        shown = " → ".join(circle)
        yield document.problem(
            ("reliability", "fallbacks", circle[0]),
            f"fallbacks go round in a circle: {shown}",
            f"remove {circle[1]!r} from the fallbacks of {circle[0]!r}, or end the circle elsewhere",
            at_key=True,
        )


def _written_here(document: Document[PolicyFile]) -> Mapping[str, Sequence[str]]:
    """Return the lists of the policy's own file; those of a config may go round, as nobody follows them."""
    node: object = document.tree.value
    for part in ("reliability", "fallbacks"):
        node = node.get(part) if isinstance(node, dict) else None
    stated = node if isinstance(node, dict) else {}
    return {name: each for name, each in document.value.reliability.fallbacks.items() if name in stated}


def _hedge(document: Document[PolicyFile]) -> Iterator[Problem]:
    rules = document.value.reliability
    if rules.hedge_on == "next" and not rules.fallbacks:
        message = "a hedge on the next deployment needs fallbacks, and there are none"
        cure = "add fallbacks: {strong: [weak]}, or write hedge_on: same"
        yield document.problem(("reliability", "hedge_on"), message, cure)


def _circle(fallbacks: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the first circle of at least two deployments, its start repeated at its end; or nothing."""
    done: set[str] = set()
    for start in fallbacks:
        path: list[str] = [start]
        ways = [iter(fallbacks[start])]
        while path:
            step = next(ways[-1], None)
            if step is None:
                done.add(path.pop())
                ways.pop()
            elif step in path and step != path[-1]:
                return [*path[path.index(step) :], step]
            elif step not in done and step != path[-1]:
                path.append(step)
                ways.append(iter(fallbacks.get(step, ())))
    return []


def _patterns(document: Document[PolicyFile]) -> Iterator[Problem]:
    policy = document.value
    rules = policy.cache.normalize if policy.cache is not None else []
    for index, rule in enumerate(rules):
        if isinstance(rule, RegexRule):
            yield from _pattern(document, ("cache", "normalize", index, "regex"), rule.regex)
            yield from _replacement(document, ("cache", "normalize", index, "replace"), rule)
    for index, step in enumerate(policy.response.normalize):
        if isinstance(step, ExtractRegex):
            yield from _pattern(
                document, ("response", "normalize", index, "extract_regex"), step.extract_regex
            )


def _pattern(document: Document[PolicyFile], key: KeyPath, pattern: str) -> Iterator[Problem]:
    if error := pattern_error(pattern):
        yield document.problem(key, f"{pattern!r} is not an RE2 pattern: {error}", RE2_CURE)


def _replacement(document: Document[PolicyFile], key: KeyPath, rule: RegexRule) -> Iterator[Problem]:
    if pattern_error(rule.regex):
        return
    groups = group_count(rule.regex)
    for number in _GROUP.findall(rule.replace.replace("\\\\", "")):
        if int(number) > groups:
            message = f"\\{number} names a group that {rule.regex!r} does not have"
            yield document.problem(key, message, r"write \1 to \9 for a group, \0 for the whole match")
