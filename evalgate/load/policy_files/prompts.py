"""Prompts: written inline, or kept in a file beside the policy."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from evalgate.core.errors import BadInput, Problem
from evalgate.core.messages import Message
from evalgate.load.findings import Findings
from evalgate.load.syntax.documents import read_json, read_text, read_yaml
from evalgate.load.syntax.paths import resolve

_SLOT = re.compile(r"\{\{([^{}]*)\}\}")
_NAME = re.compile(r"[^\W\d][\w.-]*")
_MESSAGES = list[Message]
_INLINE = 'prompt names a file; write the text itself as [{role: user, content: "…"}]'


def load_prompt(
    written: Sequence[Message] | str | None, folder: Path, findings: Findings
) -> tuple[Message, ...]:
    """Return the messages of a prompt: inline ones, or those of the file it names.

    A ``.yaml`` or ``.json`` file holds a list of messages; any other file is the text of one user message,
    its last line end left out. No prompt at all is an empty one: then only the case's own question is sent.

    Raises:
        BadInput: the file cannot be used, or a variable is not a name.

    """
    if written is None:
        return ()
    if not isinstance(written, str):
        messages = tuple(written)
    else:
        path = resolve(written, folder, findings.root, cure=_INLINE)
        messages = _read_messages(path, findings.shown(path))
    if problems := list(_not_names(messages)):
        raise BadInput(problems)
    return messages


def variables(messages: Sequence[Message]) -> frozenset[str]:
    """Return the names that a case must have in ``vars``; ``input`` every case has."""
    found = (slot.strip() for message in messages for slot in _SLOT.findall(message.content or ""))
    return frozenset(name for name in found if _NAME.fullmatch(name)) - {"input"}


def _read_messages(path: Path, shown: str) -> tuple[Message, ...]:
    if path.suffix in {".yaml", ".yml"}:
        return tuple(read_yaml(path, _MESSAGES, shown).value)
    if path.suffix == ".json":
        return tuple(read_json(path, _MESSAGES, shown))
    return (Message("user", read_text(path, shown).removesuffix("\n")),)


def _not_names(messages: Sequence[Message]) -> Iterator[Problem]:
    for message in messages:
        for slot in _SLOT.findall(message.content or ""):
            name = slot.strip()
            # Braces around quoted text or around nothing are an example of JSON, not a variable.
            if name and not _NAME.fullmatch(name) and name[0] not in "\"'":
                shown = "{{" + slot + "}}"
                cure = "only {{input}} and names from the cases' vars are filled in; there are no expressions"
                yield Problem(f"{shown} is not a variable", cure)
