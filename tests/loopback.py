"""An OpenAI-like server on loopback that fails on purpose, one scripted step per request.

    with Loopback([status(503), answer("billing")]) as server:
        ...  # ask server.origin; server.received holds what came in

It runs in a thread of its own, so synchronous and asynchronous tests and subprocesses can all use it.
It writes raw bytes, since a proper web framework refuses to be as broken as real servers are.
"""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

Step = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Loopback:
    """The server. A script that is used up repeats its last step; ``connections`` counts sockets opened.

    Instead of a script, a function may choose the step by what was received.
    """

    def __init__(self, script: Sequence[Step] | Callable[[Received], Step]) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.open = 0
        self._script = script if callable(script) else list(script)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="loopback")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Go away, as a crashed server does: later connections to the port are refused."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()
        listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = await asyncio.start_server(self._talk, sock=listener)
        self._ready.set()
        await self._stop.wait()
        server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await server.wait_closed()

    def _step(self, received: Received) -> Step:
        if callable(self._script):
            return self._script(received)
        return self._script[min(len(self.received), len(self._script)) - 1]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        self.connections += 1
        self.open += 1
        try:
            while (received := await _read(reader)) is not None and not writer.is_closing():
                self.received.append(received)
                await self._step(received)(writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._talks.discard(task)
            writer.transport.abort()


def reply(status: int, body: bytes, headers: dict[str, str] | None = None) -> Step:
    """Answer with these bytes."""

    async def step(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, {"Content-Length": str(len(body)), **(headers or {})}) + body)
        await writer.drain()

    return step


def json_reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Step:
    """Answer with this JSON."""
    return reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})


def completion(text: str | None = "billing", **fields: object) -> dict[str, Any]:
    """A chat completion; ``fields`` replace its top-level fields, and a field set to ... is left out."""
    message = {"role": "assistant", "content": text}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "served-model-2026",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
        **fields,
    }
    return {key: value for key, value in body.items() if value is not ...}


def answer(text: str | None = "billing", **fields: object) -> Step:
    """Answer properly."""
    return json_reply(completion(text, **fields))


def embedding(vector: object, **fields: object) -> Step:
    """Answer with an embedding: a list of numbers, or base64."""
    body = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": "served-vectors-2026",
        "usage": {"prompt_tokens": 9, "total_tokens": 9},
        **fields,
    }
    return json_reply({key: value for key, value in body.items() if value is not ...})


def status(code: int, error: object = None, headers: dict[str, str] | None = None) -> Step:
    """Fail with a status and, where given, an error object."""
    return json_reply({} if error is None else {"error": error}, code, headers)


def html(code: int = 200) -> Step:
    """A proxy's page instead of an answer."""
    return reply(code, b"<html><body>Bad gateway</body></html>", {"Content-Type": "text/html"})


def torn(missing: int = 40) -> Step:
    """Promise more bytes than come, then close."""
    body = json.dumps(completion()).encode()

    async def step(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, {"Content-Length": str(len(body))}) + body[:-missing])
        await writer.drain()
        writer.close()

    return step


def reset() -> Step:
    """Drop the connection with a TCP reset before any byte of an answer."""

    async def step(writer: asyncio.StreamWriter) -> None:
        linger_0 = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)
        writer.transport.abort()

    return step


def not_http() -> Step:
    """Speak another protocol."""

    async def step(writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    return step


def delayed(seconds: float, then: Step) -> Step:
    """Think first."""

    async def step(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await then(writer)

    return step


def drip(pause_s: float, text: str = "billing") -> Step:
    """Answer properly, but byte by byte with a pause after each."""
    body = json.dumps(completion(text)).encode()

    async def step(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, {"Content-Length": str(len(body))}))
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause_s)

    return step


def flood(total: int) -> Step:
    """Send this many bytes of nothing."""

    async def step(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, {"Content-Length": str(total)}))
        piece = b" " * 65536
        for _ in range(total // len(piece)):
            writer.write(piece)
            await writer.drain()

    return step


def stream(pieces: Sequence[bytes | float]) -> Step:
    """Server-sent events: bytes are sent as they are, a number pauses that many seconds."""

    async def step(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, {"Content-Type": "text/event-stream", "Connection": "close"}))
        for piece in pieces:
            if isinstance(piece, bytes):
                writer.write(piece)
                await writer.drain()
            else:
                await asyncio.sleep(piece)
        writer.close()

    return step


def event(chunk: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def delta(finish_reason: str | None = None, **fields: object) -> bytes:
    """One chunk of a streamed completion."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish_reason}
    return event({"model": "served-model-2026", "choices": [choice]})


DONE = b"data: [DONE]\n\n"


def _head(code: int, headers: dict[str, str]) -> bytes:
    phrase = HTTPStatus(code).phrase if code in HTTPStatus._value2member_map_ else "Overloaded"
    lines = [f"HTTP/1.1 {code} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *rest = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)
