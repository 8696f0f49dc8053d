"""Serve a suite without calling anybody, to learn which calls it needs."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from evalgate.core.calls import Attempt, Call, Request, Response
from evalgate.core.policy import Policy
from evalgate.core.policy_file import HEDGE_SAMPLE, Reliability, SemanticCache
from evalgate.core.suite import Suite
from evalgate.pipeline.measuring.measure import Pass, questions
from evalgate.pipeline.measuring.replaying import run_now
from evalgate.serving.lookup import embed_request
from evalgate.serving.requests import request_for
from evalgate.serving.serve import Asked
from evalgate.store.recordings import Recordings
from evalgate.store.replay import MissingCall, ReplayCaller

_ANSWERED = (Attempt(0.0),)
_FAILED = (Attempt(0.0, error="server_error"),)


@dataclass(slots=True)
class Walked:
    """The distinct calls that were needed, by digest, each with the deployment that it is for.

    ``missing`` are those that the recordings do not settle; ``missing_cases`` the cases that needed them.
    ``by_case`` holds the digests that each case needs, in all of its trials.
    """

    needed: dict[str, Request] = field(default_factory=dict)
    missing: dict[str, Request] = field(default_factory=dict)
    deployment: dict[str, str] = field(default_factory=dict)
    missing_cases: dict[str, None] = field(default_factory=dict)
    by_case: dict[str, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Pretending:
    """A Caller that replays, and where nothing is recorded pretends that every call succeeds, or none."""

    replay: ReplayCaller | None
    succeeding: bool
    walked: Walked = field(default_factory=Walked)
    met_missing: bool = False

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        self.walked.needed[request.digest] = request
        if self.replay is not None:
            try:
                return await self.replay(request, rules)
            except MissingCall:
                pass  # that is what is looked for
        self.met_missing = True
        self.walked.missing[request.digest] = request
        attempts = _ANSWERED if self.succeeding else _failed(rules)
        response = Response("") if self.succeeding else None
        return Call(request, attempts, response, session="", replayed=False)


def _failed(rules: Reliability) -> tuple[Attempt, ...]:
    """Who hedges is taken to fail slowly, which brings the hedge as well."""
    after_s = rules.hedge_after_s
    return _FAILED if after_s is None else (replace(_FAILED[0], latency_s=after_s + 1),)


def walk(suite: Suite, policy: Policy, recordings: Recordings | None, *, succeeding: bool) -> Walked:
    """Return the calls that ``policy`` needs; without recordings every call is missing.

    What a router sends where is exact. With ``succeeding`` a missing call is taken to succeed at once; else
    to fail, which brings every fallback there is, and nothing of it into the policy's cache.

    Raises:
        BadInput: a case lacks what the prompt or the router needs.
        CannotJudge: the router's own function broke.

    """
    caller = _Pretending(ReplayCaller(recordings) if recordings is not None else None, succeeding)
    _serve_all(suite, policy, caller)
    return caller.walked


def _serve_all(suite: Suite, policy: Policy, caller: _Pretending) -> None:
    a_pass = Pass(suite, policy)
    for asked in questions(suite):
        caller.met_missing = False
        outcome = run_now(a_pass.serve(asked, caller))
        recorded = [step for step in outcome.steps if step.recorded]
        for step in recorded:
            caller.walked.deployment.setdefault(step.digest, step.deployment)
        digests = caller.walked.by_case.setdefault(asked.case.id, set())
        digests.update(step.digest for step in recorded)
        if caller.met_missing:
            caller.walked.missing_cases[asked.case.id] = None


def walk_every_deployment(suite: Suite, policy: Policy, recordings: Recordings) -> Walked:
    """Return the calls that recording every deployment of ``policy`` on every case needs."""
    caller = _Pretending(ReplayCaller(recordings), succeeding=True)
    for asked, alias, request in every_request(suite, policy):
        caller.met_missing = False
        run_now(caller(request, policy.deployments[alias].rules(policy.reliability)))
        caller.walked.deployment.setdefault(request.digest, alias)
        caller.walked.by_case.setdefault(asked.case.id, set()).add(request.digest)
        if caller.met_missing:
            caller.walked.missing_cases[asked.case.id] = None
    if (everybody := asking_everybody(policy)) is not None:
        _serve_all(suite, everybody, caller)
    return caller.walked


def asking_everybody(policy: Policy) -> Policy | None:
    """Return the policy whose cascade escalates every case; None without a cascade.

    Samples and verifier calls depend on the answers before them, so they are asked for by serving.
    """
    if policy.cascade is None:
        return None
    return replace(policy, cascade=policy.cascade.always_escalating(), cache=None)


def every_request(suite: Suite, policy: Policy) -> Iterator[tuple[Asked, str, Request]]:
    """Yield what each deployment of ``policy`` would be asked for each case, whatever chooses between.

    Of those that only a cache asks, embedders are asked for every case, and verifiers not: what they are
    asked depends on what was stored.
    """
    for asked in questions(suite):
        yield from every_request_of(policy, asked)


def every_request_of(policy: Policy, asked: Asked) -> Iterator[tuple[Asked, str, Request]]:
    """Yield the same for one case."""
    for alias, deployment in policy.answering.items():
        yield asked, alias, request_for(asked.case, deployment, asked.trial)
        if policy.reliability.hedges_same:
            yield asked, alias, request_for(asked.case, deployment, asked.trial, HEDGE_SAMPLE)
    if isinstance(policy.cache, SemanticCache):
        request = embed_request(policy, asked.case)
        if request is not None:
            yield asked, policy.cache.embedder, request
