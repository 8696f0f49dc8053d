"""The semantic cache: what is near, what is asked for it, and what a question waits for."""

import asyncio
from dataclasses import replace

import pytest

from evalgate.core.calls import Attempt, Response
from evalgate.core.cases import Case
from evalgate.core.errors import CannotJudge
from evalgate.core.messages import Message, ToolCall
from evalgate.core.policy_file import ExactCache, SemanticCache
from evalgate.core.vectors import pack
from evalgate.serving.cache import PolicyCache
from evalgate.serving.serve import Asked, Server
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

# Texts on a quarter circle: the nearer the angles, the nearer the meaning.
VECTORS = {
    "opening hours?": (1.0, 0.0),
    "when are you open?": (0.96, 0.28),
    "are you open on Sunday?": (0.6, 0.8),
    "what does it cost?": (0.0, 1.0),
}
ALIASES = ("strong", "embed", "check")


def said(request):
    if request.kind == "embed":
        return Response(None, vector=pack(VECTORS[request.messages[0].content]))
    if request.model == "model-check":
        asked = request.messages[-1].content
        return Response("Yes." if "when are you open?" in asked else "no")
    return Response(f"answer to {request.messages[-1].content}")


def semantic(**fields):
    settings = {"embedder": "embed", "similarity_threshold": 0.9, "lookup_s": 0.01, **fields}
    return SemanticCache(mode="exact_then_semantic", **settings)


def made(spec):
    ready = [
        deployment("strong"),
        deployment("embed", kind="embed", prompt=()),
        deployment("check", prompt=()),
    ]
    helpers = set(spec.helpers.values())
    kept = [each for each in ready if each.alias == "strong" or each.alias in helpers]
    return policy(*kept, use="strong", cache=spec)


def served(spec, *questions, caller=None, embed=None, gap_s=10.0):
    """Ask one question after the other through one cache; a question is a text or a whole case."""
    caller = caller or ScriptedCaller(answer=said)
    server, cache = Server(replace(made(spec), embed=embed)), PolicyCache(spec)

    async def run():
        outcomes = []
        for index, question in enumerate(questions):
            case = question if isinstance(question, Case) else Case(id=f"c{index}", input=question)
            outcomes.append(await server.serve(Asked(case, 0, index * gap_s), caller, cache))
        return outcomes

    return asyncio.run(run()), caller


def test_a_near_question_is_served_and_says_how_near():
    (first, second, far), _ = served(semantic(), "opening hours?", "when are you open?", "what does it cost?")
    assert [outcome.cache.hit for outcome in (first, second, far)] == [False, True, False]
    assert second.cache.similarity == pytest.approx(0.96)
    assert (second.cache.source, second.result) == ("c0", first.result)
    assert second.cache.key != first.cache.key
    assert far.cache.similarity is None


def test_embeddings_are_paid_timed_and_remembered():
    (first, again, near), caller = served(
        semantic(), "opening hours?", "opening hours?", "when are you open?"
    )
    assert [step.role for step in first.steps] == ["embed", "generate"]
    assert first.latency_s == pytest.approx(0.01 + 0.1 + 0.1)
    assert (again.steps, again.latency_s) == ((), 0.01)
    assert [(step.role, step.deployment) for step in near.steps] == [("embed", "embed")]
    assert near.latency_s == pytest.approx(0.01 + 0.1)
    assert sum(request.kind == "embed" for request in caller.requests) == 2


def test_a_text_that_was_embedded_is_not_embedded_again_after_its_entry_has_gone():
    (_, later), caller = served(semantic(ttl_s=5), "opening hours?", "opening hours?")
    assert [step.role for step in later.steps] == ["generate"]
    assert sum(request.kind == "embed" for request in caller.requests) == 1


@pytest.mark.parametrize(("threshold", "hit"), [(0.96, True), (0.97, False)])
def test_the_threshold_is_a_cosine_and_reached_by_its_equal(threshold, hit):
    (_, second), _ = served(semantic(similarity_threshold=threshold), "opening hours?", "when are you open?")
    assert second.cache.hit is hit


def test_the_verifier_is_asked_about_the_nearest_ones_in_order_and_paid():
    spec = semantic(similarity_threshold=0.5, top_k=2, verifier="check")
    (_, near, third), caller = served(spec, "opening hours?", "when are you open?", "are you open on Sunday?")
    assert [step.role for step in near.steps] == ["embed", "verify"]
    assert near.cache.hit
    # The first question alone is stored; the verifier does not like it for Sunday.
    assert [step.role for step in third.steps] == ["embed", "verify", "generate"]
    assert not third.cache.hit
    asked = [request.messages[-1].content for request in caller.requests if request.model == "model-check"]
    assert asked[0] == "First question: opening hours?\nSecond question: when are you open?"


def test_no_more_than_top_k_are_put_to_the_verifier():
    spec = semantic(similarity_threshold=-1, top_k=1, verifier="check")
    texts = ("opening hours?", "what does it cost?", "are you open on Sunday?")
    outcomes, _ = served(spec, *texts)
    assert sum(step.role == "verify" for step in outcomes[-1].steps) == 1


@pytest.mark.parametrize("broken", ["model-embed", "model-check"])
def test_a_helper_that_fails_makes_a_miss_and_not_a_failure(broken):
    script = {broken: [Attempt(0.3, error="server_error")]}
    spec = semantic(verifier="check")
    (_, second), _ = served(
        spec, "opening hours?", "when are you open?", caller=ScriptedCaller(script, answer=said)
    )
    assert not second.cache.hit
    assert second.result.text == "answer to when are you open?"
    assert second.latency_s > 0.3


def test_an_embedder_by_import_path_costs_its_declared_time_alone():
    spec = semantic(embedder="ours.embeddings:embed", embed_s=0.2)
    (_, near), caller = served(
        spec, "opening hours?", "when are you open?", embed=lambda texts: [VECTORS[text] for text in texts]
    )
    assert (near.cache.hit, near.steps, near.latency_s) == (True, (), pytest.approx(0.21))
    assert all(request.kind != "embed" for request in caller.requests)


@pytest.mark.parametrize("embed", [lambda texts: 1 / 0, lambda texts: ["x"], lambda texts: []])
def test_a_broken_embedder_function_is_told(embed):
    spec = semantic(embedder="ours.embeddings:embed")
    with pytest.raises(CannotJudge, match="the cache's embedder"):
        served(spec, "opening hours?", embed=embed)


def test_what_vary_by_names_must_be_equal():
    cases = [
        Case(id=f"c{number}", input=text, vars={"tenant": tenant})
        for number, (text, tenant) in enumerate(
            [("opening hours?", "a"), ("when are you open?", "b"), ("when are you open?", "a")]
        )
    ]
    outcomes, _ = served(semantic(vary_by=["tenant"]), *cases)
    assert [each.cache.hit for each in outcomes] == [False, False, True]
    exact = ExactCache(mode="exact", vary_by=["tenant"])
    same = [case.model_copy(update={"input": "opening hours?"}) for case in cases]
    outcomes, _ = served_exact(exact, same)
    assert [each.cache.hit for each in outcomes] == [False, False, True]


def served_exact(spec, questions, gap_s=10.0):
    caller = ScriptedCaller(answer=said)
    server, cache = Server(policy(deployment("strong"), cache=spec)), PolicyCache(spec)

    async def run():
        cases = [
            each if isinstance(each, Case) else Case(id=f"c{number}", input=each)
            for number, each in enumerate(questions)
        ]
        return [
            await server.serve(Asked(case, 0, number * gap_s), caller, cache)
            for number, case in enumerate(cases)
        ]

    return asyncio.run(run()), caller


def test_earlier_turns_must_be_equal_and_only_the_last_message_is_near():
    def conversation(name, *texts):
        roles = ("user", "assistant") * len(texts)
        turns = [Message(role, text) for role, text in zip(roles, texts, strict=False)]
        return Case(id=name, messages=tuple(turns))

    outcomes, _ = served(
        semantic(key="conversation"),
        conversation("a", "hello", "hi", "opening hours?"),
        conversation("b", "hello", "hi", "when are you open?"),
        conversation("c", "bonjour", "hi", "when are you open?"),
    )
    assert [each.cache.hit for each in outcomes] == [False, True, False]


def test_a_tool_s_result_is_not_compared_by_meaning():
    call = Message("assistant", None, tool_calls=(ToolCall("f", "{}"),))
    case = Case(id="c", messages=(Message("user", "opening hours?"), call, Message("tool", "9 to 5")))
    (outcome,), _ = served(semantic(key="conversation"), case)
    assert [step.role for step in outcome.steps] == ["generate"]


def test_evicted_and_expired_answers_are_not_near_either():
    texts = ("opening hours?", "what does it cost?", "when are you open?")
    outcomes, _ = served(semantic(max_entries=1), *texts)
    assert [each.cache.hit for each in outcomes] == [False, False, False]
    outcomes, _ = served(semantic(ttl_s=15), *texts)
    assert [each.cache.hit for each in outcomes] == [False, False, False]


@pytest.mark.parametrize(
    ("in_flight", "hits", "calls", "latency_s"),
    [
        ("ready", [False, True, True], 1, 0.0),
        ("wait", [False, True, True], 1, 0.06),
        ("ask", [False, False, True], 2, 0.1),
    ],
)
def test_an_identical_question_in_flight(in_flight, hits, calls, latency_s):
    """The model takes 0.1 s, and the questions come every 0.04, 0.04 and then 0.12 s after the first."""
    spec = ExactCache(mode="exact", in_flight=in_flight)
    caller = ScriptedCaller(answer=said)
    server, cache = Server(policy(deployment("strong"), cache=spec)), PolicyCache(spec)

    async def run():
        return [
            await server.serve(Asked(Case(id=f"c{at}", input="opening hours?"), 0, at), caller, cache)
            for at in (0.0, 0.04, 0.12)
        ]

    outcomes = asyncio.run(run())
    assert [each.cache.hit for each in outcomes] == hits
    assert len(caller.requests) == calls
    assert outcomes[1].latency_s == pytest.approx(latency_s)
    assert outcomes[1].cache.waited_s == pytest.approx(latency_s if in_flight == "wait" else 0.0)
    assert outcomes[2].latency_s == 0.0
