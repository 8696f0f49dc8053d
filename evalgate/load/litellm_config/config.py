"""A LiteLLM config as a file: a proxy's YAML, or the arguments of a Router as YAML or JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.load.litellm_config.included import merged, read_parts
from evalgate.load.litellm_config.settings import ROUTER_ARGUMENTS
from evalgate.load.syntax.documents import place_of
from evalgate.load.syntax.yaml_text import KeyPath, Place, Tree, show_key

ENVIRONMENT = "os.environ/"
_PROXY_SECTIONS = frozenset({"litellm_settings", "router_settings", "general_settings"})
# Both a Router and a proxy's file may have them at the top.
_EITHER = frozenset({"model_list", "search_tools", "assistants_config"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting with the key it stands at."""

    key: KeyPath
    value: object

    @property
    def name(self) -> str:
        """The setting's own name."""
        return str(self.key[-1])

    @property
    def from_environment(self) -> str | None:
        """The environment variable that holds the value, where the file only names one."""
        text = self.value
        found = isinstance(text, str) and text.startswith(ENVIRONMENT)
        return str(text).removeprefix(ENVIRONMENT) if found else None


@dataclass(frozen=True, slots=True)
class LitellmConfig:
    """The file, and all that it includes, with the place of every value.

    ``proxy`` tells a proxy's file from a Router's arguments. ``files`` are those of what is not in the file
    itself, by the beginnings of key paths.
    """

    path: Path
    shown: str
    tree: Tree
    proxy: bool
    files: Mapping[KeyPath, str] = field(default_factory=dict)

    def at(self, *key: str | int) -> object:
        """Return the value at ``key``; None where the file does not say, as LiteLLM takes it."""
        node = self.tree.value
        for part in key:
            if isinstance(node, dict):
                node = node.get(part)
            elif isinstance(node, list) and isinstance(part, int) and part < len(node):
                node = node[part]
            else:
                return None
        return node

    def mapping(self, *key: str | int) -> Mapping[str, object]:
        """Return the mapping at ``key``; empty where there is none."""
        found = self.at(*key)
        return found if isinstance(found, dict) else {}

    def router(self, name: str) -> Setting | None:
        """Return an argument of the Router: from ``router_settings``, or from the top of a Router's file."""
        return self.setting("router_settings", name) if self.proxy else self.setting(name)

    def module(self, name: str) -> Setting | None:
        """Return a setting of the module litellm, which only a proxy's file can set."""
        return self.setting("litellm_settings", name) if self.proxy else None

    def setting(self, *key: str | int) -> Setting | None:
        """Return what stands at ``key``, if it is more than nothing."""
        value = self.at(*key)
        return None if value is None else Setting(key, value)

    def place(self, key: KeyPath) -> Place | None:
        """Return where ``key`` stands, or what is nearest around it."""
        return place_of(self.tree, key, at_key=True)

    def problem(self, key: KeyPath, message: str, cure: str = "") -> Problem:
        """Return a Problem at ``key`` of this file."""
        place = self.place(key)
        line, column = (place.line, place.column) if place else (None, None)
        return Problem(message, cure, self.file_of(key), line, column, show_key(key))

    def file_of(self, key: KeyPath) -> str:
        """Return the file that ``key`` stands in, as problems name it."""
        starts = (key[:length] for length in range(len(key), 0, -1))
        return next((self.files[start] for start in starts if start in self.files), self.shown)


def read_litellm_config(path: Path, shown: str, root: Path | None = None) -> LitellmConfig:
    """Return the config in a file with what it includes; with ``root`` nothing outside of it is read.

    Raises:
        BadInput: it cannot be read, or is no LiteLLM config; with every problem.

    """
    tree, files = merged(read_parts(path, shown, root))
    top = tree.value
    if not isinstance(top, dict) or not isinstance(top.get("model_list"), list):
        message = "this is no LiteLLM config: it has no model_list"
        raise BadInput([Problem(message, "name a proxy's config, or the arguments of a Router", shown, 1)])
    arguments = sorted((ROUTER_ARGUMENTS - _EITHER) & top.keys())
    proxy = not arguments or bool(_PROXY_SECTIONS & top.keys())
    config = LitellmConfig(path, shown, tree, proxy, files)
    problems = [*_misplaced(config, arguments), *_odd_entries(config), *_odd_sections(config)]
    if problems:
        raise BadInput(problems)
    return config


def _misplaced(config: LitellmConfig, arguments: list[str]) -> list[Problem]:
    """Return the arguments of a Router at the top of a proxy's file, where the proxy does not look."""
    if not config.proxy:
        return []
    return [
        config.problem(
            (name,), "a proxy does not read this here", f"move it to router_settings: {{{name}: …}}"
        )
        for name in arguments
    ]


def _odd_sections(config: LitellmConfig) -> list[Problem]:
    odd = [name for name in sorted(_PROXY_SECTIONS) if not isinstance(config.at(name), dict | None)]
    return [config.problem((name,), "this is no mapping of settings", "write key: value") for name in odd]


def _odd_entries(config: LitellmConfig) -> list[Problem]:
    problems = []
    for index, _ in enumerate(_listed(config)):
        key: KeyPath = ("model_list", index)
        if not isinstance(config.at(*key, "model_name"), str):
            problems.append(config.problem(key, "this deployment has no model_name", "give it one"))
        if not isinstance(config.at(*key, "litellm_params", "model"), str):
            message = "this deployment has no litellm_params.model"
            problems.append(config.problem(key, message, "write it, as in openai/gpt-4o-2024-08-06"))
    return problems


def _listed(config: LitellmConfig) -> list[object]:
    listed = config.at("model_list")
    return listed if isinstance(listed, list) else []
