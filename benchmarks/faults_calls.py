"""Fault figures of calls: what a server saw, what was noted, what was paid, and what was served later."""

import asyncio
import importlib.util
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from types import ModuleType

from benchmarks.faults_store import ROOT, Figure, folder, worker
from benchmarks.faults_worker import PRICE, request_of
from evalgate.core.calls import Call
from evalgate.core.digest import DigestFrame
from evalgate.core.messages import Message
from evalgate.core.policy_file import Reliability
from evalgate.core.providers_file import OpenAIProvider
from evalgate.pipeline.spending.tariff import Tariff
from evalgate.providers.live import LiveCaller
from evalgate.providers.loop import run_loop
from evalgate.store.local.log import StoreLog
from evalgate.store.local.session import SessionWriter
from evalgate.store.local.store import LocalStore
from evalgate.store.local.stored import StoredCalls
from evalgate.store.record import AutoCaller, RecordingCaller
from evalgate.store.recordings import Recordings
from evalgate.store.replay import ReplayCaller
from evalgate.store.writer import new_session


def _loopback() -> ModuleType:
    """The tests' server. By its path: some installed package brings a `tests` of its own."""
    spec = importlib.util.spec_from_file_location("loopback", ROOT / "tests/loopback.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["loopback"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


server_that_fails = _loopback()
Loopback, Step = server_that_fails.Loopback, server_that_fails.Step
answer, completion, delayed = (
    server_that_fails.answer,
    server_that_fails.completion,
    server_that_fails.delayed,
)
json_reply, status = server_that_fails.json_reply, server_that_fails.status
html, not_http, reset, torn = (
    server_that_fails.html,
    server_that_fails.not_http,
    server_that_fails.reset,
    server_that_fails.torn,
)

ONCE = Reliability(num_retries=1, backoff_s=0.0, request_timeout_s=1.0)
FAULTS: dict[str, Step] = {
    "429": status(429),
    "500": status(500),
    "503": status(503),
    "529": status(529),
    "400": status(400, {"message": "no"}),
    "html": html(),
    "torn": torn(),
    "reset": reset(),
    "not http": not_http(),
    "timeout": delayed(5, answer()),
    "no choices": json_reply(completion(choices=[])),
    "error in 200": json_reply({"error": {"message": "quota", "code": 500}}),
}
KEY = "sk-faults-canary-0123456789"
# One answer of the server: 12 tokens in and 3 out.
ANSWER_USD = (12 * PRICE.input_per_1m + 3 * PRICE.output_per_1m) / 1e6


def ask(path: Path, origin: str, names: list[str], rules: Reliability) -> list[Call | BaseException]:
    """Make calls as `record` does, through the store at ``path``."""

    async def go(store: LocalStore) -> list[Call | BaseException]:
        session = new_session("faults")
        log = StoreLog(store, session.id, Tariff({("server", "m", "1", None): [PRICE]}), None, lambda: False)
        stored = StoredCalls(path)
        provider = OpenAIProvider(kind="openai", origin=origin)
        async with LiveCaller({"server": provider}, {}, {}, log) as live:
            recording = RecordingCaller(live, SessionWriter(store, session, "faults"))
            replayed = ReplayCaller(Recordings(stored.sessions, (stored,)))
            caller = AutoCaller(replayed, recording, store)
            calls = [caller(request_of(name), rules) for name in names]
            return await asyncio.gather(*calls, return_exceptions=True)

    with LocalStore(path) as store:
        return run_loop(go(store))


def attempts_in(path: Path, where: str = "1") -> int:
    connection = sqlite3.connect(path)
    try:
        count: int = connection.execute(f"SELECT count(*) FROM attempts WHERE {where}").fetchone()[0]
    finally:
        connection.close()
    return count


def attempts_noted() -> Figure:
    """3: requests that the server saw against rows of attempts, fault by fault."""
    odd = []
    seen = 0
    with folder() as place:
        for name, step in {**FAULTS, "401": status(401)}.items():
            path = place / name.replace(" ", "-") / "store.sqlite3"
            with Loopback([answer(), step, step, answer()]) as server:
                ask(path, server.origin, ["first"], ONCE)
                ask(path, server.origin, ["second", "third"], ONCE)
                received = len(server.received)
            seen += received
            if attempts_in(path) != received:
                odd.append(f"{name}: {received} seen, {attempts_in(path)} noted")
    found = f"{seen} requests over {len(FAULTS) + 1} faults; " + ("; ".join(odd) or "equal in each")
    return Figure(3, "requests seen by the server = attempts noted", "equal", found, not odd)


def errors_served() -> Figure:
    """7: a failure that was kept is replayed as a failure, never as an answer."""
    served = refused = 0
    with folder() as place:
        for name, step in FAULTS.items():
            path = place / name.replace(" ", "-") / "store.sqlite3"
            with Loopback([step]) as server:
                made = ask(path, server.origin, ["a"], replace_retries(0))
                before = len(server.received)
                again = ask(path, server.origin, ["a"], replace_retries(0))
                refused += len(server.received) == before
            served += sum(isinstance(call, Call) and call.response is not None for call in [*made, *again])
    found = f"{served} served as answers over {len(FAULTS)} faults, {refused} replayed without a call"
    return Figure(7, "errors served from the store", "0", found, served == 0 and refused == len(FAULTS))


def replace_retries(retries: int) -> Reliability:
    return ONCE.model_copy(update={"num_retries": retries})


def deterministic_500() -> Figure:
    """10: the same failure again and again ends soon, whatever the policy allows."""
    waits: list[float] = []
    with folder() as place, Loopback([status(500, {"message": "always"})]) as server:
        (call,) = ask(
            place / "store.sqlite3", server.origin, ["a"], Reliability(num_retries=5, backoff_s=0.0)
        )
        assert isinstance(call, Call)
        waits = [attempt.wait_s for attempt in call.attempts]
        seen = len(server.received)
    found = f"given up after {seen} attempts and {sum(waits):.1f} s of waiting"
    return Figure(10, "a failure that never changes", "at most 6 attempts, 10 min", found, seen <= 6)


def retry_after(seconds: int) -> Figure:
    """11: no request before the time the server named, in seconds and as a date."""
    early = 0
    waited = []
    for written in ("seconds", "date"):
        # A date is of whole seconds: of the next one after those that were meant.
        date = formatdate(time.time() + seconds + 1, usegmt=True)
        header = str(seconds) if written == "seconds" else date
        arrived: list[float] = []
        with (
            folder() as place,
            Loopback(
                [_at(arrived, status(429, headers={"Retry-After": header})), _at(arrived, answer())]
            ) as server,
        ):
            told = time.time() + seconds if header.isdigit() else _date_s(header)
            ask(place / "store.sqlite3", server.origin, ["a"], Reliability(num_retries=1, backoff_s=0.0))
        early += len(arrived) < 2 or arrived[1] < told - 0.002
        waited.append(f"{arrived[-1] - arrived[0]:.2f} s")
    found = f"{early} requests too early; waited {' and '.join(waited)} for {seconds} s and for a date"
    return Figure(11, "Retry-After obeyed", "0 too early", found, early == 0)


def _at(arrived: list[float], then: Step) -> Step:
    async def step(writer: asyncio.StreamWriter) -> None:
        arrived.append(time.time())
        await then(writer)

    return step


def _date_s(header: str) -> float:
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(header).timestamp()


def spend_cap(processes: int, calls: int, cap_usd: float) -> Figure:
    """8: processes that spend from one cap at the same time, against what the server would bill."""
    with folder() as place, Loopback([delayed(0.02, answer())]) as server:
        path = place / "store.sqlite3"
        racing = [worker("spend", path, server.origin, each, calls, cap_usd) for each in range(processes)]
        for process in racing:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in racing:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ended = [process.communicate(timeout=600)[0].split() for process in racing]
        billed = len(server.received) * ANSWER_USD
        noted = attempts_in(path)
        received = len(server.received)
    over = max(0.0, billed - cap_usd)
    made = sum(int(each[0]) for each in ended)
    found = (
        f"{over:.2f} USD over {cap_usd:g} with {processes} x {calls} calls at once: {made} made for "
        f"{billed:.3f} USD, {received} requests, {noted} noted"
    )
    holds = over == 0 and noted == received == made and 0 < made < processes * calls
    return Figure(8, "spend above the cap", "0.00", found, holds)


def wrong_hits(mutations: int, rng: random.Random) -> Figure:
    """6: whatever part of a request is changed, its recording is not found."""
    base: dict[str, object] = {"temperature": 0, "max_tokens": 5, "seed": 1, "stop": ["x"], "top_p": 1}
    identity: dict[str, object] = {"provider": "p", "model": "m", "revision": "1", "quantization": None}
    messages = [Message("system", "Be brief."), Message("user", "Where is it?")]
    own = DigestFrame("chat", identity, base).digest(messages, 0, 0)
    hits = 0
    for _ in range(mutations):
        hits += _mutated(rng, identity, base, messages) == own
    found = f"{hits} hits over {mutations:,} mutations of every part"
    return Figure(6, "wrong replay", "0 hits", found, hits == 0)


def _mutated(
    rng: random.Random, identity: dict[str, object], params: dict[str, object], messages: list[Message]
) -> str:
    salt = f"{rng.random()}"
    part = rng.randrange(6)
    kind, trial, sample = "chat", 0, 0
    match part:
        case 0:
            identity = identity | {rng.choice(sorted(identity)): salt}
        case 1:
            params = params | {rng.choice([*params, "an unknown one"]): salt}
        case 2:
            params = {key: value for key, value in params.items() if key != rng.choice(sorted(params))}
            params |= {"seed": rng.randrange(2, 10**6)}
        case 3:
            at = rng.randrange(len(messages))
            changed = replace(messages[at], **{rng.choice(["role", "content", "name"]): salt})
            messages = [*messages[:at], changed, *messages[at + 1 :]]
        case 4:
            trial, sample = rng.choice([(1, 0), (0, 1), (rng.randrange(2, 99), 0)])
        case _:
            kind = rng.choice(["embed", "function", "http"])
    return DigestFrame(kind, identity, params).digest(messages, trial, sample)  # type: ignore[arg-type]


# Whole runs of the program


PROJECT = 'providers: {server: {kind: openai, origin: "ORIGIN"}}\nbudgets: {accuracy: {min: 1%}}\n'
SUITE = "policies: policies/mail\ngrader: {kind: choice, labels: [billing, shipping]}\n"
POLICY = """
prompt: [{role: user, content: "{{input}}"}]
params: {temperature: 0, max_tokens: 4}
deployments:
  weak:   {provider: server, model: small, revision: "1", price: {input_per_1m: 1, output_per_1m: 2}}
  strong: {provider: server, model: large, revision: "1", price: {input_per_1m: 10, output_per_1m: 20}}
router: {kind: column, column: need, threshold: THRESHOLD, strong: strong, weak: weak}
reliability: {request_timeout_s: 20}
"""


def project(root: Path, origin: str, cases: int) -> None:
    for name in ("suites/mail", "policies/mail", ".git"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "evalgate.yaml").write_text(PROJECT.replace("ORIGIN", origin))
    (root / "suites/mail/suite.yaml").write_text(SUITE)
    lines = [
        {"id": f"m{n}", "input": f"mail {n}", "target": "billing", "vars": {"need": n / cases}}
        for n in range(cases)
    ]
    (root / "suites/mail/cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (root / "policies/mail/production.yaml").write_text(POLICY.replace("THRESHOLD", "0.5"))


def start(root: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "evalgate", *arguments],
        cwd=root,
        env={"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    process = start(root, *arguments)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def _until(condition: Callable[[], bool], limit_s: float = 120.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)


def paid_twice(kills: int, cases: int, rng: random.Random) -> Figure:
    """2: recordings that are killed, then finished: what was asked twice was in flight, and is flagged."""
    concurrency = 8
    with folder() as root, Loopback([delayed(0.05, answer("billing"))]) as server:
        project(root, server.origin, cases)
        path = root / ".evalgate/store.sqlite3"
        for _ in range(kills):
            before = len(server.received)
            wanted = before + rng.randint(2, max(3, cases // (kills + 2)))
            process = start(root, "record", "--concurrency", str(concurrency))
            _until(
                lambda wanted=wanted, process=process: (
                    len(server.received) >= wanted or process.poll() is not None
                )
            )
            process.send_signal(signal.SIGKILL)
            process.communicate()
        done = run(root, "record", "--concurrency", str(concurrency))
        asked = Counter(str(each.json["messages"][-1]["content"]) for each in server.received)
        twice = sum(times - 1 for times in asked.values())
        lost, noted = attempts_in(path, "state = 'lost'"), attempts_in(path)
        seen = len(server.received)
    found = (
        f"{twice} asked again after {kills} kills, {lost} flagged as possibly billed, at most {concurrency} "
        f"in flight at each of two models; {seen} requests, {noted} noted, {len(asked)} of {cases} cases "
        f"asked; "
        f"exit {done.returncode}"
    )
    holds = done.returncode == 0 and len(asked) == cases and twice <= min(lost, 2 * kills * concurrency)
    # A row may be there whose request never left: at most one is made ready for each that is in flight.
    holds = holds and lost <= 2 * 2 * kills * concurrency
    return Figure(2, "paid twice without a flag", "0", found, holds and seen <= noted <= seen + lost)


def unchanged_and_one_lever(cases: int) -> tuple[Figure, Figure]:
    """4 and 5: a replay calls nobody and says the same again; one lever calls exactly what it affects."""
    with folder() as root, Loopback([answer("billing")]) as server:
        project(root, server.origin, cases)
        run(root, "record")
        before = len(server.received)
        first, second = (run(root, "run", "--format", "json") for _ in range(2))
        same = first.stdout == second.stdout and first.returncode == 0 and len(server.received) == before
        (root / "policies/mail/fewer-strong.yaml").write_text(POLICY.replace("THRESHOLD", "0.7"))
        run(root, "run", "--mode", "auto", "--policy", "fewer-strong")
        asked = sorted(str(each.json["messages"][-1]["content"]) for each in server.received[before:])
    affected = sorted(f"mail {n}" for n in range(cases) if 0.5 <= n / cases < 0.7)
    replayed = f"{len(server.received) - before - len(asked)} calls, {'equal' if same else 'different'} bytes"
    lever = f"{len(asked)} calls, {len(affected)} affected, {'the same' if asked == affected else 'others'}"
    return (
        Figure(4, "replay of an unchanged policy", "0 calls, equal bytes", replayed, same),
        Figure(5, "calls when one lever changes", "exactly the affected", lever, asked == affected),
    )


def interrupted(cases: int) -> Figure:
    """9: Ctrl-C in the middle: how soon the partial result is there, with every finished call."""
    with folder() as root, Loopback([delayed(0.3, answer("billing"))]) as server:
        project(root, server.origin, cases)
        process = start(root, "run", "--mode", "auto", "--format", "json", "--concurrency", "4")
        _until(lambda: len(server.received) >= 8 or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        since = time.monotonic()
        out, _ = process.communicate(timeout=60)
        took_s = time.monotonic() - since
        seen = len(server.received)
        kept = attempts_in(root / ".evalgate/store.sqlite3", "state = 'billed'")
        result = json.loads(out) if out else {}
    verdict = result.get("verdict")
    found = f"exit {process.returncode} after {took_s:.1f} s, verdict {verdict}, {kept} of {seen} kept"
    # Every call takes 0.3 s; what is left of the ten seconds is for a busy machine.
    holds = process.returncode == 130 and took_s <= 10 and kept == seen and verdict == "inconclusive"
    return Figure(9, "Ctrl-C to the partial result", "at most 10 s, every finished call kept", found, holds)
