"""What faults cost: calls lost, paid twice or unseen, money over a cap, wrong bytes served.

    python benchmarks/faults.py            the short form, as the tests run it: about a minute
    python benchmarks/faults.py --long     500 kills and more of everything: five minutes or so

Every figure has a target that it must reach, and the exit code is 1 when one does not. All servers are on
loopback; nothing is timed, so a busy machine changes nothing but how long it takes.
"""

import argparse
import logging
import random
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import faults_calls as calls
from benchmarks import faults_store as store
from benchmarks.faults_store import Figure


def figures(rng: random.Random, *, long: bool) -> Iterator[Figure]:
    """Measure one after the other, by their numbers."""
    yield store.acknowledged_calls_lost(250 if long else 4, 1, rng)
    yield store.acknowledged_calls_lost(63 if long else 2, 4, rng)
    yield calls.paid_twice(20 if long else 2, 400 if long else 40, rng)
    yield calls.attempts_noted()
    yield from calls.unchanged_and_one_lever(200 if long else 20)
    yield calls.wrong_hits(10_000 if long else 1_000, rng)
    yield calls.errors_served()
    yield calls.spend_cap(4, 50, 1.0)
    yield calls.interrupted(200 if long else 40)
    yield calls.deterministic_500()
    for seconds in (1, 5, 30) if long else (1,):
        yield calls.retry_after(seconds)
    yield store.damage(1_000 if long else 50, 60, rng)
    yield store.first_open_race(8, 200 if long else 5)
    yield store.old_stores()
    yield store.disk_full(200_000)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--long", action="store_true", help="500 kills, 1,000 flipped bits, 8 x 200 first opens"
    )
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    failed = 0
    for figure in figures(random.Random(asked.seed), long=asked.long):
        print(
            f"{'holds' if figure.holds else 'FAILS'}  {figure.number:>2}  {figure.name}: {figure.found}",
            flush=True,
        )
        print(f"           target: {figure.target}", flush=True)
        failed += not figure.holds
    print(f"{failed} figures failed" if failed else "every figure holds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
