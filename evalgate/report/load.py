"""Policies under load as text for people and as JSON for scripts."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from evalgate.core.load import LoadComparison, SideLoad, StationLoad
from evalgate.core.numbers import Estimate, Measured
from evalgate.report.json_numbers import measured_json
from evalgate.report.layout import wrap
from evalgate.report.numbers import MISSING, Kind, count, percent, plain, rate, seconds, span, with_interval
from evalgate.report.safe_text import safe_line
from evalgate.report.table import Cell, Column, table

SCHEMA = "evalgate/load@1"
NOTE = (
    "Simulated from recordings: requests wait for limits and free places in the order in which they come, "
    "and take as long as was recorded, or as service_time says. Both policies meet the same requests."
)


def render_text(found: Sequence[LoadComparison], *, width: int = 100) -> str:
    """Return, for each suite, what users wait, what each policy carries, and how busy deployments are."""
    lines: list[str] = []
    for each in found:
        lines += [*wrap(heading(each), width), "", *_numbers(each, width), "", *_stations(each, width), ""]
        for reason in reasons(each):
            lines += wrap(reason, width, first="  ")
        lines += [""] if reasons(each) else []
    return "\n".join([*lines, *wrap(NOTE, width), ""])


def render_json(found: Sequence[LoadComparison]) -> str:
    """Return the same as indented JSON, with the curves and the queue."""
    document = {"schema": SCHEMA, "loads": [_load_json(each) for each in found]}
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def heading(found: LoadComparison) -> str:
    """Return what was compared, and under what."""
    versus = safe_line(found.candidate.policy)
    if found.baseline is not None:
        versus = f"{safe_line(found.baseline.policy)} → {versus}"
    traffic = found.traffic
    come = "arrivals of the trace" if traffic.arrived_s else f"burstiness {plain(traffic.burstiness)}"
    said = f"{safe_line(found.suite)}: {versus} at {rate(traffic.rps)}, {come}; "
    return f"{said}{found.replications} times {count(found.requests, 'request')}"


def sides(found: LoadComparison) -> tuple[SideLoad, ...]:
    """Return the baseline, if there is one, and the candidate."""
    return (found.candidate,) if found.baseline is None else (found.baseline, found.candidate)


def reasons(found: LoadComparison) -> list[str]:
    """Return why numbers are missing, each reason once."""
    measured: list[Measured] = [found.p95_change, found.ceiling_change] if found.baseline is not None else []
    for side in sides(found):
        measured += [side.p95_s, side.ceiling_rps]
    return list(
        dict.fromkeys(safe_line(each.reason, 400) for each in measured if not isinstance(each, Estimate))
    )


def rows_of(found: LoadComparison) -> list[tuple[str, Kind, tuple[Measured, ...], Measured | None]]:
    """Return what is shown of a comparison: name, kind, both sides, and the change where one is measured."""
    both = found.baseline is not None
    kept = "" if found.p95_within_s is None else f" with P95 ≤ {seconds(found.p95_within_s)}"
    each = sides(found)
    return [
        ("P50", "seconds", tuple(side.p50_s for side in each), None),
        ("P95", "seconds", tuple(side.p95_s for side in each), found.p95_change if both else None),
        ("P99", "seconds", tuple(side.p99_s for side in each), None),
        (
            f"throughput{kept}",
            "rate",
            tuple(side.ceiling_rps for side in each),
            found.ceiling_change if both else None,
        ),
    ]


def _numbers(found: LoadComparison, width: int) -> list[str]:
    both = found.baseline is not None
    level = next((each.level for side in sides(found) if isinstance(each := side.p95_s, Estimate)), 0.9)
    headings = [
        Column(""),
        *(Column(safe_line(side.policy, 30)) for side in sides(found)),
        *([Column(f"change ({level:.0%} interval)")] if both else []),
    ]
    rejected = [Cell("gave up waiting"), *(Cell(percent(side.rejected_share)) for side in sides(found))]
    rejected += [Cell("")] if both else []
    # Both ends of each side are left out where the change would not fit beside them.
    long, short = (
        [*(_number_row(*each, both=both, whole=whole) for each in rows_of(found)), rejected]
        for whole in (True, False)
    )
    return (
        table(headings, long, width=width, indent="  ")
        or table(headings, short, width=width, indent="  ")
        or _unaligned(short)
    )


def _number_row(
    name: str,
    kind: Kind,
    measured: tuple[Measured, ...],
    change: Measured | None,
    *,
    both: bool,
    whole: bool,
) -> list[Cell]:
    cells = [Cell(name), *(Cell(_written(each, kind, whole=whole)) for each in measured)]
    if both:
        cells.append(Cell("" if change is None else _written(change, "percent", signed=True)))
    return cells


def _written(measured: Measured, kind: Kind, *, signed: bool = False, whole: bool = True) -> str:
    if not isinstance(measured, Estimate):
        return MISSING
    return with_interval(measured, kind, signed=signed) if whole else span([measured.value], kind)


def _unaligned(rows: Sequence[Sequence[Cell]]) -> list[str]:
    return [f"  {'  '.join(cell.text for cell in row)}" for row in rows]


def _stations(found: LoadComparison, width: int) -> list[str]:
    headings = [
        Column("policy"),
        Column("deployment"),
        *(Column(text, "right") for text in counted(found)),
        Column("used", "right"),
        Column("of"),
        Column("queue, mean", "right"),
        Column("longest", "right"),
    ]
    rows = [
        [Cell(text) for text in station_row(side, station, collected=len(counted(found)) > 1)]
        for side in sides(found)
        for station in side.stations
    ]
    return table(headings, rows, width=width, indent="  ") or _unaligned(rows)


def counted(found: LoadComparison) -> tuple[str, ...]:
    """Return what the columns count: requests, or calls where some deployment's requests are collected."""
    collected = any(station.per_call != 1 for side in sides(found) for station in side.stations)
    return ("calls", "requests a call") if collected else ("requests",)


def station_row(side: SideLoad, station: StationLoad, *, collected: bool) -> list[str]:
    """Return how busy a deployment was, as texts under :func:`counted` and the other headings."""
    bounded = bool(station.binds)
    return [
        safe_line(side.policy, 30),
        safe_line(station.station, 30),
        f"{station.requests:,}",
        *([f"{station.per_call:.3g}"] if collected else []),
        percent(station.utilisation, 0) if bounded else MISSING,
        station.binds or "no limit",
        f"{station.queue_mean:.2f}",
        f"{station.queue_max:,}",
    ]


def _load_json(found: LoadComparison) -> dict[str, object]:
    traffic = found.traffic
    return {
        "suite": found.suite,
        "rps": traffic.rps,
        "burstiness": None if traffic.arrived_s else traffic.burstiness,
        "trace": bool(traffic.arrived_s),
        "replications": found.replications,
        "requests": found.requests,
        "p95_within_s": found.p95_within_s,
        "baseline": None if found.baseline is None else _side_json(found.baseline),
        "candidate": _side_json(found.candidate),
        "p95_change": measured_json(found.p95_change),
        "throughput_change": measured_json(found.ceiling_change),
    }


def _side_json(side: SideLoad) -> dict[str, object]:
    return {
        "policy": side.policy,
        "p50_s": measured_json(side.p50_s),
        "p95_s": measured_json(side.p95_s),
        "p99_s": measured_json(side.p99_s),
        "throughput_rps": measured_json(side.ceiling_rps),
        "rejected_share": side.rejected_share,
        "utilisation": side.utilisation,
        "deployments": [asdict(each) for each in side.stations],
        "curve": [asdict(each) for each in side.curve],
    }
