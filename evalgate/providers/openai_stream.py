"""A streamed chat completion, put together again as if it had come in one piece."""

from collections.abc import Mapping
from typing import Any

from evalgate.providers.openai_reply import UnreadableReply, parse_json

_DONE = b"[DONE]"


class StreamedReply:
    """Server-sent events in, the body of a chat completion out. Only the first choice is kept."""

    def __init__(self) -> None:
        self.done = False
        self.spoke = False
        self._partial = b""
        self._event: list[bytes] = []
        self._body: dict[str, Any] = {}
        self._text: dict[str, list[str]] = {"content": [], "refusal": []}
        self._tool_calls: dict[int, dict[str, Any]] = {}
        self._logprobs: list[object] = []
        self._finish_reason: object = None
        self._begun = False

    def feed(self, data: bytes) -> None:
        """Take bytes as they come, split anywhere. ``spoke`` turns true with the first token of the answer.

        Raises:
            UnreadableReply: an event is not a chunk of a completion.

        """
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._take_line(line.removesuffix(b"\r"))

    def take(self, chunk: object) -> None:
        """Take one chunk that somebody else has parsed.

        Raises:
            UnreadableReply: it is not a chunk of a completion.

        """
        self._take_chunk(chunk)

    def body(self) -> dict[str, Any]:
        """Return the whole completion, once the stream has ended.

        Raises:
            UnreadableReply: the stream broke off before the answer was finished.

        """
        self._take_line(self._partial.removesuffix(b"\r"))
        self._take_line(b"")
        if "error" in self._body:
            return self._body
        if not self.done and self._finish_reason is None:
            raise UnreadableReply("the stream broke off before the answer was finished")
        return {**self._body, "choices": [self._choice()] if self._begun else []}

    def _choice(self) -> dict[str, object]:
        message: dict[str, object] = {key: "".join(parts) for key, parts in self._text.items() if parts}
        if self._tool_calls:
            message["tool_calls"] = [call for _, call in sorted(self._tool_calls.items())]
        logprobs = {"content": self._logprobs} if self._logprobs else None
        return {"message": message, "finish_reason": self._finish_reason, "logprobs": logprobs}

    def _take_line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            self._event.append(line[5:].removeprefix(b" "))
        elif not line and self._event:
            data, self._event = b"\n".join(self._event), []
            if data.strip() == _DONE:
                self.done = True
            else:
                self._take_chunk(parse_json(data))

    def _take_chunk(self, chunk: object) -> None:
        if not isinstance(chunk, Mapping):
            raise UnreadableReply("an event of the stream is not an object")
        for key in ("model", "system_fingerprint", "usage", "error"):
            if chunk.get(key):
                self._body[key] = chunk[key]
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if isinstance(choice, Mapping) and choice.get("index", 0) == 0:
            self._take_choice(choice)

    def _take_choice(self, choice: Mapping[str, Any]) -> None:
        self._begun = True
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, Mapping) and isinstance(logprobs.get("content"), list):
            self._logprobs += logprobs["content"]
        delta = choice.get("delta")
        if not isinstance(delta, Mapping):
            return
        for key, parts in self._text.items():
            if isinstance(text := delta.get(key), str):
                parts.append(text)
                self.spoke = self.spoke or bool(text)
        calls = delta.get("tool_calls")
        for position, part in enumerate(calls if isinstance(calls, list) else []):
            self._take_tool_call(part, position)

    def _take_tool_call(self, part: object, position: int) -> None:
        if not isinstance(part, Mapping):
            raise UnreadableReply("a tool call of the stream is not an object")
        self.spoke = True
        index = part.get("index")
        call = self._tool_calls.setdefault(
            index if isinstance(index, int) else position,
            {"id": None, "function": {"name": "", "arguments": ""}},
        )
        call["id"] = part.get("id") or call["id"]
        function = part.get("function")
        for key in ("name", "arguments"):
            if isinstance(function, Mapping) and isinstance(text := function.get(key), str):
                call["function"][key] += text
