"""Texts of recorded calls, read apart from their logs."""

import gzip
import json

import pytest

from evalgate.core.messages import Message, ToolCall
from evalgate.core.report_data import CallText
from evalgate.store.texts import read_texts

HEAD = {"schema": "evalgate/recordings@1", "sessions": [{"id": "s1", "started_at": "2026-01-01T00:00:00Z"}]}
TOOL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def line(digest, text, session="s1", **more):
    messages = [{"role": "user", "content": f"asked {digest}"}, {"role": "assistant", "tool_calls": [TOOL]}]
    found = {
        "digest": digest.ljust(64, "0"),
        "request": {"provider": "p", "model": "m", "messages": messages, "params": {}},
        "session": session,
        "attempts": [{"latency_s": 1.0}],
        "response": {"text": text},
    }
    return found | more


def write(path, *lines):
    content = "".join(json.dumps(each) + "\n" for each in (HEAD, *lines)).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def key(digest, session="s1"):
    return digest.ljust(64, "0"), session


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_the_wanted_texts_and_no_others_are_read(tmp_path, name):
    path = write(tmp_path / name, line("a", "one"), line("b", "two"))
    found = read_texts([path], {key("a")})
    asked = Message("user", "asked a")
    called = Message("assistant", None, None, (ToolCall("look", "{}", "1"),))
    assert found == {key("a"): CallText((asked, called), "one")}


def test_each_session_keeps_its_answer(tmp_path):
    path = write(tmp_path / "a.jsonl", line("a", "one"), line("a", "two", "s2"))
    found = read_texts([path], {key("a"), key("a", "s2")})
    assert {session: text.answer for (_, session), text in found.items()} == {"s1": "one", "s2": "two"}


def test_a_failed_call_has_no_answer(tmp_path):
    path = write(
        tmp_path / "a.jsonl", line("a", None, response=None, attempts=[{"latency_s": 1, "error": "timeout"}])
    )
    assert read_texts([path], {key("a")})[key("a")].answer is None


def test_withheld_texts_and_lines_that_cannot_be_read_are_passed_over(tmp_path):
    path = write(tmp_path / "a.jsonl", line("a", "one", request=None) | {"request": {}}, line("b", "two"))
    with path.open("ab") as file:
        file.write(b'{"digest": "torn\n\xff\n')
    assert set(read_texts([path], {key("a"), key("b")})) <= {key("b"), key("a")}
    assert read_texts([path], {key("b")})[key("b")].answer == "two"


def test_a_line_without_digest_or_session_is_found_by_what_it_asked(tmp_path):
    bare = line("a", "one")
    del bare["digest"], bare["session"]
    path = write(tmp_path / "own.jsonl", bare)
    from evalgate.store.lines import decode_line, digest_of

    digest = digest_of(decode_line(json.dumps(bare).encode()))
    assert read_texts([path], {(digest, "file:own.jsonl")})[digest, "file:own.jsonl"].answer == "one"


def test_lone_surrogates_and_huge_integers_are_no_obstacle(tmp_path):
    odd = line("a", "lone \ud800")
    odd["request"]["params"] = {"seed": 2**70}
    found = read_texts([write(tmp_path / "a.jsonl", odd)], {key("a")})
    assert found[key("a")].answer.startswith("lone ")
