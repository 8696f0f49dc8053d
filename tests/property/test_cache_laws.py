"""Laws of the policy's cache, on streams that hypothesis writes."""

import asyncio
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evalgate.core.cases import Case
from evalgate.core.policy_file import ExactCache, SemanticCache
from evalgate.core.vectors import cosine
from evalgate.serving.cache import PolicyCache
from evalgate.serving.nearest import NearestKeys
from evalgate.serving.serve import Asked, Server
from tests.unit.serving.serving_fakes import ScriptedCaller, deployment, policy

# Single floats are what is stored: vectors shorter than this have no direction worth a law.
NUMBERS = st.floats(-1, 1, width=32).map(lambda number: 0.0 if abs(number) < 1e-3 else number)
VECTORS = st.tuples(NUMBERS, NUMBERS, NUMBERS)
STORED = st.lists(st.tuples(st.sampled_from("abcdefgh"), VECTORS), max_size=20)
THRESHOLDS = st.floats(-1, 1)


def filled(stored):
    nearest = NearestKeys(3)
    for key, vector in stored:
        nearest.add(key, vector)
    return nearest


@given(STORED, VECTORS, THRESHOLDS, THRESHOLDS)
def test_a_higher_threshold_never_finds_more_among_the_same_answers(stored, vector, one, other):
    low, high = sorted((one, other))
    nearest = filled(stored)
    assert [key for key, _ in nearest.near(vector, high)] == [key for key, _ in nearest.near(vector, low)][
        : len(list(nearest.near(vector, high)))
    ]


@given(STORED, VECTORS, THRESHOLDS)
def test_what_is_found_is_what_comparing_one_by_one_finds(stored, vector, threshold):
    found = dict(filled(stored).near(vector, threshold))
    expected = {key: cosine(kept, vector) for key, kept in dict(stored).items()}
    for key, near in expected.items():
        if abs(near - threshold) > 1e-5:
            assert (key in found) == (near > threshold)
        if key in found:
            assert math.isclose(found[key], near, abs_tol=1e-5)


@given(STORED, st.sets(st.sampled_from("abcdefgh")), VECTORS)
def test_forgetting_is_never_having_known(stored, forgotten, vector):
    nearest = filled(stored)
    for key in forgotten:
        nearest.remove(key)
    kept = [(key, each) for key, each in dict(stored).items() if key not in forgotten]
    assert dict(nearest.near(vector, -1)) == dict(filled(kept).near(vector, -1))


TEXTS = st.lists(st.sampled_from(["one", "two", "three", "one more", "two more"]), min_size=1, max_size=25)


def embed(texts):
    return [list(np.random.default_rng(list(text.encode())).normal(size=8)) for text in texts]


def outcomes_of(spec, texts, gap_s=1.0):
    made = policy(deployment("strong"), cache=spec)
    if isinstance(spec, SemanticCache):
        object.__setattr__(made, "embed", embed)
    server, cache, caller = Server(made), None if spec is None else PolicyCache(spec), ScriptedCaller()

    async def run():
        return [
            await server.serve(Asked(Case(id=f"c{at}", input=text), 0, at * gap_s), caller, cache)
            for at, text in enumerate(texts)
        ]

    return asyncio.run(run()), caller


@given(TEXTS, st.sampled_from(["ready", "ask", "wait"]))
def test_a_cache_whose_hits_are_right_changes_no_answer(texts, in_flight):
    exact = ExactCache(mode="exact", in_flight=in_flight)
    with_cache, _ = outcomes_of(exact, texts, gap_s=0.03)
    without, _ = outcomes_of(None, texts, gap_s=0.03)
    assert [each.result for each in with_cache] == [each.result for each in without]


@given(TEXTS)
def test_waiting_asks_for_each_question_once_and_is_never_slower_than_asking(texts):
    runs = {
        way: outcomes_of(ExactCache(mode="exact", in_flight=way), texts, gap_s=0.03)
        for way in ("ready", "ask", "wait")
    }
    assert len(runs["wait"][1].requests) == len(set(texts)) <= len(runs["ask"][1].requests)
    for ready, wait, ask in zip(*(runs[way][0] for way in ("ready", "wait", "ask")), strict=True):
        assert ready.latency_s <= wait.latency_s + 1e-12 <= ask.latency_s + 1e-9


@given(TEXTS)
def test_above_every_cosine_a_semantic_cache_is_an_exact_one(texts):
    spec = SemanticCache(mode="exact_then_semantic", embedder="laws:embed", similarity_threshold=1.0)
    semantic, _ = outcomes_of(spec, texts)
    exact, _ = outcomes_of(ExactCache(mode="exact"), texts)
    assert [(each.result, each.cache.hit) for each in semantic] == [
        (each.result, each.cache.hit) for each in exact
    ]
