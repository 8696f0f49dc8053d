"""What happened on GitHub, as far as a gate must know: read from the event file that the runner leaves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evalgate.core.errors import BadInput, Problem

EventName = Literal["pull_request", "merge_group", "push", "schedule", "workflow_dispatch"]
_KNOWN: tuple[EventName, ...] = ("pull_request", "merge_group", "push", "schedule", "workflow_dispatch")
# They run with secrets and a writing token beside whatever a stranger wrote.
_PRIVILEGED = frozenset({"pull_request_target", "workflow_run", "issue_comment"})
_NO_COMMIT = frozenset("0")


@dataclass(frozen=True, slots=True)
class Event:
    """What started the workflow.

    ``fork`` says that the head belongs to another repository; ``number`` is the pull request's.
    ``base_sha`` and ``head_sha`` are what the event names; None where it names none.
    """

    name: EventName
    repository: str
    fork: bool = False
    number: int | None = None
    head_sha: str | None = None
    base_sha: str | None = None


def read_event(environ: Mapping[str, str]) -> Event | None:
    """Return the event of this workflow run; None outside GitHub Actions.

    Raises:
        BadInput: the event cannot be read, or is one on which nothing of a change may be judged.

    """
    name = environ.get("GITHUB_EVENT_NAME", "")
    if not name:
        return None
    if name in _PRIVILEGED:
        raise BadInput(
            [Problem(f"a gate must not run on {name}: it has secrets beside a stranger's files", _ON)]
        )
    known = next((each for each in _KNOWN if each == name), None)
    if known is None:
        raise BadInput([Problem(f"there is nothing to judge on {name}", _ON)])
    payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
    try:
        return _event(known, payload, environ.get("GITHUB_REPOSITORY", ""))
    except (KeyError, TypeError):
        raise BadInput([Problem(f"the event file is not one of {name}", _RUNNER)]) from None


def _event(name: EventName, payload: Mapping[str, Any], repository: str) -> Event:
    match name:
        case "pull_request":
            pull = payload["pull_request"]
            base, head = pull["base"], pull["head"]
            # The repository of a fork that was deleted meanwhile is null.
            same = head["repo"] is not None and head["repo"]["full_name"] == base["repo"]["full_name"]
            return Event(name, repository, not same, int(pull["number"]), head["sha"], base["sha"])
        case "merge_group":
            group = payload["merge_group"]
            return Event(name, repository, head_sha=group["head_sha"], base_sha=group["base_sha"])
        case "push":
            before = payload["before"]
            known = None if set(before) <= _NO_COMMIT else before
            return Event(name, repository, head_sha=payload["after"], base_sha=known)
        case "schedule" | "workflow_dispatch":
            return Event(name, repository)


def _payload(written: str) -> Mapping[str, Any]:
    try:
        payload = json.loads(Path(written).read_bytes()) if written else None
    except (OSError, ValueError):
        payload = None
    if not isinstance(payload, dict):
        raise BadInput([Problem("the event file of GitHub Actions cannot be read", _RUNNER)])
    return payload


_ON = "run the gate on: pull_request, merge_group, push, schedule or workflow_dispatch"
_RUNNER = "GITHUB_EVENT_PATH must name the file that the runner wrote; outside GitHub unset GITHUB_EVENT_NAME"
