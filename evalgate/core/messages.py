"""What is said to a model and what comes back."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model asked for; ``arguments`` is the JSON text exactly as sent."""

    name: str
    arguments: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation in chat-completions form; ``content`` is None when only tools are called."""

    role: str
    content: str | None = None
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


def last_user_text(messages: Iterable[Message]) -> str:
    """Return what the user said last, or an empty text."""
    said = (message.content for message in reversed(tuple(messages)) if message.role == "user")
    return next(said, None) or ""


def message_json(message: Message) -> dict[str, object]:
    """Return the chat-completions JSON of one message: what goes over the wire and into the digest."""
    body: dict[str, object] = {"role": message.role, "content": message.content}
    if message.name is not None:
        body["name"] = message.name
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body
