"""One process of a fault scenario: what it does is its first argument. It is meant to be killed."""

import asyncio
import hashlib
import json
import resource
import sys
from pathlib import Path

from evalgate.core.calls import Request
from evalgate.core.errors import EvalgateError, Interrupted, SpendCapReached
from evalgate.core.messages import Message
from evalgate.core.policy_file import Price, Reliability
from evalgate.core.providers_file import OpenAIProvider
from evalgate.core.run import Session
from evalgate.pipeline.spending.tariff import Tariff
from evalgate.providers.live import LiveCaller
from evalgate.providers.loop import run_loop
from evalgate.store.encode import session_bytes
from evalgate.store.local.log import StoreLog
from evalgate.store.local.session import SessionWriter
from evalgate.store.local.store import LocalStore
from evalgate.store.record import RecordingCaller
from evalgate.store.writer import new_session

PRICE = Price(input_per_1m=1_000.0, output_per_1m=2_000.0)
SESSION = Session("20261101T000000Z-faults", "2026-11-01T00:00:00.000000Z")


def digest_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def line_of(digest: str, session: str = SESSION.id, size: int = 300) -> bytes:
    """A line that a reader accepts, with an answer that is different for every digest."""
    request = {
        "provider": "p",
        "model": "m",
        "revision": None,
        "quantization": None,
        "messages": [{"role": "user", "content": digest}],
        "params": {},
    }
    body = {"digest": digest, "kind": "chat", "request": request, "trial": 0, "sample": 0, "session": session}
    body |= {"attempts": [{"latency_s": 1.0}], "response": {"text": (digest * (size // 64 + 1))[:size]}}
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def request_of(name: str) -> Request:
    messages = (Message("user", name),)
    return Request("chat", "server", "m", "1", None, messages, {"max_tokens": 5}, digest_of(name))


def write_until_killed(path: Path, prefix: str) -> None:
    """Keep calls, and say of each that it is kept once it is; never end."""
    with LocalStore(path) as store:
        store.keep_session(SESSION.id, session_bytes(SESSION, "all"), "faults")
        for number in range(10**9):
            for each in range(20):
                digest = digest_of(f"{prefix} {number} {each}")
                store.keep_call(digest, SESSION.id, line_of(digest))
            store.flush()
            print(number, flush=True)


def fill_the_disk(path: Path, limit: str) -> None:
    """Keep calls until no file may grow any more; say how many were kept and what was said then."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    kept = 0
    try:
        with LocalStore(path) as store:
            store.keep_session(SESSION.id, session_bytes(SESSION, "all"), "faults")
            for number in range(10_000):
                digest = digest_of(f"full {number}")
                store.keep_call(digest, SESSION.id, line_of(digest))
                store.flush()
                kept = number + 1
    except EvalgateError as error:
        print(kept, type(error).__name__, str(error).replace("\n", " "), flush=True)


def open_many(folder: Path, count: str) -> None:
    """Open new stores, one after the other, as others do at the same time."""
    for number in range(int(count)):
        with LocalStore(folder / f"{number}.sqlite3") as store:
            digest = digest_of(f"{number} {store.owner}")
            store.keep_call(digest, SESSION.id, line_of(digest))
    print("opened", flush=True)


def spend(path: Path, origin: str, name: str, calls: str, cap: str) -> None:
    """Wait for the word, then make calls at once until the cap; say what became of them."""

    async def go(store: LocalStore) -> tuple[int, int]:
        session = new_session("faults")
        tariff = Tariff({("server", "m", "1", None): [PRICE]})
        log = StoreLog(store, session.id, tariff, float(cap), lambda: False)
        provider = OpenAIProvider(kind="openai", origin=origin)
        async with LiveCaller({"server": provider}, {}, {}, log) as live:
            caller = RecordingCaller(live, SessionWriter(store, session, "faults"))
            asked = [caller(request_of(f"{name} {n}"), Reliability()) for n in range(int(calls))]
            ended = await asyncio.gather(*asked, return_exceptions=True)
        refused = [each for each in ended if isinstance(each, SpendCapReached | Interrupted)]
        odd = [each for each in ended if isinstance(each, BaseException) and each not in refused]
        if odd:
            raise odd[0]
        return len(ended) - len(refused), len(refused)

    with LocalStore(path) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        made, refused = run_loop(go(store))
    print(made, refused, flush=True)


if __name__ == "__main__":
    what, place, *rest = sys.argv[1:]
    {
        "write": write_until_killed,
        "fill": fill_the_disk,
        "open": open_many,
        "spend": spend,
    }[what](Path(place), *rest)
