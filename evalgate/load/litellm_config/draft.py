"""The policy that a config is being turned into: each value with its source, and what has no words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalgate.core.errors import Problem
from evalgate.load.litellm_config.config import LitellmConfig, Setting
from evalgate.load.syntax.yaml_text import KeyPath, show_key


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a policy cannot say as the config does, and the keys of the policy that would settle it."""

    problem: Problem
    settled_by: tuple[KeyPath, ...]


@dataclass(slots=True)
class Draft:
    """A policy in the words of a policy file, keys not yet checked.

    ``stated`` is what the policy file says itself, which goes over what is read. ``without`` names settings
    of the config that the policy knowingly leaves out. ``sources`` leads from a key of the policy to the key
    of the config that it was read from. ``passed_by`` names the settings that are not judged, and
    ``problems`` are what a config must not hold at all.
    """

    config: LitellmConfig
    stated: Mapping[str, object] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    value: dict[str, object] = field(default_factory=dict)
    sources: dict[KeyPath, KeyPath] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    passed_by: dict[str, None] = field(default_factory=dict)

    def put(self, key: KeyPath, value: object, source: KeyPath) -> None:
        """Write a value of the policy, and remember where it stands in the config."""
        node = self.value
        for part in key[:-1]:
            inner = node.setdefault(str(part), {})
            assert isinstance(inner, dict)
            node = inner
        node[str(key[-1])] = value
        self.sources[key] = source

    def states(self, *keys: KeyPath) -> bool:
        """Tell whether the policy file says all of these itself."""
        return bool(keys) and all(_has(self.stated, key) for key in keys)

    def stated_at(self, key: KeyPath) -> object:
        """Return what the policy file says itself at a key; None where it says nothing."""
        node: object = self.stated
        for part in key:
            node = node.get(part) if isinstance(node, dict) else None
        return node

    def refuse(self, source: KeyPath, message: str, cure: str, settled_by: Sequence[KeyPath] = ()) -> None:
        """Note what a policy cannot say, unless the policy says ``settled_by`` itself or leaves it out."""
        if self.states(*settled_by):
            return
        if self.knows(source):
            self.pass_by(source, message)
            return
        refusal = Refusal(self.config.problem(source, message, cure), tuple(settled_by))
        if refusal not in self.refusals:
            self.refusals.append(refusal)

    def knows(self, source: KeyPath) -> bool:
        """Tell whether ``without`` names the setting at a key."""
        return any(part in self.without for part in source)

    def pass_by(self, source: KeyPath, why: str) -> None:
        """Note a setting that is not judged; nothing needs to be said where the policy knows it."""
        names = [part for part in reversed(source) if isinstance(part, str)]
        known = [name for name in names if name in self.without]
        self.passed_by = dict.fromkeys((*self.passed_by, (known or names)[0]))
        if not self.knows(source):
            self.tell(source, why)

    def tell(self, source: KeyPath, message: str) -> None:
        """Note what a reader of the policy would not expect."""
        note = self.config.problem(source, message)
        if note not in self.notes:
            self.notes.append(note)

    def number(self, setting: Setting | None, settled_by: KeyPath, *, whole: bool = False) -> float | None:
        """Return a number of at least 0, also one in quotes as LiteLLM takes it; None with its refusal."""
        if setting is None:
            return None
        shown = show_key(settled_by)
        if setting.from_environment is not None:
            message = f"its value stands in the environment ({setting.from_environment}), which is not read"
            self.refuse(
                setting.key, message, f"write the number here, or {shown} in the policy", [settled_by]
            )
            return None
        number = as_number(setting.value)
        if number is None or number < 0 or (whole and not number.is_integer()):
            kind = "whole number" if whole else "number"
            message = f"this is no {kind} of at least 0"
            self.refuse(setting.key, message, f"write one, or {shown} in the policy", [settled_by])
            return None
        return int(number) if whole else number


def as_number(value: object) -> float | None:
    """Return a number, or text that is one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _has(tree: object, key: KeyPath) -> bool:
    for part in key:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True
