"""Embedding one text: what is sent, how vectors are read, and what is no vector."""

import base64
import struct

import pytest

from evalgate.core.calls import Usage
from evalgate.core.errors import ProviderRefused
from evalgate.core.functions import FunctionReply
from evalgate.core.messages import Message
from evalgate.core.policy_file import Reliability
from evalgate.core.vectors import unpack
from tests.loopback import Loopback, embedding, json_reply, status
from tests.unit.providers.asking import ask, ask_function, request

TWICE = Reliability(num_retries=1, backoff_s=0)
SINGLES = base64.b64encode(struct.pack("<2f", 0.5, -2)).decode()


def text(params=None):
    asked = request(kind="embed", messages=(Message("user", "Where is my parcel?"),), params=params or {})
    return {"asked": asked}


def test_a_text_is_sent_to_the_embeddings_of_the_origin():
    with Loopback([embedding([0.5, -2])]) as server:
        call = ask(server.origin, **text({"dimensions": 2}))
    (received,) = server.received
    assert received.path == "/v1/embeddings"
    assert received.json == {"model": "m-1", "input": "Where is my parcel?", "dimensions": 2}
    assert unpack(call.response.vector) == (0.5, -2)
    assert (call.response.text, call.response.tool_calls) == (None, ())
    (attempt,) = call.attempts
    assert attempt.usage == Usage(input_tokens=9, output_tokens=0), "no output to charge"
    assert (attempt.billing, attempt.model_served) == ("billed", "served-vectors-2026")


def test_vectors_in_base64_are_read_too():
    with Loopback([embedding(SINGLES, usage=...)]) as server:
        call = ask(server.origin, **text({"encoding_format": "base64"}))
    assert unpack(call.response.vector) == (0.5, -2)
    assert call.attempts[0].usage is None


@pytest.mark.parametrize(
    "step",
    [
        embedding([]),
        embedding(["1"]),
        embedding([1, None]),
        embedding([1e39]),
        embedding("AACA"),
        embedding("no base64"),
        embedding({"0": 1}),
        embedding([1], data=[]),
        embedding([1], data=...),
        embedding([1], data=[{"embedding": [1]}, {"embedding": [2]}]),
        json_reply([[1.0]]),
    ],
)
def test_what_is_no_vector_is_a_bad_response_and_tried_again(step):
    with Loopback([step, embedding([1])]) as server:
        call = ask(server.origin, TWICE, **text())
    assert [attempt.error for attempt in call.attempts] == ["bad_response", None]
    assert unpack(call.response.vector) == (1,)


def test_errors_mean_what_they_mean_for_chat():
    with Loopback([status(429), status(400, {"code": "context_length_exceeded"})]) as server:
        call = ask(server.origin, TWICE, **text())
    assert [attempt.error for attempt in call.attempts] == ["rate_limit", "context_window"]
    with Loopback([status(404)]) as server, pytest.raises(ProviderRefused, match="HTTP 404"):
        ask(server.origin, **text())


class Array:
    def tolist(self):
        return [0.5, -2]


@pytest.mark.parametrize("returned", [[0.5, -2], (0.5, -2), Array(), FunctionReply(vector=[0.5, -2])])
def test_a_function_may_embed(returned):
    call = ask_function(lambda _: returned, kind="embed")
    assert unpack(call.response.vector) == (0.5, -2)
    assert call.response.text is None


def test_a_function_says_what_an_embedding_took_and_cost():
    reply = FunctionReply(vector=[1], usage=Usage(4, output_tokens=0), cost_usd=0.25)
    (attempt,) = ask_function(lambda _: reply, kind="embed").attempts
    assert (attempt.usage, attempt.reported_cost_usd) == (Usage(4, output_tokens=0), 0.25)
    with pytest.raises(ProviderRefused, match="cost_usd is -1"):
        ask_function(lambda _: FunctionReply(vector=[1], cost_usd=-1), kind="embed")


@pytest.mark.parametrize(
    "returned",
    [None, "text", [], ["1"], [float("nan")], [1e39], FunctionReply("text"), FunctionReply(vector=[])],
)
def test_a_function_that_returns_no_vector_is_refused(returned):
    with pytest.raises(ProviderRefused, match=r"asked for an embedding and returned .* without a vector"):
        ask_function(lambda _: returned, kind="embed")


def test_a_function_that_is_asked_to_chat_must_not_embed():
    with pytest.raises(ProviderRefused, match="returned list"):
        ask_function(lambda _: [1.0])
    with pytest.raises(ProviderRefused, match="with neither text nor tool_calls"):
        ask_function(lambda _: FunctionReply(vector=[1.0]))
