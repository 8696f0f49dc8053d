"""A deployment behind a batch API: no wait, a window, and what does not come within it."""

import asyncio
from dataclasses import replace

import pytest

from evalgate.core.batch_file import BatchFile
from evalgate.core.calls import Attempt
from evalgate.core.cases import Case
from evalgate.core.outcome import Answer, Failure
from evalgate.core.policy import Router
from evalgate.core.policy_file import ExactCache, Reliability
from evalgate.core.quantities import Quantity
from evalgate.core.router_file import ColumnRouter
from evalgate.serving.cache import PolicyCache
from evalgate.serving.serve import Asked, Server, serve
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

HOUR = 3600.0


def batched(alias, hours=24.0):
    written = BatchFile(price_factor=0.5, completion_window=Quantity(hours * HOUR, "h"))
    return replace(deployment(alias), batch=written)


def served(made, script=None, need=0.0):
    asked = Asked(Case(id="c", input="q", vars={"need": need}), 0, 0.0)
    caller = ScriptedCaller(script)
    return asyncio.run(serve(asked, made, caller, None)), caller


def by_batch(seconds):
    return Attempt(seconds, turnaround_s=seconds)


def test_an_answer_comes_within_the_window():
    outcome, caller = served(policy(batched("weak")))
    assert (outcome.batch_window_s, outcome.latency_s) == (24 * HOUR, 24 * HOUR)
    assert isinstance(outcome.result, Answer)
    assert caller.requests[0].batch
    assert caller.requests[0].digest == served(policy(deployment("weak")))[1].requests[0].digest


def test_a_recorded_turnaround_is_what_it_took():
    outcome, _ = served(policy(batched("weak")), {"model-weak": [by_batch(700.0)]})
    assert (outcome.batch_window_s, outcome.latency_s) == (24 * HOUR, 700)


def test_what_took_longer_than_the_window_has_expired():
    outcome, _ = served(policy(batched("weak", hours=1)), {"model-weak": [by_batch(2 * HOUR)]})
    assert isinstance(outcome.result, Failure)
    assert (outcome.latency_s, outcome.steps[0].attempts[-1].error) == (HOUR, "timeout")


def test_what_expired_falls_back_to_a_call_at_once():
    rules = Reliability(fallbacks={"weak": ["strong"]})
    made = policy(batched("weak", hours=1), deployment("strong"), use="weak", reliability=rules)
    outcome, _ = served(made, {"model-weak": [by_batch(2 * HOUR)]})
    assert isinstance(outcome.result, Answer)
    assert (outcome.deployment, outcome.batch_window_s) == ("strong", HOUR)
    assert outcome.latency_s == pytest.approx(HOUR + 0.1)


def test_a_router_sends_some_into_a_batch_and_others_not():
    spec = ColumnRouter(kind="column", column="need", threshold=0.5, strong="strong", weak="weak")
    made = policy(batched("weak"), deployment("strong"), router=Router(spec))
    patient, urgent = (served(made, need=need)[0] for need in (0.0, 1.0))
    assert (patient.batch_window_s, urgent.batch_window_s) == (24 * HOUR, None)
    assert urgent.latency_s == 0.1


def test_who_waits_for_an_answer_in_a_batch_waits_for_the_batch():
    spec = ExactCache(mode="exact", in_flight="wait")
    server, cache = Server(policy(batched("weak"), cache=spec)), PolicyCache(spec)

    async def run():
        caller = ScriptedCaller()
        asked = [Asked(Case(id=f"c{at}", input="q"), 0, at) for at in (0.0, 10.0, 25 * HOUR)]
        return [await server.serve(each, caller, cache) for each in asked]

    outcomes = asyncio.run(run())
    assert [each.batch_window_s for each in outcomes] == [24 * HOUR, 24 * HOUR, None]
    assert [each.latency_s for each in outcomes] == [24 * HOUR, 24 * HOUR - 10, 0.0]
