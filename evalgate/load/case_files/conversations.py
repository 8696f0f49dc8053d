"""A conversation as chat completions, datasets and logs write it -> the turns of a case."""

from collections.abc import Mapping

from evalgate.core.digest import canonical_json
from evalgate.core.messages import Message, ToolCall
from evalgate.load.syntax.values import UnfitValue, as_json, as_plain

_CURE = 'a turn is written like {"role": "user", "content": "…"}'


def conversation(value: object) -> tuple[Message, ...]:
    """Return the turns of a conversation, which may also be JSON text.

    Content in parts is joined where all parts are text. Keys that say nothing about what is asked are left
    out; a column store writes them all, most of them empty.

    Raises:
        UnfitValue: it is no conversation, or one with pictures or sound.

    """
    turns = as_json(value)
    if not isinstance(turns, list):
        raise UnfitValue("expected a list of turns", _CURE)
    if not turns:
        raise UnfitValue("the conversation is empty", _CURE)
    return tuple(_turn(turn, index) for index, turn in enumerate(turns))


def _turn(turn: object, index: int) -> Message:
    role = turn.get("role") if isinstance(turn, Mapping) else None
    if not isinstance(turn, Mapping) or not isinstance(role, str):
        raise UnfitValue(f"turn {index} has no role", _CURE)
    calls = turn.get("tool_calls") or []
    if not isinstance(calls, list):
        raise UnfitValue(f"tool_calls of turn {index} is not a list")
    return Message(
        role=role,
        content=_content(turn.get("content"), index),
        name=_text_or_none(turn.get("name")),
        tool_calls=tuple(_tool_call(call, index) for call in calls),
        tool_call_id=_text_or_none(turn.get("tool_call_id")),
    )


def _content(content: object, index: int) -> str | None:
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, Mapping) and isinstance(part.get("text"), str)]
        if len(parts) < len(content):
            raise UnfitValue(f"turn {index} holds more than text", "cases are asked in text only")
        return "".join(str(part["text"]) for part in parts)
    if content is not None and not isinstance(content, str):
        raise UnfitValue(f"the content of turn {index} is not text", _CURE)
    return content


def _tool_call(call: object, index: int) -> ToolCall:
    # Chat completions put name and arguments under "function"; cases write them flat.
    said = call.get("function") or call if isinstance(call, Mapping) else None
    name = said.get("name") if isinstance(said, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(said, Mapping) or not isinstance(name, str):
        raise UnfitValue(f"a tool call of turn {index} has no name")
    arguments = said.get("arguments", "")
    written = arguments if isinstance(arguments, str) else canonical_json(as_plain(arguments))
    return ToolCall(name, written, _text_or_none(call.get("id")))


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
