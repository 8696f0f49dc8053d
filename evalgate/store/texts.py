"""The texts of recorded calls, read apart: a gate does not need them, a reader of its report does."""

import gzip
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from evalgate.core.messages import Message, ToolCall
from evalgate.core.report_data import CallKey, CallText
from evalgate.store.lines import RecordingLine, RequestLine, ToolCallLine, digest_of
from evalgate.store.reading import UNREADABLE, decode_leniently

_decode_request = msgspec.json.Decoder(RequestLine).decode


def read_texts(paths: Sequence[Path], wanted: Collection[CallKey]) -> Mapping[CallKey, CallText]:
    """Return the texts of the ``wanted`` calls that the files hold.

    Lines that cannot be read are passed over: whoever replays the recordings reports them.
    """
    found: dict[CallKey, CallText] = {}
    for path in paths:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            next(file, None)
            found = texts_in(file, wanted, f"file:{path.name}") | found
    return found


def texts_in(
    lines: Iterable[bytes], wanted: Collection[CallKey], implied: str = ""
) -> dict[CallKey, CallText]:
    """Return the texts of the ``wanted`` calls among lines; those without a session are of ``implied``."""
    found: dict[CallKey, CallText] = {}
    for line in lines:
        text = _read_line(line, implied, wanted)
        if text is not None:
            found.setdefault(*text)
    return found


def _read_line(line: bytes, implied: str, wanted: Collection[CallKey]) -> tuple[CallKey, CallText] | None:
    try:
        recorded = decode_leniently(line)
        key = (recorded.digest or digest_of(recorded), recorded.session or implied)
        if key not in wanted or not bytes(recorded.request):
            return None
        return key, _text_of(recorded)
    except UNREADABLE:
        return None


def _text_of(recorded: RecordingLine) -> CallText:
    raw = bytes(recorded.request)
    try:
        request = _decode_request(raw)
    except msgspec.DecodeError:
        # Integers of any size and lone surrogates, which the standard library's parser lets pass.
        request = msgspec.convert(json.loads(raw), RequestLine)
    messages = tuple(
        Message(each.role, each.content, each.name, _tool_calls(each.tool_calls), each.tool_call_id)
        for each in request.messages
    )
    return CallText(messages, None if recorded.response is None else recorded.response.text)


def _tool_calls(lines: Sequence[ToolCallLine]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(line.function.name, line.function.arguments, line.id) for line in lines)
