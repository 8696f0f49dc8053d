import codecs
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Mapping

import pytest

from evalgate.core.calls import Attempt, Response, TokenLogprob, Usage
from evalgate.core.errors import BadInput
from evalgate.core.messages import ToolCall
from evalgate.core.run import Session
from evalgate.store.problems import LISTED_PER_FILE
from evalgate.store.reading import Recorded
from evalgate.store.recordings import Recordings, newest_first, read_recordings, recording_files
from evalgate.store.verify import mismatches

OLD = {"id": "old", "started_at": "2026-11-01T00:00:00Z", "interleaved": True, "seed": 7, "origin": "ci"}
NEW = {"id": "new", "started_at": "2026-11-02T00:00:00Z"}
A, B, C = "a" * 64, "b" * 64, "c" * 64


def header(*sessions, **more):
    return {"schema": "evalgate/recordings@1", "made_by": "test", "sessions": list(sessions), **more}


def line(digest=A, session="old", text="yes", **more):
    said = {
        "digest": digest,
        "session": session,
        "attempts": [{"latency_s": 1.5}],
        "response": {"text": text},
    }
    return {key: value for key, value in (said | more).items() if value is not None}


def write(path, *lines, end="\n"):
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("\n".join(texts) + end, encoding="utf-8")
    return path


def problems_of(*paths):
    with pytest.raises(BadInput) as caught:
        read_recordings(paths)
    return caught.value.problems


def only_problem(*paths):
    problems = problems_of(*paths)
    assert len(problems) == 1, problems
    return problems[0]


def test_every_field_is_read(tmp_path):
    attempts = [
        {"latency_s": 2, "error": "rate_limit", "status": 429, "retry_after_s": 3, "billing": "free"},
        {
            "at": "2026-11-01T09:00:00Z",
            "latency_s": 1.25,
            "ttft_s": 0.5,
            "status": 200,
            "error": None,
            "usage": {
                "input_tokens": 10,
                "cached_input_tokens": 4,
                "cache_write_tokens": 1,
                "output_tokens": 3,
                "reasoning_tokens": 2,
            },
            "model_served": "m-2026",
            "fingerprint": "fp",
            "reported_cost_usd": 0.01,
            "billing": "billed",
        },
    ]
    response = {
        "text": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        "finish_reason": "tool_calls",
        "logprobs": [{"token": "x", "logprob": -0.5}],
    }
    request = {"provider": "p", "model": "m", "messages": [], "params": {}}
    path = write(
        tmp_path / "a.jsonl",
        header(OLD),
        line(attempts=attempts, response=response, request=request, kind="chat"),
    )
    recordings = read_recordings([path])
    assert recordings.sessions == {"old": Session("old", "2026-11-01T00:00:00Z", True, 7, "ci")}
    assert recordings.find(A) == Recorded(
        A,
        "old",
        (
            Attempt(2.0, "rate_limit", 429, retry_after_s=3.0, billing="free"),
            Attempt(
                1.25,
                status=200,
                at="2026-11-01T09:00:00Z",
                ttft_s=0.5,
                usage=Usage(10, 4, 1, 3, 2),
                model_served="m-2026",
                fingerprint="fp",
                reported_cost_usd=0.01,
                billing="billed",
            ),
        ),
        Response(None, (ToolCall("f", "{}", "c1"),), "tool_calls", (TokenLogprob("x", -0.5),)),
    )
    assert len(recordings) == 1


def test_a_failed_call_and_unknown_usage_are_kept(tmp_path):
    failed = line(attempts=[{"latency_s": 1, "error": "timeout"}], response=None)
    found = read_recordings([write(tmp_path / "a.jsonl", header(OLD), failed)]).find(A)
    assert found.response is None
    assert found.attempts == (Attempt(1.0, "timeout"),)
    assert found.attempts[0].usage is None


def test_gzip_reads_like_plain(tmp_path):
    plain = write(tmp_path / "a.jsonl", header(OLD, NEW), line(), line(B, "new", "no"))
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for digest in (A, B):
        assert read_recordings([packed]).find(digest) == read_recordings([plain]).find(digest) is not None


def test_the_newest_session_comes_first_wherever_it_stands(tmp_path):
    offset = {"id": "later", "started_at": "2026-11-01T23:30:00-02:00"}  # 01:30 UTC on the 2nd
    first = write(tmp_path / "a.jsonl", header(NEW), line(session="new", text="new"))
    second = write(
        tmp_path / "b.jsonl", header(OLD, offset), line(text="old"), line(session="later", text="later")
    )
    recordings = read_recordings([first, second])
    assert recordings.sessions_of(A) == ("later", "new", "old")
    assert recordings.find(A).response.text == "later"
    assert recordings.find(A, prefer="old").response.text == "old"
    assert recordings.find(A, prefer="elsewhere").response.text == "later"
    assert [each.session for each in recordings.logs_of(A, prefer="old")] == ["old", "later", "new"]
    assert recordings.find(B) is None
    assert recordings.sessions_of(B) == ()
    assert len(recordings) == 3


def test_sessions_of_one_instant_are_in_the_order_of_their_ids():
    both = [Session("s.2", "2026-11-01T00:00:00Z"), Session("s", "2026-11-01T00:00:00Z")]
    assert [session.id for session in newest_first([*both, Session("no time", "")])] == [
        "s",
        "s.2",
        "no time",
    ]


def test_own_logs_need_neither_digest_nor_session(tmp_path):
    own = {
        "request": {"provider": "p", "model": "m", "messages": [{"role": "user", "content": "Hi"}]},
        "attempts": [{"latency_s": 1}],
        "response": {"text": "yes"},
    }
    recordings = read_recordings([write(tmp_path / "logs.jsonl", {"schema": "evalgate/recordings@1"}, own)])
    (session,) = recordings.sessions.values()
    assert session == Session("file:logs.jsonl", started_at="")
    canonical = (
        '{"kind":"chat","messages":[{"content":"Hi","role":"user"}],"model":"m","params":{},'
        '"provider":"p","quantization":null,"revision":null,"sample":0,"trial":0,"v":1}'
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    assert recordings.find(digest).response.text == "yes"


def test_a_byte_order_mark_empty_lines_and_a_missing_last_line_end_do_no_harm(tmp_path):
    path = write(tmp_path / "a.jsonl", header(OLD), "", line(), "  ", line(B), end="")
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_recordings([path])) == 2


def test_a_surrogate_that_python_escaped_reads_as_the_replacement_character(tmp_path):
    path = write(tmp_path / "a.jsonl", header(OLD), line(text="x\ud83dy"))
    assert "\\ud83d" in path.read_text()
    assert read_recordings([path]).find(A).response.text == "x\ufffdy"


def test_identical_duplicates_count_once(tmp_path):
    first = write(tmp_path / "a.jsonl", header(OLD), line(), line())
    second = write(tmp_path / "b.jsonl", header(OLD), line())
    assert len(read_recordings([first, second])) == 1


def test_union_asks_the_secondary_only_for_what_the_primary_lacks_entirely(tmp_path):
    committed = read_recordings([write(tmp_path / "a.jsonl", header(OLD), line(text="committed"))])
    local = read_recordings(
        [
            write(
                tmp_path / "b.jsonl",
                header(NEW),
                line(session="new", text="local"),
                line(B, "new", "only here"),
            )
        ]
    )
    both = Recordings.union(committed, local)
    assert both.find(A).response.text == "committed"
    assert both.find(A, prefer="new").response.text == "committed"
    assert both.sessions_of(A) == ("old",)
    assert both.find(B).response.text == "only here"
    assert [each.session for each in both.logs_of(A, "new")] == ["old", "new"]
    assert set(both.sessions) == {"old", "new"}
    assert len(both) == 2
    assert both.find(C) is None
    thrice = Recordings.union(both, both)
    assert len(thrice) == 2


def test_no_files_are_no_recordings(tmp_path):
    assert len(read_recordings([])) == 0
    assert recording_files(tmp_path / "nowhere") == ()


def test_only_finished_files_are_recordings(tmp_path):
    for name in ("b.jsonl", "a.jsonl.gz", "c.jsonl.part", "notes.md"):
        (tmp_path / name).touch()
    assert [path.name for path in recording_files(tmp_path)] == ["a.jsonl.gz", "b.jsonl"]


# What may be wrong


def test_a_torn_last_line(tmp_path):
    path = write(tmp_path / "a.jsonl", header(OLD), line(), json.dumps(line(B))[:-9], end="")
    problem = only_problem(path)
    assert (problem.file, problem.line) == (str(path), 3)
    assert "torn" in problem.message
    assert "delete this line" in problem.cure


def test_a_line_torn_in_the_middle_of_a_character(tmp_path):
    path = write(tmp_path / "a.jsonl", header(OLD), json.dumps(line(text="é"), ensure_ascii=False), end="")
    content = path.read_bytes()
    path.write_bytes(content[: content.index("é".encode()) + 1])
    assert "torn" in only_problem(path).message


@pytest.mark.parametrize(
    ("schema", "said", "cure"),
    [
        ("evalgate/recordings@2", "newer evalgate: evalgate/recordings@2", "upgrade"),
        ("evalgate/recordings@10", "newer", "upgrade"),
        ("evalgate/run@1", "unknown schema 'evalgate/run@1'", "evalgate/recordings@1"),
        ("evalgate/recordings@0", "unknown schema", "evalgate/recordings@1"),
        ("something", "unknown schema", "evalgate/recordings@1"),
    ],
)
def test_another_schema(tmp_path, schema, said, cure):
    path = write(tmp_path / "a.jsonl", header(OLD) | {"schema": schema, "later": 1}, line() | {"later": 1})
    problem = only_problem(path)
    assert problem.line == 1
    assert said in problem.message
    assert cure in problem.cure


def test_a_file_without_its_first_line(tmp_path):
    problem = only_problem(write(tmp_path / "a.jsonl", line()))
    assert problem.line == 1
    assert '{"schema": "evalgate/recordings@1"}' in problem.cure


def test_a_file_torn_in_its_first_line_and_an_empty_one(tmp_path):
    torn = write(tmp_path / "a.jsonl", '{"schema": "evalgate/rec', end="")
    empty = write(tmp_path / "b.jsonl", end="")
    first, second = problems_of(torn, empty)
    assert "broke off in its first line" in first.message
    assert "empty" in second.message


def test_a_file_that_cannot_be_read(tmp_path):
    assert "No such file" in only_problem(tmp_path / "gone.jsonl").message


def test_damaged_compression(tmp_path):
    packed = gzip.compress("".join(json.dumps(each) + "\n" for each in (header(OLD), line())).encode())
    cut, fake = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    cut.write_bytes(packed[:-12])
    fake.write_bytes(b"{}\n")
    for problem in problems_of(cut, fake):
        assert "damaged" in problem.message


@pytest.mark.parametrize(
    ("bad", "said", "key"),
    [
        ("not json", "not JSON", None),
        ("[1]", "Expected `object`", None),
        (line(attempts=[{"latency_s": "1"}]), "Expected `float`", "attempts[0].latency_s"),
        (line(attempts=[{"latency_s": -0.1}]), ">= 0.0", "attempts[0].latency_s"),
        (line(attempts=[{"latency_s": float("nan")}]), "NaN is not a JSON number", None),
        (line(attempts=[{"latency_s": float("inf")}]), "Infinity is not a JSON number", None),
        (json.dumps(line()).replace("1.5", "1e999"), "out of range", "attempts[0].latency_s"),
        (line(attempts=[{}]), "latency_s", "attempts[0]"),
        (line(attempts=[{"latency_s": 1, "error": "time_out"}]), "time_out", "attempts[0].error"),
        (
            line(attempts=[{"latency_s": 1, "usage": {"input_tokens": -1}}]),
            ">= 0",
            "attempts[0].usage.input_tokens",
        ),
        (line("abc"), "length >= 64", "digest"),
        (line(attempts=[]), "attempts is empty", None),
        (line(attempts=[{"latency_s": 1}, {"latency_s": 1}]), "further attempts follow", None),
        (line(response=None), "succeeded, but there is no response", None),
        (line(attempts=[{"latency_s": 1, "error": "timeout"}]), "the last attempt failed", None),
        (line(None), "neither digest nor request", None),
        (line(None, request={"provider": "p", "messages": []}), "model", None),
        (line(session="olt"), "unknown session 'olt': did you mean 'old'?", "session"),
    ],
)
def test_a_bad_line(tmp_path, bad, said, key):
    path = write(tmp_path / "a.jsonl", header(OLD), line(B), bad)
    problem = only_problem(path)
    assert (problem.file, problem.line, problem.key) == (str(path), 3, key)
    assert said in problem.message
    assert problem.cure


@pytest.mark.parametrize(
    ("bad", "key", "cure"),
    [
        (line(respnse={"text": "x"}), "respnse", "did you mean 'response'?"),
        (line(attempts=[{"latency_s": 1, "ttft": 1}]), "attempts[0].ttft", "did you mean 'ttft_s'?"),
        (line(attempts=[{"latency_s": 1, "wait_s": 1}]), "attempts[0].wait_s", None),
        (line(zzzzqq=1), "zzzzqq", "upgrade evalgate"),
        (header(OLD, textes="none"), "textes", "did you mean 'texts'?"),
    ],
)
def test_an_unknown_key(tmp_path, bad, key, cure):
    lines = (bad, line()) if "schema" in bad else (header(OLD), bad)
    problem = only_problem(write(tmp_path / "a.jsonl", *lines))
    assert "unknown key" in problem.message
    assert problem.key == key
    assert cure is None or cure in problem.cure


def test_two_recordings_of_one_session_that_disagree(tmp_path):
    first = write(tmp_path / "a.jsonl", header(OLD), line(B), line())
    second = write(tmp_path / "b.jsonl", header(OLD), line(B), line(text="no"))
    problem = only_problem(first, second)
    assert (problem.file, problem.line) == (str(second), 3)
    assert f"disagrees with {first}:3" in problem.message
    assert "'old'" in problem.message


def test_a_session_described_differently_in_two_files(tmp_path):
    first = write(tmp_path / "a.jsonl", header(OLD), line())
    second = write(tmp_path / "b.jsonl", header(OLD | {"interleaved": False}), line(B))
    problem = only_problem(first, second)
    assert (problem.file, problem.line) == (str(second), 1)
    assert f"session 'old' is described differently in {first}" in problem.message


def test_a_session_that_started_at_no_time(tmp_path):
    problem = only_problem(write(tmp_path / "a.jsonl", header(OLD | {"started_at": "yesterday"}), line()))
    assert "'yesterday' is not a time" in problem.message


def test_all_problems_of_all_files_at_once_and_the_rest_counted(tmp_path):
    many = write(tmp_path / "a.jsonl", header(OLD), *["not json"] * (LISTED_PER_FILE + 5))
    one = write(tmp_path / "b.jsonl", header(NEW), line(session="nev"), line(session="new"))
    problems = problems_of(many, one)
    assert [problem.line for problem in problems] == [*range(2, LISTED_PER_FILE + 2), None, 2]
    assert problems[LISTED_PER_FILE].message == "5 more problems in this file"


def test_one_line_may_have_several_problems(tmp_path):
    bad = line(session="x", attempts=[{"latency_s": 1}, {"latency_s": 1, "error": "timeout"}])
    assert len(problems_of(write(tmp_path / "a.jsonl", header(OLD), bad))) == 3


# Without texts


def test_a_file_without_texts_keeps_the_rest_and_says_so(tmp_path):
    usage = [{"latency_s": 1, "usage": {"input_tokens": 9}}]
    failed = line(C, attempts=[{"latency_s": 1, "error": "timeout"}], response=None)
    path = write(
        tmp_path / "a.jsonl",
        header(OLD, texts="none"),
        line(response=None, attempts=usage),
        line(B, response={"finish_reason": "stop"}),
        failed,
    )
    recordings = read_recordings([path])
    assert recordings.find(A) == Recorded(
        A, "old", (Attempt(1.0, usage=Usage(9)),), Response(None), texts_withheld=True
    )
    assert recordings.find(B).response == Response(None, finish_reason="stop")
    assert recordings.find(C).response is None


@pytest.mark.parametrize(
    "told",
    [{"response": {"text": "secret"}}, {"request": {"provider": "p"}}, {"response": {"vector": "AACAPw=="}}],
)
def test_texts_where_there_should_be_none(tmp_path, told):
    path = write(tmp_path / "a.jsonl", header(OLD, texts="none"), line(**({"response": None} | told)))
    assert "holds texts" in only_problem(path).message


@pytest.mark.parametrize(
    ("vector", "told"),
    [
        ("AACAPw=", "Invalid base64"),
        ("", "the vector is not base64 of finite single floats"),
        ("AACA", "the vector is not base64 of finite single floats"),
        ("AADAfw==", "the vector is not base64 of finite single floats"),
        ([1.0], "Expected `bytes | null`, got `array`"),
    ],
    ids=["no base64", "empty", "three bytes", "NaN", "a list"],
)
def test_a_vector_that_is_none(tmp_path, vector, told):
    path = write(tmp_path / "a.jsonl", header(OLD), line(kind="embed", response={"vector": vector}))
    assert told in only_problem(path).message


# Names


def test_verify_lists_digests_that_are_not_their_requests(tmp_path):
    request = {"provider": "p", "model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    named = write(
        tmp_path / "a.jsonl", header(OLD), line(request=request), line(B), line(None, request=request)
    )
    (wrong,) = mismatches(named)
    assert (wrong.file, wrong.line, wrong.digest) == (str(named), 2, A)
    right = write(tmp_path / "b.jsonl", header(OLD), line(wrong.recomputed, request=request))
    assert list(mismatches(right)) == []
    packed = tmp_path / "c.jsonl.gz"
    packed.write_bytes(gzip.compress(named.read_bytes()))
    assert [each.recomputed for each in mismatches(packed)] == [wrong.recomputed]


class Layer(dict):
    """Counts how often it is asked for each digest."""

    def __init__(self, found):
        super().__init__(found)
        self.asked = Counter()

    def get(self, digest, default=None):
        self.asked[digest] += 1
        return super().get(digest, default)


class Changing(Mapping):
    """A layer that is no dictionary, as that of a store is."""

    def __init__(self, layer):
        self._layer = layer

    def __getitem__(self, digest):
        found = self._layer.get(digest)
        if found is None:
            raise KeyError(digest)
        return found

    def __iter__(self):
        return iter(self._layer)

    def __len__(self):
        return len(self._layer)


def test_what_is_remembered_is_the_same_and_looked_for_once():
    one, two = Recorded(A, "old", (Attempt(1.0),), None), Recorded(B, "old", (Attempt(2.0),), None)
    layer = Layer({A: (one,), B: (two,)})
    recordings = Recordings({"old": Session("old", "2026-11-01T00:00:00Z")}, [{}, Changing(layer)])
    remembered = recordings.remembered()
    assert [remembered.find(digest) for digest in (A, B, C) * 3] == [one, two, None] * 3
    assert set(layer.asked.values()) == {1}
    assert remembered.sessions == recordings.sessions
    assert len(remembered) == len(recordings) == 2
    assert remembered.is_behind(A)
    assert not remembered.is_behind(C)
