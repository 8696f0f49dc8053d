"""Two policies over traffic as text for people, as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from math import ceil, floor, log10
from typing import NamedTuple

from evalgate.core.breakeven import Breakeven, Crossing, Crossings, MonthlyCost, Side, SideCost
from evalgate.report.breakeven_words import MOST_WINDOWS, heading, policy_name, sentences
from evalgate.report.json_numbers import measured_json, usd_text
from evalgate.report.layout import wrap
from evalgate.report.numbers import traffic, usd_column
from evalgate.report.safe_text import safe_line
from evalgate.report.table import Cell, Column, table

SCHEMA = "evalgate/breakeven@1"
NOTE = (
    "A month has 730 hours. Machines are counted so that the mean traffic fills none beyond its stated "
    "utilisation, and paid for all month; operations are in. Answers are those recorded: their lengths and "
    "routes do not change with traffic."
)
_MOST_DECADES = 4
_SOME_TRAFFIC = 100_000.0


class TrafficRow(NamedTuple):
    """One month: its requests, why it is shown, both costs in USD, and which side is cheaper, if any."""

    requests: float
    why: str
    policy_usd: float
    against_usd: float
    cheaper: Side | None


def render_text(found: Sequence[Breakeven], requests: Sequence[int] = (), *, width: int = 100) -> str:
    """Return, for each suite, where self-hosting wins and a table of months."""
    lines: list[str] = []
    for each in found:
        lines += [*wrap(heading(each), width), ""]
        for said in sentences(each):
            lines += wrap(said, width, first="  ")
        lines += ["", *_table(each, requests, width), ""]
    return "\n".join([*lines, *wrap(NOTE, width), ""])


def render_csv(found: Sequence[Breakeven], requests: Sequence[int] = ()) -> str:
    """Return a row a month; replicas and how full they are, several deployments separated by ``;``."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    head = ["suite", "policy", "against", "requests_per_month", "shown_as", "cheaper"]
    ends = ("usd_per_month", "replicas", "utilisation")
    rows.writerow([*head, *(f"{side}_{end}" for side in ("policy", "against") for end in ends)])
    for each in found:
        for row in months(each, requests):
            line: list[str] = [safe_line(each.suite), safe_line(each.policy.monthly.policy)]
            line += [
                safe_line(each.against.monthly.policy),
                f"{row.requests:.6g}",
                row.why,
                row.cheaper or "",
            ]
            for cost, amount in ((each.policy, row.policy_usd), (each.against, row.against_usd)):
                fleets = cost.monthly.fleets
                line += [
                    usd_text(amount),
                    ";".join(str(fleet.replicas(row.requests)) for fleet in fleets),
                    ";".join(f"{fleet.fill(row.requests):.6g}" for fleet in fleets),
                ]
            rows.writerow(line)
    return out.getvalue()


def render_json(found: Sequence[Breakeven], requests: Sequence[int] = ()) -> str:
    """Return everything as indented JSON; what is infinite is null."""
    document = {"schema": SCHEMA, "breakevens": [_breakeven_json(each, requests) for each in found]}
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def months(found: Breakeven, requests: Sequence[int] = ()) -> list[TrafficRow]:
    """Return the months that are shown: round numbers around each break-even, and what was asked for."""
    marked: dict[float, str] = {}
    shown = [each for each in found.crossings.found if each in _telling(found.crossings)]
    marked |= {each.requests: "another replica" if each.step else "break-even" for each in shown}
    if found.requests_per_month is not None:
        marked[float(found.requests_per_month)] = "the suite's"
    marked |= {float(each): "asked" for each in requests}
    around = list(marked)
    around = around or [
        fleet.per_month / fleet.per_request
        for side in (found.policy, found.against)
        for fleet in side.monthly.fleets
        if fleet.per_request
    ]
    around = around or [_SOME_TRAFFIC]
    grid = dict.fromkeys(_round_numbers(min(around) / 5, max(around) * 5), "")
    return [_month(found, at, why) for at, why in sorted({**grid, **marked}.items())]


def _month(found: Breakeven, requests: float, why: str) -> TrafficRow:
    policy, against = found.policy.monthly.usd(requests), found.against.monthly.usd(requests)
    same = abs(policy - against) <= 1e-9 * max(policy, against)
    return TrafficRow(
        requests, why, policy, against, None if same else "policy" if policy < against else "against"
    )


def _round_numbers(low: float, high: float) -> list[float]:
    first, last = floor(log10(low)), ceil(log10(high))
    factors = (1, 2, 5) if last - first <= _MOST_DECADES else (1,)
    every = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    return [each for each in every if low <= each <= high]


def _telling(crossings: Crossings) -> tuple[Crossing, ...]:
    found = crossings.found
    return found if len(found) <= MOST_WINDOWS else (found[0], found[-1])


def _table(found: Breakeven, requests: Sequence[int], width: int) -> list[str]:
    rows = months(found, requests)
    sides = (found.policy, found.against)
    costs = [
        usd_column([row.policy_usd for row in rows], 3),
        usd_column([row.against_usd for row in rows], 3),
    ]
    headings = [Column("requests a month", "right"), Column("", widest=16)]
    for side in sides:
        headings.append(Column(safe_line(side.monthly.policy, 24), "right"))
        headings += [Column("replicas", "right"), Column("full", "right")] if side.monthly.fleets else []
    cells = []
    for at, row in enumerate(rows):
        line = [Cell(traffic(row.requests)), Cell(row.why)]
        for side, amounts in zip(sides, costs, strict=True):
            line.append(Cell(amounts[at]))
            line += [Cell(text) for text in machines_row(side.monthly, row.requests)]
        line.append(Cell(cheaper_of(found, row)))
        cells.append(line)
    headings.append(Column("cheaper"))
    return table(headings, cells, width=width, indent="  ") or [
        f"  {'  '.join(cell.text for cell in line)}" for line in cells
    ]


def machines_row(cost: MonthlyCost, requests: float) -> list[str]:
    """Return the replicas and how full they are, nothing for a policy without machines."""
    if not cost.fleets:
        return []
    replicas = " + ".join(f"{fleet.replicas(requests):,}" for fleet in cost.fleets)
    return [replicas, " + ".join(f"{100 * fleet.fill(requests):.3g}%" for fleet in cost.fleets)]


def cheaper_of(found: Breakeven, row: TrafficRow) -> str:
    """Return the name of the policy that costs less in a month."""
    return "same" if row.cheaper is None else policy_name(found, row.cheaper)


def _breakeven_json(found: Breakeven, requests: Sequence[int]) -> dict[str, object]:
    return {
        "suite": found.suite,
        "cases": found.cases,
        "policy": _side_json(found.policy),
        "against": _side_json(found.against),
        "cleanup_usd_per_wrong": found.cleanup_usd_per_wrong,
        "wins_from": None if found.wins_from is None else measured_json(found.wins_from),
        "stays_from": None if found.stays_from is None else measured_json(found.stays_from),
        **_crossings_json(found.crossings),
        "at_utilisation": [
            {"times": at.times, "utilisation": dict(at.utilisations), **_crossings_json(at.crossings)}
            for at in found.at_times
        ],
        "requests_per_month": found.requests_per_month,
        "months": [
            {
                "requests": row.requests,
                "shown_as": row.why,
                "cheaper": row.cheaper,
                "policy": _month_json(found.policy.monthly, row.requests),
                "against": _month_json(found.against.monthly, row.requests),
            }
            for row in months(found, requests)
        ],
    }


def _crossings_json(crossings: Crossings) -> dict[str, object]:
    return {
        "crossings": [asdict(each) for each in crossings.found],
        "cheaper_at_least_traffic": crossings.first,
        "cheaper_beyond": None if crossings.open_ended else crossings.last,
        "searched_to": crossings.searched_to,
    }


def _side_json(side: SideCost) -> dict[str, object]:
    monthly = side.monthly
    return {
        "policy": monthly.policy,
        "per_request_usd": usd_text(monthly.per_request_usd),
        "fleets": [asdict(fleet) for fleet in monthly.fleets],
        "accuracy": measured_json(side.accuracy),
        "cost_per_correct_usd": measured_json(side.cost_per_correct, money=True),
    }


def _month_json(cost: MonthlyCost, requests: float) -> dict[str, object]:
    return {
        "usd": usd_text(cost.usd(requests)),
        "replicas": {fleet.deployment: fleet.replicas(requests) for fleet in cost.fleets},
        "utilisation": {fleet.deployment: fleet.fill(requests) for fleet in cost.fleets},
    }
