"""Run files, ``*.run.jsonl``: a first line with the manifest, then one graded outcome a line.

Equal runs are equal files, byte for byte: nothing of the clock, the machine or the moment is in them.
"""

import math
import os
import secrets
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from pydantic import BaseModel

from evalgate.core.calls import Attempt
from evalgate.core.digest import valid_text
from evalgate.core.errors import BadInput, Problem
from evalgate.core.messages import ToolCall
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import (
    Answer,
    CacheTrace,
    CascadeStage,
    Cost,
    Failure,
    Grade,
    Graded,
    Hit,
    Outcome,
    RouteTrace,
    Step,
    TokenTimes,
)
from evalgate.core.prompt_cache import PromptCacheUse
from evalgate.core.run import RUN_SCHEMA, Manifest, Run
from evalgate.store.problems import FileProblems, check_schema, explain, is_torn

_AGAIN = "make the run again; a run file is not meant to be edited"
_UNSURE = attrgetter("ttft_s", "retry_after_s", "reported_cost_usd", "queued_s", "lag_s", "turnaround_s")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Head(Struct, forbid_unknown_fields=True):
    """The first line. ``outcomes`` tells a whole file from one that lost its end."""

    schema: str
    outcomes: int
    manifest: Manifest


class _Result(Struct, forbid_unknown_fields=True):
    """An Answer (which has ``text``) or a Failure (which has ``kind``)."""

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    kind: str | None = None
    reason: str = ""


class _Cost(Struct, forbid_unknown_fields=True):
    """A Cost, or an Unmeasured (which has ``reason``)."""

    total_usd: float | None = None
    retries_usd: float = 0.0
    fallbacks_usd: float = 0.0
    escalations_usd: float = 0.0
    confidence_usd: float = 0.0
    hedges_usd: float = 0.0
    wasted_usd: float = 0.0
    reason: str | None = None


class _Outcome(Struct, forbid_unknown_fields=True):
    case_id: str
    trial: int
    result: _Result
    deployment: str | None
    latency_s: float
    steps: tuple[Step, ...]
    cache: CacheTrace | None
    route: RouteTrace | None
    stages: tuple[CascadeStage, ...] = ()
    tokens: TokenTimes | None = None
    batch_window_s: float | None = None
    skipped: tuple[str, ...] = ()


class _Graded(Struct, forbid_unknown_fields=True):
    outcome: _Outcome
    cost: _Cost
    grade: Grade | None
    slices: dict[str, str]
    group: str | None
    weight: float
    target: str | None
    hit: Hit | None = None
    prompt_cache: PromptCacheUse | None = None


def write_run(run: Run, path: Path) -> None:
    """Write ``run`` to ``path``: all of it or nothing, over what was there.

    Raises:
        ValueError: a number of the run is NaN or infinite, which JSON cannot say.
        BadInput: the file cannot be written.

    """
    RunWriter().write(run, path)


class RunWriter:
    """Writes runs that share outcomes (two policies served a case alike), each of which is encoded once."""

    def __init__(self) -> None:
        """Start with nothing encoded."""
        # The outcome is kept beside its line, so that its id stays its own.
        self._lines: dict[int, tuple[Graded, bytes]] = {}

    def write(self, run: Run, path: Path) -> None:
        """Do what :func:`write_run` does."""
        lines = [_head_line(run), *map(self._line, run.results)]
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("xb") as file:
                    file.writelines(lines)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            cure = "make room, or choose another place"
            raise BadInput([Problem(f"cannot be written: {error.strerror}", cure, str(path))]) from error

    def _line(self, result: Graded) -> bytes:
        known = self._lines.get(id(result))
        if known is not None:
            return known[1]
        if not math.isfinite(_sum_of_numbers(result)):
            raise ValueError(f"case {result.outcome.case_id!r} holds a number that is not finite")
        line = _result_line(result)
        self._lines[id(result)] = result, line
        return line


def read_run(path: Path) -> Run:
    """Return the run written to ``path``.

    Raises:
        BadInput: with every problem of the file.

    """
    problems = FileProblems(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        cure = "give the path of a .run.jsonl file"
        raise BadInput([Problem(f"cannot be read: {error.strerror}", cure, str(path))]) from error
    first, *others = content.splitlines(keepends=True) or [b""]
    head = _read_head(first, problems)
    if head is None:
        raise BadInput(problems.all())
    results = tuple(_read_results(others, problems))
    if not problems and len(results) != head.outcomes:
        problems.add(f"has {len(results)} outcomes, but was written with {head.outcomes}", _AGAIN, line=1)
    if problems:
        raise BadInput(problems.all())
    return Run(head.manifest, results)


def _head_line(run: Run) -> bytes:
    return _ENCODER.encode(_Head(RUN_SCHEMA, len(run.results), run.manifest)) + b"\n"


def _result_line(result: Graded) -> bytes:
    try:
        line = _ENCODER.encode(result)
    except UnicodeEncodeError:
        # A lone surrogate in somebody's text must not cost a paid run its file.
        line = _ENCODER.encode(_valid(msgspec.to_builtins(result)))
    return line + b"\n"


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump()
    raise NotImplementedError(f"{type(value).__name__} does not belong in a run")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)


def _model(kind: type, value: object) -> object:
    if issubclass(kind, BaseModel):
        return kind.model_validate(value)
    raise NotImplementedError(f"{kind.__name__} does not belong in a run")


def _valid(value: Any) -> Any:
    match value:
        case str():
            return valid_text(value)
        case dict():
            return {_valid(key): _valid(each) for key, each in value.items()}
        case list() | tuple():
            return [_valid(each) for each in value]
        case _:
            return value


def _sum_of_numbers(result: Graded) -> float:
    outcome = result.outcome
    total = outcome.latency_s + result.weight
    match result.cost:
        case Cost(total_usd=usd):
            # The other amounts are sums over some of the attempts in it; so are the times of tokens.
            total += usd
        case Unmeasured():
            pass
    if result.grade is not None:
        total += result.grade.score
    if outcome.route is not None:
        total += outcome.route.score
    total += sum(stage.confidence or 0.0 for stage in outcome.stages)
    for step in outcome.steps:
        total += sum(map(_attempt_numbers, step.attempts))
    return total


def _attempt_numbers(attempt: Attempt) -> float:
    unsure: tuple[float | None, ...] = _UNSURE(attempt)
    return attempt.latency_s + attempt.wait_s + sum(filter(None, unsure))


def _read_head(line: bytes, problems: FileProblems) -> _Head | None:
    if not check_schema(line, RUN_SCHEMA, problems):
        return None
    try:
        return msgspec.json.Decoder(_Head, dec_hook=_model).decode(line)
    except _UNREADABLE as error:
        _report(error, line, 1, problems)
        return None


def _read_results(lines: Iterable[bytes], problems: FileProblems) -> Iterator[Graded]:
    decode = msgspec.json.Decoder(_Graded).decode
    seen: dict[tuple[str, int], int] = {}
    for number, line in enumerate(lines, 2):
        try:
            graded = _graded(decode(line))
        except _UNREADABLE as error:
            _report(error, line, number, problems)
            continue
        served = (graded.outcome.case_id, graded.outcome.trial)
        if seen.setdefault(served, number) != number:
            problems.add(
                f"case {served[0]!r}, trial {served[1]}, was served in line {seen[served]} already",
                _AGAIN,
                line=number,
            )
        yield graded


def _report(error: Exception, line: bytes, number: int, problems: FileProblems) -> None:
    if is_torn(error, line):
        problems.add("the last line is torn: its end was never written", _AGAIN, line=number)
        return
    message, key, _ = explain(error, line, ())
    problems.add(message, _AGAIN, line=number, key=key)


def _graded(line: _Graded) -> Graded:
    outcome = msgspec.structs.asdict(line.outcome)
    # The other fields are those of a Graded, in its order.
    rest = msgspec.structs.astuple(line)[2:]
    return Graded(Outcome(**{**outcome, "result": _result(line.outcome.result)}), _cost(line.cost), *rest)


def _result(line: _Result) -> Answer | Failure:
    if line.text is not None:
        return Answer(line.text, line.tool_calls, line.finish_reason)
    if line.kind is None:
        raise msgspec.ValidationError("a result has a text or a kind of failure - at `$.outcome.result`")
    return Failure(line.kind, line.reason)


def _cost(line: _Cost) -> Cost | Unmeasured:
    if line.total_usd is not None:
        return Cost(*msgspec.structs.astuple(line)[:-1])
    if line.reason is None:
        raise msgspec.ValidationError("a cost has total_usd or a reason - at `$.cost`")
    return Unmeasured(line.reason)
