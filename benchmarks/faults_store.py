"""Fault figures of the local store alone: kills, damage, races, a full disk."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults_worker import SESSION, digest_of, line_of
from evalgate.store.encode import session_bytes
from evalgate.store.local.schema import PAGE_BYTES
from evalgate.store.local.store import LocalStore
from evalgate.store.local.stored import StoredCalls

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("faults_worker.py")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the list, what it must be, and what it was."""

    number: int
    name: str
    target: str
    found: str
    holds: bool


def worker(*arguments: object, **named: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WORKER), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **named,
    )


@contextmanager
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def acknowledged_calls_lost(kills: int, writers: int, rng: random.Random) -> Figure:
    """1: kill writers in the middle, again and again on one store; everything that was told must be there."""
    told: set[str] = set()
    with folder() as place:
        path = place / "store.sqlite3"
        for kill in range(kills):
            processes = [worker("write", path, f"{kill} {each}") for each in range(writers)]
            heard: list[list[str]] = [[] for _ in processes]
            readers = [
                threading.Thread(target=_listen, args=(process, lines))
                for process, lines in zip(processes, heard, strict=True)
            ]
            for reader in readers:
                reader.start()
            # Until each has told something, then a random moment later.
            wanted = rng.randint(1, 6)
            while any(
                len(lines) < wanted and process.poll() is None
                for process, lines in zip(processes, heard, strict=True)
            ):
                threading.Event().wait(0.005)
            for process in processes:
                process.send_signal(signal.SIGKILL)
            for process, reader in zip(processes, readers, strict=True):
                reader.join()
                process.communicate()
            for each, lines in enumerate(heard):
                for number in lines:
                    told |= {digest_of(f"{kill} {each} {number} {part}") for part in range(20)}
        stored = StoredCalls(path)
        lost = sum(digest not in stored for digest in told)
    found = f"{lost} of {len(told):,} lost over {kills * writers} SIGKILLs, {writers} writers at once"
    return Figure(1, "acknowledged calls lost", "0", found, lost == 0 and len(told) >= 20 * kills)


def _listen(process: "subprocess.Popen[str]", lines: list[str]) -> None:
    assert process.stdout is not None
    lines.extend(line.strip() for line in process.stdout if line.endswith("\n"))


def filled(path: Path, calls: int) -> dict[str, bytes]:
    """Fill a store with calls, small ones and some that need several pages; return their lines."""
    lines = {}
    with LocalStore(path) as store:
        store.keep_session(SESSION.id, session_bytes(SESSION, "all"), "faults")
        for number in range(calls):
            digest = digest_of(f"call {number}")
            lines[digest] = line_of(digest, size=12_000 if number % 10 == 0 else 400)
            store.keep_call(digest, SESSION.id, lines[digest])
    return lines


def damage(flips: int, calls: int, rng: random.Random) -> Figure:
    """12: one bit anywhere, a cut or empty file: it opens, serves nothing wrong and saves the rest."""
    wrong = missing = worst = 0
    with folder() as place:
        whole = place / "whole.sqlite3"
        lines = filled(whole, calls)
        content = whole.read_bytes()
        for number in range(flips):
            # Every other one in the page that declares the tables: of all others a bit spoils little.
            at = rng.randrange(PAGE_BYTES if number % 2 else len(content))
            damaged = bytearray(content)
            damaged[at] ^= 1 << rng.randrange(8)
            bad, gone = _served(place / "damaged", bytes(damaged), b"", lines)
            wrong, missing, worst = wrong + bad, missing + gone, max(worst, gone)
        ends = [
            _served(place / "damaged", content[: len(content) * part // 4], b"", lines)[0]
            for part in range(4)
        ]
        wrong += sum(ends)
    found = (
        f"{wrong} wrong bytes served; {missing} calls lost over {flips} flipped bits of {len(content):,} "
        f"bytes with {calls} calls, at most {worst} by one; every cut file opened"
    )
    return Figure(
        12,
        "store damage",
        "always opens, 0 wrong, at most the call that was hit",
        found,
        wrong == 0 and worst <= 1,
    )


def _served(place: Path, content: bytes, wal: bytes, lines: dict[str, bytes]) -> tuple[int, int]:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    path = place / "store.sqlite3"
    path.write_bytes(content)
    if wal:
        path.with_name("store.sqlite3-wal").write_bytes(wal)
    stored = StoredCalls(path)
    wrong = missing = 0
    for digest, line in lines.items():
        found = stored.lines(digest)
        missing += not found
        wrong += any(each != line for _, each in found)
    return wrong, missing


def first_open_race(processes: int, stores: int) -> Figure:
    """13: processes that open the same new stores at once."""
    with folder() as place:
        racing = [worker("open", place, stores) for _ in range(processes)]
        ended = [process.communicate(timeout=600)[0].strip() for process in racing]
    failures = sum(each != "opened" for each in ended)
    found = f"{failures} of {processes} processes failed, {stores} new stores each"
    return Figure(13, "first open of one store by several", "0 failures", found, failures == 0)


def disk_full(limit_bytes: int) -> Figure:
    """15: no file may grow: a clear error, and everything that was told is there afterwards."""
    with folder() as place:
        path = place / "store.sqlite3"
        said, _ = worker("fill", path, limit_bytes).communicate(timeout=600)
        kept, kind, *_ = said.split(" ")
        stored = StoredCalls(path)
        lost = sum(digest_of(f"full {number}") not in stored for number in range(int(kept)))
    found = f"{kind} after {kept} calls, {lost} of them lost"
    return Figure(
        15, "disk full", "a clear error, 0 lost", found, kind == "CannotJudge" and lost == 0 and int(kept) > 0
    )


def old_stores() -> Figure:
    """14: a store of every released version of its tables opens, and holds what it held."""
    golden = sorted((ROOT / "tests/unit/store/golden").glob("store-*.sqlite3"))
    odd = []
    for old in golden:
        with folder() as place:
            path = place / "store.sqlite3"
            shutil.copy(old, path)
            with LocalStore(path):
                pass
            stored = StoredCalls(path)
            expected = {digest_of(f"golden {number}") for number in range(3)}
            if set(stored) != expected or set(stored.sessions) != {SESSION.id}:
                odd.append(old.name)
    found = f"{len(golden) - len(odd)} of {len(golden)} released versions open whole"
    return Figure(14, "stores of old versions", "every one opens", found, bool(golden) and not odd)


def make_golden(path: Path) -> None:
    """Write a store of the present version, to be kept for good once that version is released."""
    with LocalStore(path) as store:
        store.keep_session(SESSION.id, session_bytes(SESSION, "all"), "golden")
        for number in range(3):
            digest = digest_of(f"golden {number}")
            store.keep_call(digest, SESSION.id, line_of(digest))
