"""The policy's cache: under test, and nothing to do with the harness's memory of calls."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalgate.core.calls import Response
from evalgate.core.cases import Case, question_text
from evalgate.core.messages import Message
from evalgate.core.policy_file import CacheFile, CacheScope
from evalgate.serving.normalize import Rule, compile_rules
from evalgate.serving.prompts import Prompt, is_system

if TYPE_CHECKING:
    from evalgate.serving.nearest import NearestKeys

SHOWN_KEY = 16
_AS_ASKED = compile_rules(("nfc", "trim"))


Vector = Sequence[float]


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored answer: raw, before response rules, with the case and the deployment it came from.

    It is there from ``ready_at_s`` on, or within ``batch_window_s`` where a batch API answers. ``asked`` is
    the question's last message as it was asked.
    """

    response: Response
    source: str
    deployment: str
    stored_at_s: float
    ready_at_s: float = 0.0
    asked: str = ""
    batch_window_s: float | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """Where a question stands among others: ``partition`` is what must be equal, ``vector`` what is near."""

    partition: str
    vector: Vector


class PolicyCache:
    """One pass of a policy's cache: a suite's stream for one trial, or one case of an unordered suite.

    Time is what the caller says it is. An entry is served while it is younger than ``ttl_s``; being served
    makes it recently used, and does not make it younger. Beyond ``max_entries`` the least recently used one
    goes. Only answers can be stored, so a failure is never served. ``vectors`` remembers what texts were
    embedded to, so that none is embedded twice.
    """

    __slots__ = ("_entries", "_nearest", "_normalize", "_partitions", "spec", "vectors")

    def __init__(self, spec: CacheFile) -> None:
        """Start empty.

        Raises:
            BadInput: a normalization rule cannot be compiled.

        """
        self.spec = spec
        self.vectors: dict[str, Vector] = {}
        self._normalize = compile_rules(spec.normalize)
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._nearest: dict[str, NearestKeys] = {}
        self._partitions: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def key(self, messages: Sequence[Message], constants: str = "") -> str:
        """Return the key of a question: the hex SHA-256 of its messages, their texts normalized.

        Roles, names and tool calls count as they are. ``constants`` is whatever else the scope covers.
        """
        return _key(messages, constants, self._normalize)

    def normalized(self, text: str) -> str:
        """Return a text as the key sees it."""
        return self._normalize(text)

    def find(self, key: str, at_s: float) -> Entry | None:
        """Return the answer stored under ``key`` that may still be served at ``at_s``."""
        entry = self._live(key, at_s)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def near(self, meaning: Meaning, threshold: float, at_s: float) -> Iterator[tuple[str, Entry, float]]:
        """Yield key, answer and cosine of the stored questions that are near enough, the nearest first."""
        nearest = self._nearest.get(meaning.partition)
        if nearest is None or nearest.length != len(meaning.vector):
            return
        for key, cosine in list(nearest.near(meaning.vector, threshold)):
            entry = self._live(key, at_s)
            if entry is not None and (self.spec.in_flight == "ready" or entry.ready_at_s <= at_s):
                yield key, entry, cosine

    def served(self, key: str) -> None:
        """Note that the answer under ``key`` was used just now."""
        self._entries.move_to_end(key)

    def store(self, key: str, entry: Entry, meaning: Meaning | None = None) -> None:
        """Keep ``entry`` as the most recently used one, unless the same question is answered sooner."""
        before = self._live(key, entry.stored_at_s)
        if before is not None and before.ready_at_s < entry.ready_at_s and self.spec.in_flight == "ask":
            return
        self._forget(key)
        self._entries[key] = entry
        if meaning is not None:
            from evalgate.serving.nearest import NearestKeys  # noqa: PLC0415  numpy only where it is needed

            length = len(meaning.vector)
            nearest = self._nearest.setdefault(meaning.partition, NearestKeys(length))
            if nearest.length == length:
                nearest.add(key, meaning.vector)
                self._partitions[key] = meaning.partition
        if self.spec.max_entries is not None and len(self._entries) > self.spec.max_entries:
            self._forget(next(iter(self._entries)))

    def _live(self, key: str, at_s: float) -> Entry | None:
        entry = self._entries.get(key)
        if entry is not None and self.spec.ttl_s is not None and at_s - entry.stored_at_s >= self.spec.ttl_s:
            self._forget(key)
            return None
        return entry

    def _forget(self, key: str) -> None:
        self._entries.pop(key, None)
        partition = self._partitions.pop(key, None)
        if partition is not None:
            self._nearest[partition].remove(key)


def question_of(case: Case) -> str:
    """Return a short name of the conversation that a case asks, alike whatever a policy's cache merges."""
    return _key(keyed_messages(case, "conversation", ()), "", _AS_ASKED)[:SHOWN_KEY]


def keyed_messages(case: Case, scope: CacheScope, prompts: Sequence[Prompt]) -> tuple[Message, ...]:
    """Return what of a case makes its cache key.

    The cache is asked before the router, so the key cannot depend on its choice: ``request`` covers what
    every deployment that may be asked first would be sent. ``prompts`` are the distinct prompts of these.
    """
    match scope:
        case "last_message":
            return case.messages[-1:] if case.messages is not None else (_user_turn(case),)
        case "conversation":
            if case.messages is None:
                return (_user_turn(case),)
            return tuple(message for message in case.messages if not is_system(message))
        case "request":
            return tuple(message for prompt in prompts for message in prompt.render(case))


def _key(messages: Sequence[Message], constants: str, normalize: Rule) -> str:
    parts: list[object] = [constants]
    for message in messages:
        text = None if message.content is None else normalize(message.content)
        parts += (message.role, text)
        if message.name is not None or message.tool_calls or message.tool_call_id is not None:
            calls = [(call.name, call.arguments, call.id) for call in message.tool_calls]
            parts.append([message.name, message.tool_call_id, calls])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _user_turn(case: Case) -> Message:
    return Message("user", question_text(case))
