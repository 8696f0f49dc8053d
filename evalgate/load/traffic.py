"""The traffic that a suite declares: a rate, or a trace read from a file."""

import csv
import io
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path

from evalgate.core.cases import Case
from evalgate.core.clock import case_times
from evalgate.core.errors import BadInput, Problem
from evalgate.core.load import Traffic
from evalgate.core.traffic_file import TrafficFile
from evalgate.load.findings import Findings
from evalgate.load.syntax.paths import resolve

_CURE = "a trace has a row a request: arrival_s in seconds, and input_tokens and output_tokens where known"
_MOST_PROBLEMS = 10
# Any seed would do, as long as it is the same for every policy and every run.
_ARRIVALS_SEED = 20261101


def load_traffic(written: TrafficFile, folder: Path, findings: Findings) -> Traffic | None:
    """Return the traffic of a suite in ``folder``; None where only its faults are written.

    Raises:
        BadInput: the trace cannot be read, or rows of it make no sense; several are listed.

    """
    if not written.has_a_rate:
        return None
    if written.trace is None:
        assert written.rps is not None
        return Traffic(written.rps, written.burstiness, patience_s=written.max_wait_s)
    path = resolve(written.trace, folder, findings.root)
    arrived, sizes = _read(path, findings.shown(path))
    rps = written.rps or (len(arrived) - 1) / (arrived[-1] - arrived[0])
    return Traffic(rps, written.burstiness, tuple(arrived), written.max_wait_s, tuple(sizes))


def arrival_times(cases: Sequence[Case], traffic: Traffic | None, *, ordered: bool) -> tuple[float, ...]:
    """Return when each case comes, in seconds: by its own ``at``, else as the traffic comes.

    The n-th case is the n-th arrival of a trace, which begins anew when it ends, or of gamma arrivals drawn
    once and for all. Without traffic, and in an ordered suite, whose cache has that clock, cases without any
    ``at`` are a second apart.

    Raises:
        BadInput: the cases' own times make no clock.

    """
    if ordered or traffic is None or any(case.at is not None for case in cases):
        return case_times(cases)
    if traffic.arrived_s:
        return tuple(_from_trace(traffic, len(cases)))
    gaps = random.Random(_ARRIVALS_SEED)  # noqa: S311  arrivals, not a secret
    shape = 1 / traffic.burstiness**2 if traffic.burstiness else 0.0
    now, times = 0.0, []
    for _ in cases:
        times.append(now)
        now += gaps.gammavariate(shape, 1 / (shape * traffic.rps)) if shape else 1 / traffic.rps
    return tuple(times)


def _from_trace(traffic: Traffic, count: int) -> Iterator[float]:
    arrived = traffic.arrived_s
    span_s = arrived[-1] - arrived[0]
    gap_s = span_s / (len(arrived) - 1)
    stretch = 1 / (traffic.rps * gap_s)
    for index in range(count):
        rounds, at = divmod(index, len(arrived))
        yield (rounds * (span_s + gap_s) + arrived[at] - arrived[0]) * stretch


def _read(path: Path, shown: str) -> tuple[list[float], list[tuple[int, int]]]:
    rows = sorted(_checked(_rows(path, shown), shown), key=lambda row: row[0])
    if len(rows) < 2 or rows[0][0] == rows[-1][0]:
        raise BadInput([Problem("a trace needs two requests at different moments", _CURE, shown)])
    sizes = [(row[1], row[2]) for row in rows if row[1] is not None and row[2] is not None]
    if sizes and len(sizes) < len(rows):
        lacking = len(rows) - len(sizes)
        raise BadInput([Problem(f"{lacking} rows have no token counts and others have", _CURE, shown)])
    return [row[0] for row in rows], sizes


def _rows(path: Path, shown: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise BadInput([Problem(f"the trace cannot be read: {why}", "check the path", shown)]) from error
    if path.suffix != ".jsonl":
        yield from enumerate(csv.DictReader(io.StringIO(text, newline="")), start=2)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise BadInput([Problem(f"no JSON: {error}", _CURE, shown, number)]) from error


Row = tuple[float, int | None, int | None]


def _checked(rows: Iterator[tuple[int, Mapping[str, object]]], shown: str) -> Sequence[Row]:
    found: list[Row] = []
    problems = []
    for number, row in rows:
        at = _number(row.get("arrival_s"))
        tokens = [_number(row.get(name)) for name in ("input_tokens", "output_tokens")]
        if at is None or any(each is not None and each < 0 for each in tokens):
            problems.append(Problem(f"this row is no request: {dict(row)!r}", _CURE, shown, number))
        else:
            prompt, output = (None if each is None else int(each) for each in tokens)
            found.append((at, prompt, output))
        if len(problems) == _MOST_PROBLEMS:
            break
    if problems:
        raise BadInput(problems)
    return found


def _number(value: object) -> float | None:
    if value in ("", None):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None
