"""What calling costs and what it measures: live calls against a server that answers in exactly 50 ms.

    python benchmarks/live.py [--calls 2000] [--in-flight 64] [--without-litellm] [--hogs 2] [--times 3]

The server runs in its own process and counts how long each answer really took, by the kernel's clock. Against
it run, each in a process of its own and one after the other: the floor (plain aiohttp, as its documentation
shows it), then ``evalgate run --mode live`` with the same calls in flight, with default settings, and through
litellm. Seconds are those of whole processes: interpreter, imports, loading, calling, recording, reading
back, grading, gate. Prints wall time and processor time beside the floor's, and each measured P95 beside the
floor's and the truth; after several ``--times`` also the median of the wall times. ``--hogs`` keeps that many
processors busy with something else meanwhile.

The exit code is 1 when a P95 is more than 10 % from the truth and not marked as contaminated.
"""

import argparse
import json
import multiprocessing
import os
import resource
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from evalgate.scoring.methods.harrell_davis import harrell_davis  # noqa: E402

DELAY_S = 0.05
SO_TIMESTAMPNS = 35
BODY = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m-served",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "billing"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42},
    }
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
FLOOR = """
import asyncio, json, sys, time
import aiohttp

async def main(origin, calls, in_flight):
    times, gate = [], asyncio.Semaphore(in_flight)
    body = {"model": "m", "messages": [{"role": "user", "content": "Where is my parcel, please? " * 5}]}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        async def one():
            async with gate:
                started = time.perf_counter()
                async with client.post(origin + "/v1/chat/completions", json=body) as response:
                    (await response.json())["choices"][0]["message"]["content"]
                times.append(time.perf_counter() - started)
        await asyncio.gather(*(one() for _ in range(calls)))
    print(json.dumps(times))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""
PROJECT = """
providers: {{gateway: {provider}}}
budgets: {{latency_p95: {{max: 1ms}}}}
"""
POLICY = """
prompt: [{role: user, content: "{{input}}"}]
deployments: {only: {provider: gateway, model: openai/m, revision: "1", price: {per_request: 0.0001}}}
"""
SUITE = "policies: policies/mail\ngrader: {kind: choice, labels: [billing, shipping]}\n"


class Talk:
    """One connection of the server. What is asked on it arrives whole, or is waited for."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.connection, self.buffer, self.came_ns = connection, b"", 0

    def read(self) -> bytes | None:
        """Return a whole request, b"" at the end of the connection, None while there is more to come."""
        data, notes, _, _ = self.connection.recvmsg(65536, socket.CMSG_SPACE(16))
        self.came_ns = time.time_ns()
        for _, _, stamp in notes:
            seconds, nanoseconds = struct.unpack("@ll", stamp)
            self.came_ns = seconds * 10**9 + nanoseconds
        self.buffer += data
        head, gap, body = self.buffer.partition(b"\r\n\r\n")
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if data and (not gap or len(body) < length):
            return None
        whole, self.buffer = (self.buffer if data else b""), b""
        return whole


def serve(origins: "multiprocessing.Queue[str]", truths: "multiprocessing.Queue[list[float]]") -> None:
    """Answer every request DELAY_S after its last byte came; on POST /reset give the times since the last.

    When a request came is what the kernel says, so the truth is the truth on a busy machine too.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    origins.put(f"http://127.0.0.1:{listener.getsockname()[1]}")
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    due: deque[tuple[int, Talk]] = deque()
    times: list[float] = []
    while True:
        wait_s = max(0.0, (due[0][0] - time.time_ns()) / 1e9) if due else None
        for key, _ in ready.select(wait_s):
            if key.data is None:
                connection, _ = listener.accept()
                ready.register(connection, selectors.EVENT_READ, Talk(connection))
                continue
            asked = key.data.read()
            if asked == b"":
                ready.unregister(key.fileobj)
                key.data.connection.close()
            elif asked is not None and asked.startswith(b"POST /reset"):
                truths.put(list(times))
                times.clear()
                key.data.connection.sendall(ANSWER)
            elif asked is not None:
                due.append((key.data.came_ns + round(DELAY_S * 1e9), key.data))
        while due and due[0][0] <= time.time_ns():
            _, talk = due.popleft()
            times.append((time.time_ns() - talk.came_ns) / 1e9)
            with suppress(OSError):
                talk.connection.sendall(ANSWER)


def write_project(root: Path, provider: str, calls: int) -> None:
    for name in ("suites/mail", "policies/mail", ".git"):
        (root / name).mkdir(parents=True)
    (root / "evalgate.yaml").write_text(PROJECT.format(provider=provider))
    (root / "suites/mail/suite.yaml").write_text(SUITE)
    (root / "policies/mail/production.yaml").write_text(POLICY)
    with (root / "suites/mail/cases.jsonl").open("w") as file:
        for number in range(calls):
            text = f"Order {number}: " + "Where is my parcel, please? " * 5
            file.write(json.dumps({"id": f"m{number}", "input": text, "target": "billing"}) + "\n")


@dataclass(frozen=True, slots=True)
class Took:
    """What a whole process took, and the P95 it measured beside the server's own."""

    wall_s: float
    cpu_s: float
    p95_s: float
    true_p95_s: float
    contaminated: bool = False

    @property
    def is_honest(self) -> bool:
        return self.contaminated or abs(self.p95_s / self.true_p95_s - 1) <= 0.1

    def told(self, name: str, floor: "Took", calls: int) -> str:
        return (
            f"{name}: {self.wall_s:.2f} s ({self.wall_s / floor.wall_s:.2f} x), "
            f"{1000 * self.cpu_s / calls:.2f} ms of processor a call ({self.cpu_s / floor.cpu_s:.2f} x), "
            f"P95 {1000 * self.p95_s:.1f} ms ({self.p95_s / floor.p95_s:.2f} x plain aiohttp, "
            f"{self.p95_s / self.true_p95_s:.2f} x truth)"
            + (", marked as contaminated" if self.contaminated else "")
        )


def timed(command: list[str], cwd: Path) -> tuple[float, float, str]:
    """Return the seconds of the whole process, those of its processor, and what it printed."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(ROOT), "GATEWAY_KEY": "none"}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    # A P95 of more than a millisecond is a proven failure (1), or not to be trusted (3).
    if done.returncode not in (0, 1, 3):
        sys.exit(f"{command}: exit {done.returncode}\n{done.stderr}\n{done.stdout}")
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall_s, cpu_s, done.stdout


def p95(times: list[float]) -> float:
    """Estimate it as evalgate does: where few calls are slow, two ways to do it differ by more than 10 %."""
    return harrell_davis(np.asarray(times), 0.95)


class Bench:
    """Runs one client after the other against the server at ``origin``."""

    def __init__(self, calls: int, origin: str, truths: "multiprocessing.Queue[list[float]]") -> None:
        self.calls, self.origin, self._truths = calls, origin, truths

    def floor(self, in_flight: int) -> Took:
        command = [sys.executable, "-c", FLOOR, self.origin, str(self.calls), str(in_flight)]
        wall_s, cpu_s, printed = timed(command, ROOT)
        return Took(wall_s, cpu_s, p95(json.loads(printed)), self._truth())

    def evalgate(self, provider: str, in_flight: int | None) -> Took:
        with tempfile.TemporaryDirectory() as folder:
            write_project(Path(folder), provider, self.calls)
            command = [sys.executable, "-m", "evalgate", "run", "--mode", "live", "--format", "json"]
            command += [] if in_flight is None else ["--concurrency", str(in_flight)]
            wall_s, cpu_s, printed = timed(command, Path(folder))
        (comparison,) = json.loads(printed)["comparisons"]
        check = next(check for check in comparison["checks"] if check["metric"] == "latency_p95")
        contaminated = "not to be trusted" in check["reason"]
        return Took(wall_s, cpu_s, check["candidate"]["value"], self._truth(), contaminated)

    def _truth(self) -> float:
        urllib.request.urlopen(f"{self.origin}/reset", data=b"").read()
        return p95(self._truths.get())


Round = dict[str, float]
"""How many times the floor's seconds each client took."""


def report(bench: Bench, in_flight: int, *, litellm: bool) -> tuple[Round, bool]:
    """Print a line for every client; return its seconds over the floor's, and whether all were honest."""
    ours = f'{{kind: openai, origin: "{bench.origin}"}}'
    vendor = f'{{kind: litellm, key_env: GATEWAY_KEY, origin: "{bench.origin}/v1"}}'
    floor = bench.floor(in_flight)
    print(floor.told(f"plain aiohttp, {in_flight} in flight", floor, bench.calls), flush=True)
    runs = [(f"evalgate, {in_flight} in flight", ours, in_flight), ("evalgate, default settings", ours, None)]
    if litellm:
        runs += [
            (f"evalgate through litellm, {in_flight} in flight", vendor, in_flight),
            ("the same, default settings", vendor, None),
        ]
    honest, ratios = True, Round()
    for name, provider, bound in runs:
        took = bench.evalgate(provider, bound)
        unmarked = "" if took.is_honest else "; MORE THAN 10 % FROM THE TRUTH, AND NOT MARKED"
        print(took.told(name, floor, bench.calls) + unmarked, flush=True)
        honest = honest and took.is_honest
        ratios[name] = took.wall_s / floor.wall_s
    return ratios, honest


def be_busy() -> None:
    while True:
        pass


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--without-litellm", action="store_true")
    parser.add_argument("--hogs", type=int, default=0, help="processes that do nothing but be busy")
    parser.add_argument("--times", type=int, default=1)
    options = parser.parse_args()
    origins: multiprocessing.Queue[str] = multiprocessing.Queue()
    truths: multiprocessing.Queue[list[float]] = multiprocessing.Queue()
    beside = [multiprocessing.Process(target=serve, args=(origins, truths), daemon=True)]
    beside += [multiprocessing.Process(target=be_busy, daemon=True) for _ in range(options.hogs)]
    for process in beside:
        process.start()
    try:
        bench = Bench(options.calls, origins.get(), truths)
        print(f"{options.calls:,} calls, server answers in {DELAY_S * 1000:.0f} ms, {options.hogs} hogs")
        rounds = range(options.times)
        found = [report(bench, options.in_flight, litellm=not options.without_litellm) for _ in rounds]
    finally:
        for process in beside:
            process.terminate()
    for name in found[0][0] if len(found) > 1 else ():
        every = sorted(ratios[name] for ratios, _ in found)
        middle = statistics.median(every)
        print(f"{name}: {middle:.2f} x plain aiohttp in the median ({every[0]:.2f} to {every[-1]:.2f} x)")
    return 0 if all(honest for _, honest in found) else 1


if __name__ == "__main__":
    sys.exit(main())
