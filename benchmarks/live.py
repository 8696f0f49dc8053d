"""What calling costs and what it measures: live calls against a server that answers in exactly 50 ms.

    python benchmarks/live.py [--calls 2000] [--in-flight 64] [--without-litellm]

The server runs in its own process and counts how long each answer really took. Against it run, each in a
process of its own and one after the other: the floor (plain aiohttp, as its documentation shows it), then
``evalgate run --mode live`` with the same calls in flight, with default settings, and through litellm.
Seconds are those of whole processes: interpreter, imports, loading, calling, recording, reading back,
grading, gate. Prints the wall time as a ratio to the floor, and each measured P95 beside the floor's and the
truth.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
DELAY_S = 0.05
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
    times.sort()
    print(json.dumps(times[int(0.95 * len(times))]))

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


def serve(origins: "multiprocessing.Queue[str]", truths: "multiprocessing.Queue[float]") -> None:
    """Answer every request DELAY_S after its last byte came; on POST /reset give the P95 since the last."""
    import asyncio

    import uvloop

    class Talk(asyncio.Protocol):
        def connection_made(self, transport: asyncio.WriteTransport) -> None:
            self.transport, self.buffer = transport, b""

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            head, gap, body = self.buffer.partition(b"\r\n\r\n")
            lower = head.lower()
            at = lower.find(b"content-length:")
            length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if not gap or len(body) < length:
                return
            self.buffer = b""
            if head.startswith(b"POST /reset"):
                times.sort()
                truths.put(times[int(0.95 * len(times))] if times else 0.0)
                times.clear()
                self.transport.write(ANSWER)
                return
            came = time.perf_counter()
            loop.call_at(loop.time() + DELAY_S, self.answer, came)

        def answer(self, came: float) -> None:
            times.append(time.perf_counter() - came)
            self.transport.write(ANSWER)

    times: list[float] = []
    loop = uvloop.new_event_loop()
    server = loop.run_until_complete(loop.create_server(Talk, "127.0.0.1", 0))
    origins.put(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    loop.run_forever()


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


def timed(command: list[str], cwd: Path) -> tuple[float, str]:
    """Return the seconds of the whole process and what it printed."""
    started = time.perf_counter()
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(ROOT), "GATEWAY_KEY": "none"}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    # A P95 of more than a millisecond is a proven failure (1), or not to be trusted (3).
    if done.returncode not in (0, 1, 3):
        sys.exit(f"{command}: exit {done.returncode}\n{done.stderr}\n{done.stdout}")
    return time.perf_counter() - started, done.stdout


def evalgate(provider: str, calls: int, in_flight: int | None) -> tuple[float, float, bool]:
    """Return wall seconds, measured P95, and whether it was marked as contaminated by our own lag."""
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), provider, calls)
        command = [sys.executable, "-m", "evalgate", "run", "--mode", "live", "--format", "json"]
        command += [] if in_flight is None else ["--concurrency", str(in_flight)]
        wall_s, printed = timed(command, Path(folder))
    (comparison,) = json.loads(printed)["comparisons"]
    check = next(check for check in comparison["checks"] if check["metric"] == "latency_p95")
    return wall_s, check["candidate"]["value"], "not to be trusted" in check["reason"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--without-litellm", action="store_true")
    options = parser.parse_args()
    origins: multiprocessing.Queue[str] = multiprocessing.Queue()
    truths: multiprocessing.Queue[float] = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(origins, truths), daemon=True)
    server.start()
    origin = origins.get()
    try:
        report(options, origin, truths)
    finally:
        server.terminate()


def report(options: argparse.Namespace, origin: str, truths: "multiprocessing.Queue[float]") -> None:
    import urllib.request

    def truth() -> float:
        urllib.request.urlopen(f"{origin}/reset", data=b"").read()
        return truths.get()

    calls, in_flight = options.calls, options.in_flight
    ours = f'{{kind: openai, origin: "{origin}"}}'
    vendor = f'{{kind: litellm, key_env: GATEWAY_KEY, origin: "{origin}/v1"}}'
    floor = [sys.executable, "-c", FLOOR, origin, str(calls), str(in_flight)]
    floor_s, printed = timed(floor, ROOT)
    floor_p95, floor_truth = float(printed), truth()
    print(f"{calls:,} calls, server answers in {DELAY_S * 1000:.0f} ms")
    print(
        f"plain aiohttp, {in_flight} in flight: {floor_s:.2f} s, P95 {1000 * floor_p95:.1f} ms "
        f"(truth {1000 * floor_truth:.1f} ms)"
    )
    runs = [("evalgate", ours, in_flight), ("evalgate, default settings", ours, None)]
    if not options.without_litellm:
        runs += [
            ("evalgate through litellm", vendor, in_flight),
            ("the same, default settings", vendor, None),
        ]
    for name, provider, bound in runs:
        wall_s, p95, contaminated = evalgate(provider, calls, bound)
        true_p95 = truth()
        print(
            f"{name}{'' if bound is None else f', {bound} in flight'}: {wall_s:.2f} s "
            f"({wall_s / floor_s:.2f} x plain aiohttp), P95 {1000 * p95:.1f} ms "
            f"({p95 / floor_p95:.2f} x plain aiohttp, {p95 / true_p95:.2f} x truth)"
            + (", marked as contaminated" if contaminated else "")
        )


if __name__ == "__main__":
    main()
