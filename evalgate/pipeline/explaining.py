"""The verb ``store explain-miss``: why a call is not among the recordings, told by the nearest that is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import msgspec

from evalgate.core.calls import Request
from evalgate.core.errors import BadInput, Problem
from evalgate.core.messages import message_json
from evalgate.core.suite import Project, Suite
from evalgate.load.project import load_project
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.measuring.walk import every_request
from evalgate.pipeline.project.places import committed_recordings, store_file
from evalgate.store.lines import RecordingLine
from evalgate.store.local.stored import StoredCalls
from evalgate.store.reading import UNREADABLE, decode_leniently
from evalgate.store.recordings import recording_files

_MISSING = "(absent)"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two requests differ, by its path in the request, and what stands there in each."""

    path: str
    asked: str
    recorded: str


@dataclass(frozen=True, slots=True)
class Explained:
    """A call that a suite needs. ``nearest`` is the digest of the recorded call most like it, if any is."""

    suite: str
    case: str
    deployment: str
    digest: str
    recorded: bool
    nearest: str | None
    differences: tuple[Difference, ...]


def explain_miss(start: Path, key: str, suites: Sequence[str]) -> Explained:
    """Find the call whose digest begins with ``key`` among what the suites need, and its nearest recording.

    Raises:
        BadInput: no suite needs such a call, or several such calls are needed.

    """
    project = load_project(start, tuple(suites), (), None, calling=False)
    found = {
        request.digest: (suite, case, alias, request)
        for suite in project.suites
        for case, alias, request in _needed(suite)
        if request.digest.startswith(key.lower())
    }
    if len(found) != 1:
        several = (
            f"{len(found)} needed calls begin with {key!r}" if found else f"no suite needs a call {key!r}"
        )
        cure = (
            "give more of the digest" if found else "take the digest from the message about the missing call"
        )
        raise BadInput([Problem(several, cure, key="KEY")])
    suite, case, alias, request = next(iter(found.values()))
    own = _request_json(request)
    recorded = request.digest in _digests(project, suite, request)
    nearest = None if recorded else _nearest(own, _recorded(project, suite))
    return Explained(
        suite=suite.name,
        case=case,
        deployment=alias,
        digest=request.digest,
        recorded=recorded,
        nearest=None if nearest is None else nearest[0],
        differences=() if nearest is None else tuple(_differences(own, nearest[1])),
    )


def _needed(suite: Suite) -> Iterator[tuple[str, str, Request]]:
    for policy in (suite.baseline, *suite.proposals):
        if policy is not None:
            for asked, alias, request in every_request(suite, policy):
                yield asked.case.id, f"{policy.name}: {alias}", request


def _digests(project: Project, suite: Suite, request: Request) -> set[str]:
    found = committed_and_local(project, suite).find(request.digest)
    return set() if found is None else {found.digest}


def _recorded(project: Project, suite: Suite) -> Iterator[tuple[str, dict[str, object]]]:
    for path in committed_recordings(suite):
        if path in recording_files(path.parent) and path.suffix == ".jsonl":
            for line in path.read_bytes().splitlines()[1:]:
                yield from _request_of(line)
    path = store_file(project.root)
    if path.exists():
        stored = StoredCalls(path)
        for digest in stored:
            for _, line in stored.lines(digest)[:1]:
                yield from _request_of(line)


def _request_of(line: bytes) -> Iterator[tuple[str, dict[str, object]]]:
    try:
        decoded: RecordingLine = decode_leniently(line)
        raw = bytes(decoded.request)
        if raw and decoded.digest is not None:
            request = {
                "kind": decoded.kind,
                **json.loads(raw),
                "trial": decoded.trial,
                "sample": decoded.sample,
            }
            yield decoded.digest, request
    except (*UNREADABLE, msgspec.MsgspecError, ValueError):
        return


def _request_json(request: Request) -> dict[str, object]:
    return {
        "kind": request.kind,
        "provider": request.provider,
        "model": request.model,
        "revision": request.revision,
        "quantization": request.quantization,
        "messages": [message_json(message) for message in request.messages],
        "params": dict(request.params),
        "trial": request.trial,
        "sample": request.sample,
    }


def _nearest(
    own: Mapping[str, object], others: Iterator[tuple[str, dict[str, object]]]
) -> tuple[str, dict[str, object]] | None:
    """Return the recorded request with the fewest differences; of those, the one with the likest texts."""
    best: tuple[int, float] | None = None
    found = None
    for digest, other in others:
        differing = list(_differences(own, other))
        alike = sum(
            SequenceMatcher(None, each.asked[:500], each.recorded[:500]).quick_ratio() for each in differing
        )
        rank = (len(differing), -alike)
        if best is None or rank < best:
            best, found = rank, (digest, other)
    return found


def _differences(own: object, other: object, path: str = "") -> Iterator[Difference]:
    match own, other:
        case dict(), dict():
            for name in sorted({*own, *other}):
                inner = f"{path}.{name}" if path else str(name)
                yield from _differences(own.get(name, _MISSING), other.get(name, _MISSING), inner)
        case list(), list() if len(own) == len(other):
            for place, (one, two) in enumerate(zip(own, other, strict=True)):
                yield from _differences(one, two, f"{path}[{place}]")
        case _:
            if own != other:
                yield Difference(path, _shown(own), _shown(other))


def _shown(value: object) -> str:
    return _MISSING if value is _MISSING else json.dumps(value, ensure_ascii=False)
