"""Hits of a prompt cache on an hour of real conversations, beside a count that shares no code with it.

    python benchmarks/prompt_cache.py [TRACE]
    (default: ../shared/data/mooncake_conversation_trace/conversation_trace.jsonl.gz)

Each request of the trace names the blocks of 512 tokens that its prompt is made of. Tokens read from the
cache, with all blocks kept, with 5 minutes of life, and with room for 10,000 and 1,000 blocks, are equal to
the independent count's or the row says OFF. Then the time of the prediction beside that of reading the file.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from evalgate.core.prompt_cache_file import PromptCacheFile
from evalgate.pricing.prompt_cache import SentPrompt, predict

TRACE = "../shared/data/mooncake_conversation_trace/conversation_trace.jsonl.gz"
BLOCK = 512
T = TypeVar("T")
Row = tuple[float, int, list[int]]
"""Seconds since the start, tokens of the prompt, its blocks."""


def main() -> None:
    trace = Path(sys.argv[1] if len(sys.argv) > 1 else TRACE)
    if not trace.is_file():
        print(f"skipped: {trace} is not there")
        return
    rows, reading_s = timed(lambda: read(trace))
    tokens = sum(row[1] for row in rows)
    print(f"{trace.name}: {len(rows):,} requests, {tokens:,} input tokens")
    print("kept                     tokens read   of input      counted   evalgate        count")
    for name, ttl_s, room in (
        ("everything", None, None),
        ("5 minutes", 300.0, None),
        ("10,000 blocks", None, 10_000),
        ("1,000 blocks", None, 1_000),
        ("5 minutes, 1,000 blocks", 300.0, 1_000),
    ):
        found, predicting_s = timed(lambda ttl_s=ttl_s, room=room: predicted(rows, ttl_s, room))
        counted, counting_s = timed(lambda ttl_s=ttl_s, room=room: count(rows, ttl_s, room))
        verdict = "" if found == counted else "   OFF"
        print(
            f"{name:<23} {sum(found):>12,} {sum(found) / tokens:>10.1%} {sum(counted):>12,} "
            f"{predicting_s:>8.2f} s {counting_s:>10.2f} s{verdict}"
        )
        if name == "everything":
            ratio = (reading_s + predicting_s) / reading_s
    print(f"reading the file alone: {reading_s:.2f} s; read and predicted in {ratio:.2f} times that")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def read(trace: Path) -> list[Row]:
    with gzip.open(trace, "rt") as file:
        each = [json.loads(line) for line in file]
    return [(row["timestamp"] / 1000, row["input_length"], row["hash_ids"]) for row in each]


def predicted(rows: list[Row], ttl_s: float | None, room: int | None) -> list[int]:
    """What evalgate predicts to be read of each prompt."""
    spec = PromptCacheFile(
        block_tokens=BLOCK, min_tokens=0, ttl_s=ttl_s, capacity_tokens=None if room is None else room * BLOCK
    )
    prompts = [
        SentPrompt(at, at_s, tokens, tokens, tuple(blocks[: tokens // BLOCK]))
        for at, (at_s, tokens, blocks) in enumerate(rows)
    ]
    return [each.read for each in predict(spec, prompts, warm=False)]


def count(rows: list[Row], ttl_s: float | None, room: int | None) -> list[int]:
    """The same in ten lines: blocks in the order of their last use, with its time."""
    used: dict[int, float] = {}
    found = []
    for at_s, tokens, blocks in rows:
        whole, hit = blocks[: tokens // BLOCK], 0
        while hit < len(whole) and at_s - used.get(whole[hit], float("-inf")) < (ttl_s or float("inf")):
            hit += 1
        found.append(hit * BLOCK)
        for block in whole[::-1]:
            used.pop(block, None)
            used[block] = at_s
        while room is not None and len(used) > room:
            del used[next(iter(used))]
    return found


if __name__ == "__main__":
    main()
