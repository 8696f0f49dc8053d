"""Golden vectors: canonical texts written by hand, hashed by hashlib alone. They never change within v 1."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from evalgate.core.digest import UNHASHED_PARAMS, DigestFrame, canonical_json, sha256_of
from evalgate.core.messages import Message, ToolCall
from evalgate.store.lines import digest_of
from evalgate.store.reading import decode_leniently

VECTORS = json.loads(Path(__file__).with_name("digest_vectors.json").read_text("utf-8"))
named = pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])


def message(turn):
    calls = tuple(
        ToolCall(each["function"]["name"], each["function"]["arguments"], each["id"])
        for each in turn.get("tool_calls", ())
    )
    return Message(turn["role"], turn["content"], turn.get("name"), calls, turn.get("tool_call_id"))


def test_there_are_enough_vectors():
    assert len(VECTORS) >= 12
    assert len({vector["sha256"] for vector in VECTORS}) == len(VECTORS)


@named
def test_the_written_canonical_text_hashes_to_the_vector(vector):
    assert hashlib.sha256(vector["canonical"].encode()).hexdigest() == vector["sha256"]


@named
def test_a_frame_gives_the_vector(vector):
    frame = DigestFrame(vector["kind"], vector["identity"], vector["params"])
    messages = [message(turn) for turn in vector["messages"]]
    assert frame.digest(messages, vector["trial"], vector["sample"]) == vector["sha256"]


@named
def test_hashing_the_whole_object_gives_the_vector(vector):
    whole = {
        "v": 1,
        "kind": vector["kind"],
        **vector["identity"],
        "messages": vector["messages"],
        "params": {key: value for key, value in vector["params"].items() if key not in UNHASHED_PARAMS},
        "trial": vector["trial"],
        "sample": vector["sample"],
    }
    assert canonical_json(whole) == vector["canonical"]
    assert sha256_of(whole) == vector["sha256"]


@named
def test_a_line_without_digest_gets_the_vector(vector):
    line = {
        "kind": vector["kind"],
        "request": {**vector["identity"], "messages": vector["messages"], "params": vector["params"]},
        "trial": vector["trial"],
        "sample": vector["sample"],
        "attempts": [{"latency_s": 1}],
        "response": {"text": "x"},
    }
    # As Python's json writes it (surrogates escaped), which is how most people's logs come to be.
    assert digest_of(decode_leniently(json.dumps(line).encode())) == vector["sha256"]


def test_a_request_of_another_form_has_no_digest():
    line = decode_leniently(b'{"request":{"provider":"p","mode":"m","messages":[]},"attempts":[]}')
    with pytest.raises(msgspec.ValidationError, match="unknown field `mode`"):
        digest_of(line)
