"""Imported calls: one session, whole or not at all; and whether recordings are what they say."""

import gzip
import json
from pathlib import Path

import pytest

from evalgate.core.calls import Attempt, Call, Request, Response
from evalgate.core.cases import Case
from evalgate.core.digest import DigestFrame
from evalgate.core.errors import BadInput, CannotJudge
from evalgate.core.messages import Message, ToolCall
from evalgate.store.importing import append_cases, import_origin, import_session, write_import
from evalgate.store.recordings import read_recordings
from evalgate.store.verify import verify


def call(text, latency_s=1.0):
    identity = {"provider": "p", "model": "m", "revision": None, "quantization": None}
    messages = (Message("user", text),)
    digest = DigestFrame("chat", identity, {}).digest(messages)
    request = Request("chat", "p", "m", None, None, messages, {}, digest)
    return Call(request, (Attempt(latency_s),), Response("yes"), "", replayed=False)


def imported(folder, *texts, origin="import", started_s=None):
    session = import_session(folder, origin, started_s)
    return write_import(folder, session, [call(text) for text in texts], "evalgate test")


def test_an_import_is_a_session_of_its_own_that_is_not_interleaved(tmp_path):
    file = imported(tmp_path, "a", "b", started_s=1_790_000_000.25)
    read = read_recordings([file])
    (session,) = read.sessions.values()
    assert (session.interleaved, session.started_at) == (False, "2026-09-21T14:13:20.250000Z")
    assert session.origin == "import"
    assert len(read) == 2
    assert verify([file]).problems == ()


def test_the_same_import_is_refused_and_another_is_not(tmp_path):
    imported(tmp_path, "a", origin="import a")
    imported(tmp_path, "a", origin="import b")
    with pytest.raises(BadInput, match="this log was imported already, as session"):
        import_session(tmp_path, "import a", None)


def test_the_origin_is_the_log_s_content(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text("x")
    first = import_origin(log, "p/m")
    assert first.startswith("import log.jsonl sha256:2d711642b726b044 as p/m")
    log.write_text("y")
    assert import_origin(log, "p/m") != first
    with pytest.raises(BadInput, match="cannot be read"):
        import_origin(tmp_path / "none", "p/m")


def test_an_import_that_breaks_off_leaves_nothing(tmp_path):
    def calls():
        yield call("a")
        raise CannotJudge("no space left")

    with pytest.raises(CannotJudge):
        write_import(tmp_path, import_session(tmp_path, "i", None), calls(), "evalgate test")
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_no_recording_holds_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"nan|NaN|JSON"):
        write_import(
            tmp_path, import_session(tmp_path, "i", None), [call("a", float("nan"))], "evalgate test"
        )
    assert list(tmp_path.iterdir()) == []


def test_cases_are_added_to_what_is_there(tmp_path):
    path = tmp_path / "new" / "cases.jsonl"
    said = (Message("assistant", None, tool_calls=(ToolCall("f", "{}", "c1"),)), Message("user", "é"))
    cases = [Case(id="a", input="x", target={"k": [1]}, slices={"s": "1"}), Case(id="b", messages=said)]
    append_cases(path, [])
    assert not path.exists()
    append_cases(path, cases[:1])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    append_cases(path, cases[1:])
    lines = path.read_bytes().splitlines()
    assert [Case.model_validate_json(line) for line in lines] == cases
    assert json.loads(lines[0]) == {"id": "a", "input": "x", "target": {"k": [1]}, "slices": {"s": "1"}}
    assert [each.name for each in path.parent.iterdir()] == ["cases.jsonl"]


def test_cases_that_cannot_be_written_change_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotJudge, match="the cases cannot be written"):
        append_cases(tmp_path / "file" / "cases.jsonl", [Case(id="a", input="x")])


# Verify


def test_every_odd_line_of_every_file_is_told_with_its_place(tmp_path):
    good = imported(tmp_path, "a", "b", "c", origin="1")
    bad = tmp_path / "bad.jsonl"
    header, first, second, third = good.read_text().splitlines()
    renamed = {**json.loads(first), "digest": "0" * 64}
    unnamed = {key: value for key, value in json.loads(second).items() if key != "request"}
    misspelt = {**json.loads(third), "sesion": "x"}
    lines = [header, json.dumps(renamed), json.dumps(unnamed), json.dumps(misspelt), third[:-20]]
    bad.write_text("\n".join(lines))
    good.unlink()
    packed = tmp_path / "torn.jsonl.gz"
    packed.write_bytes(gzip.compress(b"\n".join([header.encode(), first.encode(), b""]))[:-12])
    verified = verify([bad, packed])
    assert [(Path(each.file).name, each.line) for each in verified.problems] == [
        ("bad.jsonl", 2),
        ("bad.jsonl", 4),
        ("bad.jsonl", 5),
        ("torn.jsonl.gz", verified.problems[3].line),
    ]
    said = [each.message for each in verified.problems]
    assert said[0].startswith("the digest 000000000000… is not that of the request, ")
    assert said[1] == "unknown key 'sesion'"
    assert said[2] == "the last line is torn: its end was never written"
    assert "damaged" in said[3]
    assert verified.unnamed == 1


def test_what_was_looked_at_is_counted(tmp_path):
    files = [imported(tmp_path, "a", "b", origin="1"), imported(tmp_path, "a", origin="2")]
    verified = verify(files)
    counted = (verified.files, verified.sessions, verified.recordings, verified.unnamed)
    assert counted == (2, 2, 3, 0)


def test_a_missing_file_is_told(tmp_path):
    (problem,) = verify([tmp_path / "none.jsonl"]).problems
    assert "cannot be read" in problem.message
