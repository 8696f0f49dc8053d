import asyncio
from dataclasses import replace

import pytest

from evalgate.core.calls import Attempt, Response
from evalgate.core.cases import Case
from evalgate.core.errors import BadInput, MissingRecordings
from evalgate.core.messages import Message, ToolCall
from evalgate.core.outcome import Answer, CacheTrace, Failure, RouteTrace
from evalgate.core.policy import Router
from evalgate.core.policy_file import ExactCache, Reliability
from evalgate.core.response_file import ExtractRegex
from evalgate.core.router_file import ColumnRouter
from evalgate.serving.cache import PolicyCache
from evalgate.serving.serve import Asked, Server, serve
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

TIMEOUT = Attempt(latency_s=2.0, error="timeout")
BROKEN = Attempt(latency_s=0.5, error="server_error", status=503)
REFUSED = Attempt(latency_s=0.2, error="content_filter", status=400)
COLUMN = ColumnRouter(
    kind="column", column="need", threshold=0.5, strong="strong", weak="weak", decide_s=0.25
)


def case(name="c", text="Where is it?", **fields):
    return Case(id=name, input=text, **fields)


def served(made, caller, *cases, cache=None, trial=0):
    async def run():
        return [
            await serve(Asked(each, trial, float(i)), made, caller, cache) for i, each in enumerate(cases)
        ]

    outcomes = asyncio.run(run())
    return outcomes[0] if len(outcomes) == 1 else outcomes


def test_a_fixed_deployment_answers():
    caller = ScriptedCaller(answer=lambda _: Response("  billing ", (ToolCall("f", "{}"),), "stop"))
    outcome = served(policy(use="strong", response=["strip"]), caller, case(), trial=3)
    assert outcome.result == Answer("billing", (ToolCall("f", "{}"),), "stop")
    assert (outcome.case_id, outcome.trial, outcome.deployment) == ("c", 3, "strong")
    assert (outcome.latency_s, outcome.cache, outcome.route) == (0.1, None, None)
    (step,) = outcome.steps
    (request,) = caller.requests
    assert (step.role, step.deployment, step.session) == ("generate", "strong", "s1")
    assert (step.digest, step.attempts) == (request.digest, (Attempt(latency_s=0.1),))
    assert (request.model, request.trial) == ("model-strong", 3)


def test_an_answer_that_only_calls_tools_has_empty_text():
    caller = ScriptedCaller(answer=lambda _: Response(None, (ToolCall("f", "{}"),)))
    assert served(policy(), caller, case()).result == Answer("", (ToolCall("f", "{}"),))


def test_the_router_chooses_and_its_time_counts():
    made = policy(router=Router(COLUMN))
    low, high = served(made, ScriptedCaller(), case(vars={"need": 0.4}), case(vars={"need": 0.5}))
    assert low.route == RouteTrace(0.4, strong=False, deployment="weak")
    assert high.route == RouteTrace(0.5, strong=True, deployment="strong")
    assert (low.deployment, high.deployment) == ("weak", "strong")
    assert low.latency_s == pytest.approx(0.35)


def test_retries_are_kept_and_their_waits_count():
    rules = Reliability(num_retries=2, backoff_s=1.0, backoff_jitter="none")
    outcome = served(policy(reliability=rules), ScriptedCaller({"model-weak": [BROKEN, TIMEOUT]}), case())
    assert isinstance(outcome.result, Answer)
    assert [each.error for each in outcome.steps[0].attempts] == ["server_error", "timeout", None]
    assert outcome.latency_s == pytest.approx(0.5 + 1.0 + 2.0 + 2.0 + 0.1)


def test_a_fallback_answers_after_the_retries_and_everything_counts():
    rules = Reliability(num_retries=1, backoff_s=1.0, backoff_jitter="none", fallbacks={"weak": ["strong"]})
    outcome = served(policy(reliability=rules), ScriptedCaller({"model-weak": [BROKEN, BROKEN]}), case())
    assert [(step.role, step.deployment) for step in outcome.steps] == [
        ("generate", "weak"),
        ("fallback", "strong"),
    ]
    assert [len(step.attempts) for step in outcome.steps] == [2, 1]
    assert outcome.deployment == "strong"
    assert outcome.result.text.startswith("model-strong")
    assert outcome.latency_s == pytest.approx(0.5 + 1.0 + 0.5 + 0.1)


def test_a_deployments_own_retries_and_timeout_go_over_the_policys():
    weak = replace(deployment("weak"), num_retries=0)
    strong = replace(deployment("strong"), request_timeout_s=7.0)
    rules = Reliability(num_retries=2, backoff_s=0.0, request_timeout_s=3, fallbacks={"weak": ["strong"]})
    caller = ScriptedCaller({"model-weak": [BROKEN], "model-strong": [BROKEN]})
    asked = []

    async def watching(request, given):
        asked.append((request.model, given.num_retries, given.request_timeout_s))
        return await caller(request, given)

    outcome = served(policy(weak, strong, reliability=rules), watching, case())
    assert asked == [("model-weak", 0, 3), ("model-strong", 2, 7.0)]
    assert [len(step.attempts) for step in outcome.steps] == [1, 2]


def test_fallbacks_of_fallbacks_are_not_followed_and_none_is_asked_twice():
    three = [deployment(alias) for alias in ("weak", "strong", "spare")]
    rules = Reliability(fallbacks={"weak": ["strong", "strong", "weak"], "strong": ["spare"]})
    script = {"model-weak": [REFUSED], "model-strong": [REFUSED]}
    outcome = served(policy(*three, reliability=rules), ScriptedCaller(script), case())
    assert [step.deployment for step in outcome.steps] == ["weak", "strong"]
    assert isinstance(outcome.result, Failure)


def test_a_failure_says_what_happened_in_order():
    rules = Reliability(num_retries=2, backoff_s=0.0, fallbacks={"strong": ["weak"]})
    script = {"model-strong": [TIMEOUT] * 3, "model-weak": [REFUSED]}
    outcome = served(policy(use="strong", reliability=rules), ScriptedCaller(script), case())
    assert outcome.result == Failure(
        kind="content_filter",
        reason="strong timed out after 3 attempts; fallback weak failed with content_filter 400",
    )
    assert outcome.deployment is None
    assert outcome.latency_s == pytest.approx(6.2)


def test_a_hit_costs_the_lookup_alone_and_names_its_source():
    spec = ExactCache(mode="exact", normalize=["trim", "casefold"], lookup_s=0.05)
    made = policy(router=Router(COLUMN), cache=spec)
    caller = ScriptedCaller()
    first, second = served(
        made, caller, case("a", vars={"need": 1}), case("b", " WHERE is it?"), cache=PolicyCache(spec)
    )
    assert first.cache == CacheTrace(second.cache.key, False, None, first.cache.question)
    assert first.latency_s == pytest.approx(0.05 + 0.25 + 0.1)
    assert second.cache == CacheTrace(first.cache.key, True, "a", second.cache.question)
    assert first.cache.question != second.cache.question
    assert (second.result, second.deployment) == (first.result, "strong")
    assert (second.latency_s, second.steps, second.route) == (0.05, (), None)
    assert len(caller.requests) == 1
    assert len(first.cache.key) == 16
    assert int(first.cache.key, 16) >= 0


def test_the_cache_keeps_the_raw_answer():
    spec = ExactCache(mode="exact")
    shared = PolicyCache(spec)
    caller = ScriptedCaller(answer=lambda _: Response(" label: billing "))
    before = served(
        policy(cache=spec, response=[ExtractRegex(extract_regex=r"\w+$"), "strip"]),
        caller,
        case(),
        cache=shared,
    )
    after = served(
        policy(cache=spec, response=[ExtractRegex(extract_regex=r": (\w+)")]), caller, case("b"), cache=shared
    )
    assert before.result == Answer("label: billing")
    assert after.result == Answer("billing")
    assert after.cache.hit


def test_a_failure_is_not_cached():
    spec = ExactCache(mode="exact")
    exact = PolicyCache(spec)
    failing = served(policy(cache=spec), ScriptedCaller({"model-weak": [REFUSED]}), case("a"), cache=exact)
    answered = served(policy(cache=spec), ScriptedCaller(), case("b"), cache=exact)
    assert isinstance(failing.result, Failure)
    assert failing.cache == CacheTrace(answered.cache.key, False, None, answered.cache.question)
    assert isinstance(answered.result, Answer)
    assert not answered.cache.hit


def test_the_request_key_covers_prompt_variables_and_params():
    prompt = (Message("system", "For {{plan}}."), Message("user", "{{input}}"))
    spec = ExactCache(mode="exact", key="request")

    def key(params, plan):
        made = policy(deployment("weak", prompt=prompt, params=params), cache=spec)
        outcome = served(made, ScriptedCaller(), case(vars={"plan": plan}), cache=PolicyCache(spec))
        return outcome.cache.key

    assert key({"seed": 1}, "gold") == key({"seed": 1, "user": "u"}, "gold")
    assert len({key({"seed": 1}, "gold"), key({"seed": 2}, "gold"), key({"seed": 1}, "free")}) == 3


def test_what_a_caller_raises_passes_through():
    async def missing(request, rules):
        raise MissingRecordings("1 call was never recorded")

    with pytest.raises(MissingRecordings):
        served(policy(), missing, case())


def test_a_case_without_a_variable_of_the_prompt_is_bad_input():
    made = policy(deployment("weak", prompt=(Message("user", "{{input}} {{plan}}"),)))
    with pytest.raises(BadInput, match="case 'c' has no such variable"):
        served(made, ScriptedCaller(), case())


def test_a_server_keeps_nothing_between_cases():
    made = policy(router=Router(COLUMN), response=["strip"])
    server = Server(made)

    async def run():
        asked = [Asked(case(str(i), vars={"need": i / 4}), 0, 0.0) for i in range(5)]
        together = await asyncio.gather(*(server.serve(each, ScriptedCaller(), None) for each in asked))
        alone = [await serve(each, made, ScriptedCaller(), None) for each in asked]
        return together, alone

    together, alone = asyncio.run(run())
    assert list(together) == alone
