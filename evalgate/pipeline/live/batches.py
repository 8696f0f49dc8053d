"""Recording through batch APIs: what deployments with ``batch`` still need is handed in as a whole.

A batch that was handed in is noted on the disk before anybody waits for it, so that whoever was interrupted
fetches it later instead of paying twice.
"""

import json
import math
import os
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.calls import Attempt, Call, Request, Response
from evalgate.core.errors import BadInput, CannotJudge, Interrupted, Problem, SpendCapReached
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy import Deployment, Policy
from evalgate.core.policy_file import Price, Reliability
from evalgate.core.progress import Progress
from evalgate.core.providers_file import OpenAIProvider
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.measuring.walk import walk, walk_every_deployment
from evalgate.pipeline.project.places import LOCAL
from evalgate.pipeline.project.privacy import Privacy
from evalgate.pipeline.spending.spend import worst
from evalgate.pricing.batch import discounted
from evalgate.pricing.calls import attempts_usd
from evalgate.providers.loop import run_loop
from evalgate.providers.openai_batch import Batch, BatchEndpoint
from evalgate.store.local.session import SessionWriter
from evalgate.store.local.store import LocalStore
from evalgate.store.recordings import Recordings
from evalgate.store.writer import new_session


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a batch, who is asked, and what that costs."""

    request: Request
    deployment: Deployment
    price: Price

    @property
    def window_s(self) -> float:
        """How long the batch may take."""
        assert self.deployment.batch is not None
        return self.deployment.batch.window_s


@dataclass(frozen=True, slots=True)
class Batched:
    """What batches answered: calls, those of them that failed, and what they cost."""

    calls: int = 0
    failed: int = 0
    usd: float | Unmeasured = 0.0


def batches_needed(
    suite: Suite,
    policies: Sequence[Policy],
    prices: Mapping[str, Mapping[str, Price]],
    known: Recordings,
    *,
    cover: bool,
) -> dict[str, Asked]:
    """Return the requests that deployments with ``batch`` still need, by digest."""
    found: dict[str, Asked] = {}
    for policy in policies:
        if not any(each.batch is not None for each in policy.deployments.values()):
            continue
        if cover:
            walked = walk_every_deployment(suite, policy, known)
        else:
            walked = walk(suite, policy, known, succeeding=True)
        for digest, request in walked.missing.items():
            alias = walked.deployment.get(digest)
            if alias is None or not request.batch:
                continue
            deployment = policy.deployments[alias]
            assert deployment.batch is not None
            price = discounted(prices[policy.name][alias], deployment.batch.price_factor)
            found.setdefault(digest, Asked(request, deployment, price))
    return found


def call_batches(
    project: Project,
    suite: Suite,
    needed: Mapping[str, Asked],
    store: LocalStore,
    cap_usd: float | None,
    progress: Progress,
) -> Batched:
    """Hand in what is needed, wait for it, and keep every answer in ``store``.

    Raises:
        BadInput: a provider has no batch API that is known here, or texts may not be kept.
        SpendCapReached: at worst it would cost more than ``cap_usd``; nothing was handed in.
        ProviderRefused: a server does not take it.
        Interrupted: somebody did not want to wait; the same command fetches the answers.

    """
    if not needed and not _notes(project, suite):
        return Batched()
    _refuse(project, suite, needed)
    try:
        return run_loop(_call(project, suite, needed, store, cap_usd, progress))
    except KeyboardInterrupt:
        raise Interrupted("what was handed in goes on at the provider") from None


def _refuse(project: Project, suite: Suite, needed: Mapping[str, Asked]) -> None:
    problems = {}
    for each in needed.values():
        name = each.deployment.provider
        if not isinstance(project.providers.get(name), OpenAIProvider):
            cure = "record without --batch: calls made at once stand for what a batch would answer"
            message = f"provider {name!r} is not of kind openai, whose batches are known"
            problems[name] = Problem(message, cure)
    if suite.texts == "none":
        message = "a suite with texts: none hands in no batch, which keeps texts"
        problems[""] = Problem(message, "record without --batch", suite.file)
    if problems:
        raise BadInput(list(problems.values()))


async def _call(
    project: Project,
    suite: Suite,
    needed: Mapping[str, Asked],
    store: LocalStore,
    cap_usd: float | None,
    progress: Progress,
) -> Batched:
    await _check_texts(project, suite, [each.request for each in needed.values()], ())
    notes = _notes(project, suite)
    handed_in = {digest for note in notes for digest in note.digests}
    fresh = [each for digest, each in needed.items() if digest not in handed_in]
    _hold_cap(fresh, cap_usd)
    notes += [await _hand_in(project, suite, group) for group in _groups(fresh)]
    writer = SessionWriter(store, new_session("record"), f"batch {suite.name}")
    calls: list[tuple[Asked, Call]] = []
    progress.start(f"{suite.name}: waiting for batches", len(notes))
    try:
        for note in notes:
            came = await _fetch(project, note, needed)
            await _check_texts(project, suite, [], [call for _, call in came])
            for _, call in came:
                writer.write(call)
            store.flush()
            note.file.unlink()
            calls += came
            progress.advance()
    finally:
        progress.done()
    return _summed(calls)


@dataclass(frozen=True, slots=True)
class _Note:
    """A batch that was handed in, as it stands on the disk."""

    file: Path
    provider: str
    batch: str
    window_s: float
    digests: tuple[str, ...]


def _folder(project: Project, suite: Suite) -> Path:
    return project.root / LOCAL / "batches" / suite.name


def _notes(project: Project, suite: Suite) -> list[_Note]:
    found = []
    for file in sorted(_folder(project, suite).glob("*.json")):
        said = json.loads(file.read_text(encoding="utf-8"))
        found.append(_Note(file, said["provider"], said["batch"], said["window_s"], tuple(said["digests"])))
    return found


def _groups(asked: Sequence[Asked]) -> list[list[Asked]]:
    """A batch has one kind of request to one model."""
    groups: defaultdict[tuple[str, ...], list[Asked]] = defaultdict(list)
    for each in asked:
        request = each.request
        groups[request.provider, request.model, request.kind, str(each.window_s)].append(each)
    return list(groups.values())


async def _hand_in(project: Project, suite: Suite, group: Sequence[Asked]) -> _Note:
    provider, window_s = group[0].deployment.provider, group[0].window_s
    hours, rest = divmod(window_s, 3600)
    window = f"{window_s / 60:g}m" if rest else f"{hours:g}h"
    async with _endpoint(project, provider) as endpoint:
        batch = await endpoint.submit([each.request for each in group], window)
    digests = tuple(each.request.digest for each in group)
    folder = _folder(project, suite)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{secrets.token_hex(8)}.json"
    said = {"provider": provider, "batch": batch, "window_s": window_s, "digests": digests}
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(said), encoding="utf-8")
    unfinished.rename(file)
    return _Note(file, provider, batch, window_s, digests)


async def _fetch(project: Project, note: _Note, needed: Mapping[str, Asked]) -> list[tuple[Asked, Call]]:
    async with _endpoint(project, note.provider) as endpoint:
        batch = await endpoint.ended(note.batch)
        if batch.status == "failed":
            note.file.unlink()
            raise CannotJudge(_failed(note, batch))
        wanted = [needed[digest] for digest in note.digests if digest in needed]
        calls = await endpoint.answers(batch, [each.request for each in wanted], note.window_s)
    return list(zip(wanted, calls, strict=True))


def _failed(note: _Note, batch: Batch) -> str:
    why = batch.complaint or "no reason given"
    return f"provider {note.provider!r} could not read the batch {note.batch}: {why}"


def _endpoint(project: Project, provider: str) -> BatchEndpoint:
    spec = project.providers[provider]
    assert isinstance(spec, OpenAIProvider)
    return BatchEndpoint(provider, spec, os.environ)


def _hold_cap(fresh: Sequence[Asked], cap_usd: float | None) -> None:
    if cap_usd is None:
        return
    amounts = [worst(each.request, each.price, 1) for each in fresh]
    known = math.fsum(usd for usd in amounts if not isinstance(usd, Unmeasured))
    if known > cap_usd:
        raise SpendCapReached(
            f"the batches of {len(fresh):,} requests may cost {known:.4g} USD, and no more than {cap_usd:g} "
            "USD may be spent; nothing was handed in"
        )


async def _check_texts(
    project: Project, suite: Suite, requests: Sequence[Request], calls: Sequence[Call]
) -> None:
    """Refuse to send or keep a secret, as for calls that are made one by one."""
    said = {call.request.digest: call for call in calls}

    async def answer(request: Request, rules: Reliability) -> Call:  # noqa: ARG001  a Caller gets both
        silent = Call(request, (Attempt(0.0),), Response(""), session="", replayed=False)
        return said.get(request.digest, silent)

    guarded = Privacy.of(project, suite, os.environ).guarded(answer)
    for request in [*requests, *(call.request for call in calls)]:
        await guarded(request, Reliability())


def _summed(calls: Sequence[tuple[Asked, Call]]) -> Batched:
    amounts = [attempts_usd(call.attempts, each.deployment.alias, each.price) for each, call in calls]
    unknown = next((usd for usd in amounts if isinstance(usd, Unmeasured)), None)
    failed = sum(call.response is None for _, call in calls)
    known = math.fsum(usd for usd in amounts if not isinstance(usd, Unmeasured))
    return Batched(len(calls), failed, known if unknown is None else unknown)


def with_less(cap_usd: float | None, batched: Batched) -> float | None:
    """Return what of a cap is left after batches."""
    if cap_usd is None or isinstance(batched.usd, Unmeasured):
        return cap_usd
    return max(0.0, cap_usd - batched.usd)
