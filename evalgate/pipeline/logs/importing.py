"""The verb ``store import``: a team's own log becomes cases and recordings, and is judged like any other."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from evalgate.core.calls import Call
from evalgate.core.cases import Case
from evalgate.core.digest import canonical_json
from evalgate.core.errors import BadInput, Problem
from evalgate.core.messages import Message, message_json
from evalgate.load.case_files.cases import capped
from evalgate.load.destinations import Destination, find_destination
from evalgate.load.log_columns import read_log_columns
from evalgate.load.log_lines import LoggedCall
from evalgate.load.logs import Log, read_log
from evalgate.pipeline.logs.logged_calls import UnusableReply, call_of
from evalgate.pipeline.logs.logged_policy import deployment_of, policy_text, shared_by, system_of
from evalgate.pipeline.project.settings import ImportSettings
from evalgate.serving.prompts import valid_message
from evalgate.serving.requests import request_for
from evalgate.store.importing import append_cases, import_origin, import_session, write_import


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. ``trials`` are the fewest and the most calls that a case got.

    ``policy`` is the text of the policy that replays the calls, ``policies`` the folder it belongs in.
    """

    suite: str
    new_cases: int
    known_cases: int
    ungraded_cases: int
    calls: int
    failed: int
    skipped: Mapping[str, int]
    trials: tuple[int, int]
    trials_of_suite: int
    file: Path
    policies: str
    policy: str


def import_log(settings: ImportSettings) -> Imported:
    """Write the calls of a log as recordings of the suite, and questions that are new to it as cases.

    Raises:
        BadInput: with every problem of the log, the column map or the suite; nothing is written.
        CannotJudge: a file cannot be written.

    """
    columns = read_log_columns(settings.columns, settings.start)
    path = settings.start / settings.log
    log = read_log(path, str(settings.log), columns, settings.where)
    place = find_destination(settings.start, settings.suite, settings.deployment)
    shared = shared_by(log, system_in_case=settings.system_in_case, drop_params=settings.drop_params)
    cases, asked = _cases(log, place, system_in_case=settings.system_in_case)
    deployment = deployment_of(settings.deployment, place.kind, place.revision, shared)
    seen: Counter[str] = Counter()
    calls: list[Call] = []
    problems: list[Problem] = []
    for logged, case in zip(log.calls, asked, strict=True):
        request = request_for(case, deployment, seen[case.id])
        seen[case.id] += 1
        try:
            calls.append(call_of(logged, request))
        except UnusableReply as unusable:
            cure = "map `answer` to the column of the text, or `response` to a chat completion"
            problems.append(Problem(str(unusable), cure, log.shown, logged.line))
    if problems:
        raise BadInput(capped(problems, log.shown))
    file = _write(settings, place, log, calls, cases)
    return Imported(
        suite=place.suite,
        new_cases=len(cases),
        known_cases=len(seen) - len(cases),
        ungraded_cases=len({case.id for case in asked if case.target is None}),
        calls=len(calls),
        failed=sum(call.response is None for call in calls),
        skipped=log.skipped,
        trials=(min(seen.values()), max(seen.values())),
        trials_of_suite=place.trials,
        file=file,
        policies=place.policies,
        policy=policy_text(deployment, calls),
    )


def _write(
    settings: ImportSettings, place: Destination, log: Log, calls: Sequence[Call], cases: Sequence[Case]
) -> Path:
    folder = place.folder / "recordings"
    where = "".join(f" where {column}={value}" for column, value in sorted(settings.where.items()))
    model = f"{place.deployment.provider}/{place.deployment.model}"
    named = (model, place.revision, place.deployment.quantization)
    what = " ".join(part for part in named if part is not None) + where
    origin = import_origin(settings.start / settings.log, what)
    started = [call.started_s for call in log.calls if call.started_s is not None]
    session = import_session(folder, origin, min(started, default=None))
    # Recordings first: those without a case are never asked for, a case without one would be missing.
    file = write_import(folder, session, calls, f"evalgate {version('evalgate-harness')}")
    append_cases(place.cases_path, cases)
    return file


def _cases(log: Log, place: Destination, *, system_in_case: bool) -> tuple[list[Case], list[Case]]:
    """Return the cases that are new to the suite, and the case of every call."""
    known = {_question(each.input, each.messages): each for each in place.cases}
    ids = {each.id: each for each in place.cases}
    new: list[Case] = []
    asked: list[Case] = []
    problems: list[Problem] = []
    for call in log.calls:
        turns = call.messages if system_in_case else call.messages[len(system_of(call)) :]
        turns = tuple(valid_message(turn) for turn in turns)
        key = _question(*_asked(turns))
        case = known.get(key)
        if case is None:
            try:
                case = _case(call, turns, key)
            except ValidationError as error:
                problems.extend(_refused(error, log, call))
                continue
            if case.id in ids:
                message = f"the id {case.id!r} is taken by a case that asks something else"
                problems.append(Problem(message, "map id to another column, or none", log.shown, call.line))
                continue
            known[key] = ids[case.id] = case
            new.append(case)
        else:
            problems.extend(_disagreement(call, case, log))
        asked.append(case)
    if problems:
        raise BadInput(capped(problems, log.shown))
    return new, asked


def _asked(turns: Sequence[Message]) -> tuple[str | None, tuple[Message, ...] | None]:
    """Return the question as a case holds it: one plain user message is its input."""
    if len(turns) == 1 and turns[0] == Message("user", turns[0].content):
        return turns[0].content, None
    return None, tuple(turns)


def _question(asked: str | None, turns: Sequence[Message] | None) -> str:
    one = asked if turns is None else _asked(turns)[0]
    if one is not None:
        return canonical_json(one)
    return canonical_json([message_json(turn) for turn in turns or ()])


def _case(call: LoggedCall, turns: Sequence[Message], key: str) -> Case:
    text, conversation = _asked(turns)
    # The same question has the same id in every log, so that two logs meet in one case.
    own_id = f"log-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    return Case.model_validate({"id": own_id, **call.parts, "input": text, "messages": conversation})


def _disagreement(call: LoggedCall, case: Case, log: Log) -> Iterator[Problem]:
    target = call.parts.get("target")
    if target is not None and target != case.target:
        message = f"the target {target!r} is not the one that case {case.id!r} has for the same question"
        yield Problem(
            f"{message}, {case.target!r}", "correct one of the two", log.shown, call.line, None, "target"
        )


def _refused(error: ValidationError, log: Log, call: LoggedCall) -> Iterator[Problem]:
    for each in error.errors(include_url=False):
        key = ".".join(str(part) for part in each["loc"]) or None
        said = each["msg"].removeprefix("Value error, ")
        yield Problem(f"{said[:1].lower()}{said[1:]}", "correct the line", log.shown, call.line, None, key)
