"""A policy's file as a document, with what it reads ``from`` elsewhere already in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy_file import PolicyFile, SemanticCache
from evalgate.core.policy_source_file import PolicyOverFile
from evalgate.core.providers_file import ProviderFile
from evalgate.load.findings import Findings
from evalgate.load.syntax.documents import Document, place_of, read_text, validate
from evalgate.load.syntax.paths import resolve
from evalgate.load.syntax.yaml_text import KeyPath, Place, Tree, parse_yaml

if TYPE_CHECKING:
    # Few policies read from such a config, and all commands would wait for what only that takes.
    from evalgate.load.litellm_config.config import LitellmConfig
    from evalgate.load.litellm_config.draft import Draft
    from evalgate.load.litellm_config.translate import Wanted

SOURCE = "from"
# Below these depths a value replaces what is read: what one cache key or one param holds is one thing.
_MERGED_DEPTH = {"deployments": 3, "cache": 1, "reliability": 2}
_NAMING = (("use",), *(("router", key) for key in ("strong", "weak", "easy", "medium", "hard")))


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A policy's document, and notes on its source; ``not_judged`` names settings of that."""

    document: Document[PolicyFile]
    notes: tuple[Problem, ...] = ()
    not_judged: tuple[str, ...] = ()


def read_written(path: Path, shown: str) -> Document[PolicyFile | PolicyOverFile]:
    """Return a policy as it is written, without what it reads from elsewhere.

    Raises:
        BadInput: with every problem of the file.

    """
    tree = parse_yaml(read_text(path, shown), shown)
    kind = PolicyOverFile if _has_source(tree) else PolicyFile
    return Document(path, shown, validate(tree, kind, shown), tree)


def read_policy(
    path: Path, shown: str, providers: Mapping[str, ProviderFile] | None, findings: Findings
) -> ReadPolicy:
    """Return the policy in ``path``; ``providers`` are evalgate.yaml's, None where that cannot be read.

    Raises:
        BadInput: with every problem of the file, or of what it reads from.

    """
    written = read_written(path, shown)
    if not isinstance(written.value, PolicyOverFile):
        return ReadPolicy(Document(path, shown, written.value, written.tree))
    from evalgate.load.litellm_config.draft import Draft  # noqa: PLC0415
    from evalgate.load.litellm_config.translate import translate  # noqa: PLC0415

    config = _config(written, written.value, findings)
    draft = Draft(config, _stated(written.tree), frozenset(written.value.from_.without))
    odd = translate(draft, wanted(written.value), providers)
    problems = [written.problem(*each) for each in odd] + draft.problems
    problems += [each.problem for each in draft.refusals]
    if problems:
        raise BadInput(problems)
    document = joined(written, draft)
    return ReadPolicy(document, tuple(draft.notes), tuple(sorted(draft.passed_by)))


def joined(written: Document[PolicyFile | PolicyOverFile], draft: "Draft") -> Document[PolicyFile]:
    """Return the policy with what was read in it; what it states itself goes over that.

    Raises:
        BadInput: the whole is no policy.

    """
    merged = merge(draft.value, _stated(written.tree))
    at_source = place_of(written.tree, (SOURCE,), at_key=True) or Place(1, 1)
    # What is not in the policy's file is mended there all the same: by stating it.
    values = {**dict.fromkeys(_paths(merged, ()), at_source), **written.tree.values}
    tree = Tree(merged, written.tree.keys, values)
    value = validate(tree, PolicyFile, written.shown)
    return Document(written.path, written.shown, value, Tree(written.tree.value, tree.keys, tree.values))


def source_files(document: Document[Any], root: Path) -> list[Path]:
    """Return the files of the config that a policy reads from; none for a policy that says all itself.

    Raises:
        BadInput: one of them cannot be read.

    """
    top = document.tree.value
    source = top.get(SOURCE) if isinstance(top, dict) else None
    file = source.get("file") if isinstance(source, dict) else None
    if not isinstance(file, str):
        return []
    from evalgate.load.litellm_config.included import read_parts  # noqa: PLC0415

    path = resolve(file, document.path.parent, root)
    return [part.path for part in read_parts(path, file, root)]


def merge(read: Mapping[str, object], stated: Mapping[str, object]) -> dict[str, object]:
    """Return what is read with what is stated over it, key by key; ``null`` takes a key away."""
    merged = {**read, **{key: value for key, value in stated.items() if key not in _MERGED_DEPTH}}
    for key, depth in _MERGED_DEPTH.items():
        if key in stated:
            merged[key] = _over(read.get(key), stated[key], depth)
            if key == "cache" and _other_mode(read.get(key), stated[key]):
                merged[key] = stated[key]
    return {key: value for key, value in merged.items() if value is not None}


def wanted(policy: PolicyFile | PolicyOverFile) -> "Wanted":
    """Return the groups that a policy asks, by the keys that name them, and its own deployments."""
    from evalgate.load.litellm_config.translate import Wanted  # noqa: PLC0415

    named: dict[KeyPath, str] = {}
    for key in _NAMING:
        node: object = policy
        for part in key:
            node = getattr(node, part, None)
        if isinstance(node, str):
            named[key] = node
    if policy.cascade is not None:
        named |= {("cascade", "order", index): name for index, name in enumerate(policy.cascade.order)}
        if (verifier := getattr(policy.cascade.confidence, "deployment", None)) is not None:
            named["cascade", "confidence", "deployment"] = verifier
    own = {name for name, each in policy.deployments.items() if each.provider and each.model}
    return Wanted(named, frozenset(own), policy.reliability.fallbacks, _helpers(policy.cache))


def _helpers(cache: object) -> frozenset[str]:
    """Return the deployments that a cache asks, as the policy itself names them."""
    parts = cache if isinstance(cache, dict) else cache.helpers if isinstance(cache, SemanticCache) else {}
    named = (parts.get(key) for key in ("embedder", "verifier"))
    return frozenset(name for name in named if isinstance(name, str) and ":" not in name)


def _config(
    written: Document[PolicyFile | PolicyOverFile], policy: PolicyOverFile, findings: Findings
) -> "LitellmConfig":
    from evalgate.load.litellm_config.config import read_litellm_config  # noqa: PLC0415

    name, folder, key = policy.from_.file, written.path.parent, (SOURCE, "file")
    try:
        path = resolve(name, folder, findings.root)
    except BadInput as bad:
        raise BadInput([written.problem(key, each.message, each.cure) for each in bad.problems]) from None
    if path.resolve().parent == folder.resolve() and path.suffix == ".yaml":
        message = f"{name!r} lies among the policies, where every .yaml file is one"
        raise BadInput([written.problem(key, message, "move it to another folder, or into a subfolder")])
    return read_litellm_config(path, findings.shown(path), findings.root)


def _has_source(tree: Tree) -> bool:
    return isinstance(tree.value, dict) and SOURCE in tree.value


def _stated(tree: Tree) -> dict[str, object]:
    assert isinstance(tree.value, dict)
    return {key: value for key, value in tree.value.items() if key != SOURCE}


def _over(read: object, stated: object, depth: int) -> object:
    if depth == 0 or not isinstance(read, dict) or not isinstance(stated, dict):
        return stated
    merged = {**read, **{key: _over(read.get(key), value, depth - 1) for key, value in stated.items()}}
    return {key: value for key, value in merged.items() if value is not None}


def _other_mode(read: object, stated: object) -> bool:
    modes = [each.get("mode") if isinstance(each, dict) else None for each in (read, stated)]
    return modes[1] is not None and modes[0] != modes[1]


def _paths(value: object, path: KeyPath) -> list[KeyPath]:
    found = [path] if path else []
    if isinstance(value, dict):
        found += [each for key, inner in value.items() for each in _paths(inner, (*path, key))]
    return found
