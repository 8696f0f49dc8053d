"""Prompts: compiled once, filled for every case.

``{{input}}`` and ``{{name}}`` are replaced by the case's question and its ``vars``. There are no
expressions, and what was put in is never read again: a question that contains ``{{name}}`` stays as it is.
Braces around anything but a name (letters, digits, ``_``, ``.``, ``-``; no digit first) are plain text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from evalgate.core.cases import Case, question_text
from evalgate.core.digest import canonical_json, valid_text
from evalgate.core.errors import BadInput, Problem
from evalgate.core.messages import Message, ToolCall

INPUT = "input"
_SYSTEM_ROLES = frozenset({"system", "developer"})
_SLOT = re.compile(r"\{\{\s*([^\W\d][\w.-]*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class _Template:
    """One prompt message. ``pieces`` alternates text and slot names, and starts and ends with text."""

    message: Message
    pieces: tuple[str, ...]
    plain: bool

    @property
    def names(self) -> tuple[str, ...]:
        return self.pieces[1::2]

    def fill(self, case: Case) -> Message:
        if len(self.pieces) < 3:
            return self.message
        parts = list(self.pieces)
        for index in range(1, len(parts), 2):
            parts[index] = _value(case, parts[index])
        content = valid_text("".join(parts))
        if self.plain:
            return Message(self.message.role, content)
        return replace(self.message, content=content)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A compiled prompt. The three orders differ in where the question goes.

    ``templates`` is the prompt as written, for a case with ``input``. For a conversation, ``system`` comes
    first, then ``turns``, in which None stands for the conversation itself.
    """

    templates: tuple[_Template, ...]
    appends_input: bool
    system: tuple[_Template, ...]
    turns: tuple[_Template | None, ...]

    @property
    def variables(self) -> frozenset[str]:
        """The names a case must have in ``vars``."""
        return frozenset(name for each in self.templates for name in each.names) - {INPUT}

    def render(self, case: Case) -> tuple[Message, ...]:
        """Return the messages that are sent for ``case``, as valid Unicode.

        Raises:
            BadInput: the prompt names a variable that the case does not have.

        """
        if case.messages is not None:
            return self._around(case, case.messages)
        messages = [template.fill(case) for template in self.templates]
        if self.appends_input:
            messages.append(Message("user", valid_text(case.input or "")))
        return tuple(messages)

    def _around(self, case: Case, conversation: Sequence[Message]) -> tuple[Message, ...]:
        messages = [template.fill(case) for template in self.system]
        for template in self.turns:
            if template is None:
                messages.extend(valid_message(message) for message in conversation)
            else:
                messages.append(template.fill(case))
        return tuple(messages)


@lru_cache(maxsize=256)
def compile_prompt(messages: tuple[Message, ...]) -> Prompt:
    """Compile a deployment's prompt.

    A case's ``input`` takes the place of ``{{input}}``, and is a user message at the end of a prompt that
    never mentions it. A conversation takes the place of every non-system message that mentions
    ``{{input}}``, else it is appended; inside a system message ``{{input}}`` is its last user turn.
    """
    templates = tuple(_template(message) for message in messages)
    system = tuple(each for each in templates if each.message.role in _SYSTEM_ROLES)
    turns = [
        None if INPUT in each.names else each for each in templates if each.message.role not in _SYSTEM_ROLES
    ]
    if None not in turns:
        turns.append(None)
    return Prompt(
        templates=templates,
        appends_input=not any(INPUT in each.names for each in templates),
        system=system,
        turns=tuple(turns),
    )


def is_system(message: Message) -> bool:
    """Tell whether a message instructs the model rather than takes part in the conversation."""
    return message.role in _SYSTEM_ROLES


def valid_message(message: Message) -> Message:
    """Return ``message`` with every lone surrogate replaced, so that digest and wire agree."""
    if message.name is None and not message.tool_calls and message.tool_call_id is None:
        content = None if message.content is None else valid_text(message.content)
        role = valid_text(message.role)
        return message if (content == message.content and role == message.role) else Message(role, content)
    return Message(
        role=valid_text(message.role),
        content=_valid(message.content),
        name=_valid(message.name),
        tool_calls=tuple(
            ToolCall(valid_text(call.name), valid_text(call.arguments), _valid(call.id))
            for call in message.tool_calls
        ),
        tool_call_id=_valid(message.tool_call_id),
    )


def _valid(text: str | None) -> str | None:
    return None if text is None else valid_text(text)


def _template(message: Message) -> _Template:
    message = valid_message(message)
    plain = message.name is None and not message.tool_calls and message.tool_call_id is None
    return _Template(message, tuple(_SLOT.split(message.content or "")), plain)


def _value(case: Case, name: str) -> str:
    if name == INPUT:
        return question_text(case)
    if name not in case.vars:
        raise BadInput([missing_variable(case, name)])
    value = case.vars[name]
    if isinstance(value, str):
        return value
    try:
        return canonical_json(value)
    except ValueError as error:
        cure = "Write a finite number, or leave the number out and write null."
        raise BadInput([Problem(f"case {case.id!r}: {error}", cure, key=f"vars.{name}")]) from error


def missing_variable(case: Case, name: str) -> Problem:
    """Return the problem that the prompt names a variable which ``case`` does not have."""
    known = ", ".join(sorted(case.vars)) or "none"
    return Problem(
        f"the prompt uses {{{{{name}}}}}, and case {case.id!r} has no such variable",
        f"Add {name!r} to the case's vars (it has: {known}), or take it out of the prompt.",
        key=f"vars.{name}",
    )
