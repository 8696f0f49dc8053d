"""The faults that a suite's traffic declares: a list in suite.yaml, or a file with one a row."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evalgate.core.cases import Case
from evalgate.core.clock import moment_of, start_of
from evalgate.core.errors import BadInput, Problem
from evalgate.core.faults import Fault
from evalgate.core.policy import Policy
from evalgate.core.retry import kind_of_status
from evalgate.core.suite_file import SuiteFile
from evalgate.core.traffic_file import FaultFile
from evalgate.load.case_files.cases import capped
from evalgate.load.findings import Findings
from evalgate.load.syntax.documents import Document, parse_json, read_text, validate
from evalgate.load.syntax.paths import resolve
from evalgate.load.syntax.suggest import did_you_mean
from evalgate.load.syntax.yaml_text import Place, Tree

_KEY = ("traffic", "faults")
_EXAMPLE = '{"at": 60, "until": 120, "deployment": "strong", "status": 503, "latency_s": 0.2}'
_NUMBERS = ("latency_s", "retry_after_s", "share")
_TRUTH = {"true": True, "false": False}
Tell = Callable[[str, str, str], Problem]


@dataclass(frozen=True, slots=True)
class Names:
    """What faults may name; where no ``policies`` are known, any deployment."""

    policies: Sequence[Policy]
    providers: Sequence[str]


def load_faults(
    document: Document[SuiteFile], cases: Sequence[Case], names: Names, findings: Findings
) -> tuple[Fault, ...]:
    """Return the faults of a suite in the order in which they are written; problems are noted.

    Of several that an attempt meets at once, the first one counts. The cases' own times are a clock.
    """
    traffic = document.value.traffic
    if traffic is None or not traffic.faults:
        return ()
    start_s = start_of(cases)
    found: list[Fault] = []
    problems: list[Problem] = []
    for written, tell in _written(document, traffic.faults, findings):
        wrong = list(_problems(written, names, start_s, tell))
        problems += wrong
        if not wrong:
            found.append(_fault(written, start_s))
    findings.problems.extend(capped(problems, document.shown))
    return tuple(found)


def _written(
    document: Document[SuiteFile], faults: str | list[FaultFile], findings: Findings
) -> Iterator[tuple[FaultFile, Tell]]:
    """Yield each fault with what makes a problem of it, at its place."""
    if not isinstance(faults, str):
        for index, each in enumerate(faults):
            yield each, partial(_in_document, document, index)
        return
    path = findings.attempt_at(document, _KEY, lambda: resolve(faults, document.path.parent, findings.root))
    if path is None:
        return
    shown = findings.shown(path)
    rows = findings.attempt_at(document, _KEY, lambda: _read(path, shown)) or []
    for number, each in rows:
        yield each, partial(_in_row, shown, number)


def _in_document(document: Document[SuiteFile], index: int, key: str, message: str, cure: str) -> Problem:
    return document.problem((*_KEY, index, key), message, cure)


def _in_row(shown: str, number: int, key: str, message: str, cure: str) -> Problem:
    return Problem(message, cure, shown, number, None, key)


def _read(path: Path, shown: str) -> list[tuple[int, FaultFile]]:
    found: list[tuple[int, FaultFile]] = []
    problems: list[Problem] = []
    text = read_text(path, shown)
    for number, tree in _rows_of_csv(text) if path.suffix == ".csv" else _rows_of_json(text, shown, problems):
        try:
            found.append((number, validate(tree, FaultFile, shown)))
        except BadInput as bad:
            problems += bad.problems
    if not found and not problems:
        problems.append(Problem("the file holds no faults", f"write one a line, as in {_EXAMPLE}", shown))
    if problems:
        raise BadInput(capped(problems, shown))
    return found


def _rows_of_json(text: str, shown: str, problems: list[Problem]) -> Iterator[tuple[int, Tree]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield number, parse_json(line, shown, number)
            except BadInput as bad:
                problems += bad.problems


def _rows_of_csv(text: str) -> Iterator[tuple[int, Tree]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for row in reader:
        value = {key: _cell(key, cell) for key, cell in row.items() if key is not None and cell}
        yield reader.line_num, Tree(value, {}, {(): Place(reader.line_num, 1)})


def _cell(key: str, cell: str) -> object:
    """Read a cell as what its column holds; what cannot be read stays text, and is refused as such."""
    if key == "billed":
        return _TRUTH.get(cell.strip().casefold(), cell)
    if key == "status":
        return int(cell) if cell.strip().isdigit() else cell
    if key in _NUMBERS or (key in {"at", "until"} and moment_of(cell) is None):
        try:
            return float(cell)
        except ValueError:
            return cell
    return cell


def _problems(written: FaultFile, names: Names, start_s: float | None, tell: Tell) -> Iterator[Problem]:
    yield from _unknown_names(written, names, tell)
    times: Mapping[str, float | str | None] = {"at": written.at, "until": written.until}
    seconds = {key: _seconds(value, start_s) for key, value in times.items() if value is not None}
    for key, found in seconds.items():
        if found is None:
            yield tell(key, *_odd_time(times[key], start_s))
    at_s, until_s = seconds["at"], seconds.get("until")
    if at_s is not None and until_s is not None and until_s <= at_s:
        yield tell("until", "the fault ends before it begins", "write a later until, or an earlier at")


def _unknown_names(written: FaultFile, names: Names, tell: Tell) -> Iterator[Problem]:
    name = written.deployment
    aliases = list(dict.fromkeys(alias for policy in names.policies for alias in policy.deployments))
    if name is not None and names.policies and name not in aliases:
        cure = did_you_mean(name, aliases, "the deployments are")
        yield tell("deployment", f"no policy has a deployment {name!r}", cure)
    name = written.provider
    if name is not None and name not in names.providers:
        cure = did_you_mean(name, names.providers, "the providers are")
        yield tell("provider", f"there is no provider {name!r}", cure)


def _odd_time(value: object, start_s: float | None) -> tuple[str, str]:
    if isinstance(value, str) and moment_of(value) is None:
        return (
            f"{value!r} is not a time",
            "write seconds as a number, or a timestamp like 2026-11-01T09:30:00Z",
        )
    if start_s is None:
        cure = "write seconds on the cases' clock, whose first case is at 0 where cases have no `at`"
        return f"{value} is a timestamp, and the cases have none", cure
    return f"{value} is in seconds, and the cases have timestamps", "write a timestamp here too"


def _seconds(value: float | str, start_s: float | None) -> float | None:
    if isinstance(value, str):
        moment = moment_of(value)
        return None if moment is None or start_s is None else moment - start_s
    return value if start_s is None else None


def _fault(written: FaultFile, start_s: float | None) -> Fault:
    at_s = _seconds(written.at, start_s)
    assert at_s is not None
    ends_s = None if written.until is None else _seconds(written.until, start_s)
    latency_s = written.latency_s or 0.0
    status, error = _meaning(written.status)
    return Fault(
        from_s=at_s,
        until_s=at_s + latency_s if ends_s is None else ends_s,
        deployment=written.deployment,
        provider=written.provider,
        error=error,
        status=status,
        latency_s=latency_s,
        retry_after_s=written.retry_after_s,
        billed=written.billed,
        share=written.share,
    )


def _meaning(status: int | str) -> tuple[int | None, str | None]:
    """Return the HTTP status and the kind of error, each None where there is none."""
    if isinstance(status, str):
        return None, status
    return status, None if status == 200 else kind_of_status(status)
