"""The load simulation against a real server with slots and a queue, on this machine.

    python benchmarks/queue_server.py [--requests 600] [--slots 12] [--mean-s 0.4] [--runs 3] [--client C]

A server process has SLOTS places and one queue, first come first served; how long an answer takes is drawn
from a lognormal distribution (coefficient of variation 1). A client sends requests openly, at moments with
gamma distributed gaps (coefficient 2), and counts each from the moment at which it was due. The simulation of
``evalgate load`` then gets the same moments and the service times that the server measured, and its P50, P95
and P99 stand beside the measured ones, at utilisations of 0.3, 0.6 and 0.8.

Beside it stands what ``evalgate load`` would have said beforehand, from 600 calls recorded while half of the
places were free, cases and arrivals drawn anew, and whether its 90 % interval holds the measured P95.

A canary thread in either process sleeps 10 ms at a time and notes how late it wakes up. A run in which it was
late by more than 5 % of a mean service time at its P99, or once by more than a mean service time, is thrown
out and made again, at most TRIES times: then the machine was measured and not the queue.
The exit code is 1 when a clean run misses the P95 by more than 5 %, and 4 when no run was clean.
"""

import argparse
import asyncio
import multiprocessing
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import aiohttp
import numpy as np
from aiohttp import web

from evalgate.core.calls import Attempt
from evalgate.core.load import Station, Traffic
from evalgate.core.numbers import Estimate
from evalgate.core.outcome import Answer, Cost, Graded, Outcome, Step
from evalgate.scoring.load.arrivals import gamma_arrivals
from evalgate.scoring.load.compare import Asked, compare_under_load
from evalgate.scoring.load.demand import Demand, demand_of
from evalgate.scoring.load.replicate import Side, quantiles
from evalgate.scoring.load.simulate import Requests, Timeline, simulate

UTILISATIONS = (0.3, 0.6, 0.8)
SHARES = (0.5, 0.95, 0.99)
BURSTINESS = 2.0
RECORDED = 600
TRIES = 4
GOAL = 0.05
NAP_S = 0.01


@dataclass(frozen=True)
class Measured:
    """One run: when requests were due, what each user waited, how long each was served, who stood still."""

    due_s: np.ndarray
    latency_s: np.ndarray
    served_s: np.ndarray
    late_p99_s: float
    late_max_s: float


class Canary(threading.Thread):
    """Sleeps and notes how late it wakes up: what no queue did."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.late_s: list[float] = []

    def run(self) -> None:
        while True:
            due = time.perf_counter() + NAP_S
            time.sleep(NAP_S)
            self.late_s.append(time.perf_counter() - due)


def serve(slots: int, mean_s: float, told: Connection) -> None:
    """Answer chat completions, each in its drawn time and ``slots`` at once; tell the port."""
    canary = Canary()
    canary.start()
    asyncio.run(_serve(slots, mean_s, told, canary))


async def _serve(slots: int, mean_s: float, told: Connection, canary: Canary) -> None:
    # asyncio's semaphore wakes its waiters in the order in which they came.
    places = asyncio.Semaphore(slots)
    variance = np.log(2.0)
    draws = np.random.default_rng(1)

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        async with places:
            begun = time.perf_counter()
            await asyncio.sleep(mean_s * float(draws.lognormal(-variance / 2, np.sqrt(variance))))
            served = time.perf_counter() - begun
        message = {"role": "assistant", "content": f"{served!r}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42}
        head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
        return web.json_response({**head, "choices": [choice], "usage": usage})

    async def lateness(_: web.Request) -> web.Response:
        found, canary.late_s = canary.late_s, []
        return web.json_response(found)

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", answer), web.get("/late", lateness)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    told.send(runner.addresses[0][1])
    await asyncio.Event().wait()


BODY = {"model": "m", "messages": [{"role": "user", "content": "Where is my parcel?"}]}


async def run(origin: str, due: Sequence[float], client: str, canary: Canary) -> Measured:
    """Send a request at each moment of ``due``, whether earlier ones were answered or not."""
    async with asking(origin, client) as ask, aiohttp.ClientSession(origin) as session:
        await asyncio.gather(*(ask() for _ in range(4)))  # connections and imports are no part of it
        await (await session.get("/late")).json()
        canary.late_s.clear()
        start = time.perf_counter() + 0.2

        async def one(at: float) -> tuple[float, float]:
            await asyncio.sleep(start + at - time.perf_counter())
            served = await ask()
            # From when it was due: a client that falls behind must not make its waits shorter.
            return time.perf_counter() - start - at, served

        found = await asyncio.gather(*(one(at) for at in due))
        late = np.array([*canary.late_s, *await (await session.get("/late")).json()])
    latency, served = np.array(found).T
    return Measured(np.array(due), latency, served, float(np.quantile(late, 0.99)), float(late.max()))


async def record(origin: str, in_flight: int, client: str) -> list[float]:
    """Return how long calls took of which so few are in flight that none waits for a place."""
    async with asking(origin, client) as ask:
        await asyncio.gather(*(ask() for _ in range(in_flight)))
        gate = asyncio.Semaphore(in_flight)

        async def one() -> float:
            async with gate:
                begun = time.perf_counter()
                await ask()
                return time.perf_counter() - begun

        return await asyncio.gather(*(one() for _ in range(RECORDED)))


@asynccontextmanager
async def asking(origin: str, client: str) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """Yield what asks the server once and returns how long it says that serving took."""
    if client == "openai":
        import openai

        async with openai.AsyncOpenAI(api_key="none", base_url=f"{origin}/v1", max_retries=0) as vendor:

            async def ask_openai() -> float:
                reply = await vendor.chat.completions.create(**BODY)
                return float(reply.choices[0].message.content)

            yield ask_openai
        return
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask_plainly() -> float:
            async with session.post(f"{origin}/v1/chat/completions", json=BODY) as response:
                return float((await response.json())["choices"][0]["message"]["content"])

        yield ask_plainly


def demand(times_s: Sequence[float]) -> Demand:
    """What cases ask that were recorded to take ``times_s``."""
    results = [
        Graded(
            Outcome(
                f"c{at}",
                0,
                Answer(""),
                "own",
                took,
                (Step("generate", "own", f"{at}", "s", (Attempt(took),)),),
            ),
            Cost(0.0),
            None,
            {},
            None,
            1.0,
            None,
        )
        for at, took in enumerate(times_s)
    ]
    return demand_of(results, {"own": 0})


def predicted(measured: Measured, slots: int) -> np.ndarray:
    """The quantiles of the simulation that is given the same moments and the same service times."""
    order = np.argsort(measured.due_s, kind="stable")
    who = Requests(measured.due_s[order], np.arange(len(order)))
    timeline = simulate(demand(measured.served_s[order].tolist()), who, [Station("own", slots=slots)])
    return quantiles(timeline, SHARES)


def observed(measured: Measured) -> np.ndarray:
    """The quantiles of what was measured, the same requests counted."""
    nobody = np.zeros(len(measured.due_s), dtype=bool)
    return quantiles(Timeline(measured.due_s, measured.latency_s, nobody, (), ()), SHARES)


def foretold(recorded: Sequence[float], rps: float, slots: int, requests: int) -> Estimate:
    """The P95 that ``evalgate load`` would have said beforehand, with its interval."""
    side = Side("own", demand(recorded), [Station("own", slots=slots)])
    asked = Asked(Traffic(rps, BURSTINESS), requests=requests, replications=40)
    found = compare_under_load("queue", None, side, np.ones(len(recorded)), asked).candidate.p95_s
    assert isinstance(found, Estimate), found
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--slots", type=int, default=12)
    parser.add_argument("--mean-s", type=float, default=0.4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--client", choices=("aiohttp", "openai"), default="aiohttp")
    given = parser.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=serve, args=(given.slots, given.mean_s, there), daemon=True
    )
    server.start()
    canary = Canary()
    canary.start()
    try:
        return _measure(given, f"http://127.0.0.1:{here.recv()}", canary)
    finally:
        server.terminate()


def _measure(given: argparse.Namespace, origin: str, canary: Canary) -> int:
    recorded = asyncio.run(record(origin, given.slots // 2, given.client))
    title = f"{given.slots} slots, mean {given.mean_s:g} s, {given.requests:,} requests a run"
    print(f"{title}, client {given.client}; goal: P95 within {GOAL:.0%}")
    print("utilisation   P50 error   P95 error   P99 error   P95, s   said before, 90 %        canary, ms")
    clean = missed = held = 0
    for busy in UTILISATIONS:
        for number in range(given.runs):
            rps = busy * given.slots / given.mean_s
            for attempt in range(TRIES):
                rng = np.random.default_rng((number, attempt, int(busy * 10)))
                due = gamma_arrivals(given.requests, rps, BURSTINESS, rng).tolist()
                found = asyncio.run(run(origin, due, given.client, canary))
                stood = found.late_p99_s > 0.05 * given.mean_s or found.late_max_s > given.mean_s
                before = foretold(recorded, rps, given.slots, given.requests)
                errors = predicted(found, given.slots) / observed(found) - 1
                inside = before.low <= observed(found)[1] <= before.high
                print(_line(busy, found, errors, before, inside=inside, stood=stood), flush=True)
                if not stood:
                    clean, held, missed = clean + 1, held + inside, missed + (abs(errors[1]) > GOAL)
                    break
    print(f"{clean} clean runs: {missed} beyond the goal; what was said before held in {held}")
    return 4 if not clean else int(missed > 0)


def _line(
    busy: float, found: Measured, errors: np.ndarray, before: Estimate, *, inside: bool, stood: bool
) -> str:
    said = f"{before.value:.2f} ({before.low:.2f} to {before.high:.2f})" + ("" if inside else " !")
    late = f"{1000 * found.late_p99_s:.1f}, at most {1000 * found.late_max_s:.0f}"
    verdict = "   thrown out" if stood else "   BEYOND" if abs(errors[1]) > GOAL else ""
    numbers = "".join(f"{error:>+12.1%}" for error in errors)
    return f"{busy:>11.1f}{numbers}{observed(found)[1]:>9.3f}   {said:<22}   {late:>16}{verdict}"


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
