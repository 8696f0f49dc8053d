"""Serve a suite without calling anybody, to learn which calls it needs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from evalgate.core.calls import Attempt, Call, Request, Response
from evalgate.core.policy import Policy
from evalgate.core.policy_file import HEDGE_SAMPLE, Reliability, SemanticCache
from evalgate.core.suite import Suite
from evalgate.pipeline.measuring.measure import Pass, questions
from evalgate.pipeline.measuring.replaying import run_now
from evalgate.serving.generated import Ready
from evalgate.serving.lookup import embed_request
from evalgate.serving.prompts import compile_prompt
from evalgate.serving.requests import fill_request
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
    if asks_one_alone(policy) and not suite.faults:
        _ask_every_deployment(suite, policy, caller)
    else:
        _serve_all(suite, policy, caller)
    return caller.walked


def asks_once(policy: Policy) -> bool:
    """Whether a case is one call to one deployment, whatever becomes of that call and of others."""
    rules = policy.reliability
    levers = policy.cascade is not None or policy.cache is not None or bool(rules.fallbacks)
    return not (levers or rules.hedges or rules.cools_down)


def asks_one_alone(policy: Policy) -> bool:
    """Whether a case is that, and nothing chooses the deployment either."""
    return asks_once(policy) and len(policy.deployments) == 1


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
    _ask_every_deployment(suite, policy, caller)
    if (everybody := asking_everybody(policy)) is not None:
        _serve_all(suite, everybody, caller)
    return caller.walked


def _ask_every_deployment(suite: Suite, policy: Policy, caller: _Pretending) -> None:
    walked = caller.walked
    rules = {alias: each.rules(policy.reliability) for alias, each in policy.deployments.items()}
    for asked, alias, request in every_request(suite, policy):
        caller.met_missing = False
        run_now(caller(request, rules[alias]))
        walked.deployment.setdefault(request.digest, alias)
        walked.by_case.setdefault(asked.case.id, set()).add(request.digest)
        if caller.met_missing:
            walked.missing_cases[asked.case.id] = None


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
    ways = _ways(policy)
    for asked in questions(suite):
        yield from _asked_by(policy, ways, asked)


def every_request_of(policy: Policy, asked: Asked) -> Iterator[tuple[Asked, str, Request]]:
    """Yield the same for one case."""
    yield from _asked_by(policy, _ways(policy), asked)


def _ways(policy: Policy) -> list[tuple[str, Ready]]:
    return [(alias, (each, compile_prompt(each.prompt))) for alias, each in policy.answering.items()]


def _asked_by(
    policy: Policy, ways: Sequence[tuple[str, Ready]], asked: Asked
) -> Iterator[tuple[Asked, str, Request]]:
    for alias, (deployment, prompt) in ways:
        yield asked, alias, fill_request(asked.case, deployment, prompt, asked.trial)
        if policy.reliability.hedges_same:
            yield asked, alias, fill_request(asked.case, deployment, prompt, asked.trial, HEDGE_SAMPLE)
    if isinstance(policy.cache, SemanticCache):
        request = embed_request(policy, asked.case)
        if request is not None:
            yield asked, policy.cache.embedder, request
