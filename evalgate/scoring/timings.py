"""Every metric of times, of one policy and of two: first where a user waits, then where nobody does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from evalgate.core.comparison import Change
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.scoring.columns import Columns
from evalgate.scoring.geomean import geomean_change, geomean_of
from evalgate.scoring.p95 import p95_change, p95_of
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.timed import timed
from evalgate.scoring.token_times import token_p95_change, token_p95_of, token_timed
from evalgate.scoring.turnaround import (
    NO_BATCH,
    NOBODY_WAITS,
    interactive,
    interactive_pairs,
    only_batched,
    promised,
    turnaround_change,
    turnaround_of,
    without_batched,
)


@dataclass(frozen=True, slots=True)
class _Time:
    """How one metric is measured: on one side, on two, and which of the requests have it."""

    of: Callable[[Columns, Setting], Measured]
    change: Callable[[Pairs, Setting, str], Change]
    cases: Callable[[Columns], Columns] = lambda columns: columns


_WAITED: dict[Metric, _Time] = {
    "latency_p95": _Time(p95_of, p95_change),
    "latency_geomean": _Time(geomean_of, geomean_change),
    "ttft_p95": _Time(
        lambda columns, setting: token_p95_of(columns, "ttft_p95", setting),
        lambda pairs, setting, because: token_p95_change(pairs, "ttft_p95", setting, because),
        partial(token_timed, metric="ttft_p95"),
    ),
    "tpot_p95": _Time(
        lambda columns, setting: token_p95_of(columns, "tpot_p95", setting),
        lambda pairs, setting, because: token_p95_change(pairs, "tpot_p95", setting, because),
        partial(token_timed, metric="tpot_p95"),
    ),
}


@dataclass(frozen=True, slots=True)
class Alone:
    """A metric of times of one policy; ``nothing_because`` says why no limit could be about it."""

    metric: Metric
    cases: Columns
    measured: Measured
    nothing_because: str
    assumptions: tuple[str, ...]


def times_alone(columns: Columns, setting: Setting) -> Iterator[Alone]:
    """Yield each metric of times."""
    waited = interactive(columns)
    nobody = NOBODY_WAITS if columns.n and not waited.n else ""
    for metric, time in _WAITED.items():
        measured = Unmeasured(nobody) if nobody else time.of(waited, setting)
        yield Alone(metric, time.cases(waited), measured, nobody, setting.waits)
    batched = only_batched(columns)
    none = "" if batched.n else NO_BATCH
    yield Alone("turnaround", batched, turnaround_of(columns, setting), none, promised(batched))


def time_changes(pairs: Pairs, setting: Setting, sessions: frozenset[str]) -> Iterator[Change]:
    """Yield the change of each; ``sessions`` interleaved both sides, without which times are not gated."""
    waited = interactive_pairs(pairs)
    times = timed(waited, sessions)
    for time in _WAITED.values():
        found = time.change(times.pairs, setting, times.gate_reason)
        if waited is not pairs:
            before, after = (interactive(side) for side in (pairs.baseline, pairs.candidate))
            found = without_batched(found, pairs, (time.of(before, setting), time.of(after, setting)))
        yield replace(found, assumptions=found.assumptions + times.notes + setting.waits)
    yield turnaround_change(pairs, setting, sessions)
