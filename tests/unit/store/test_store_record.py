import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evalgate.core.calls import Attempt, Call, Request, Response, TokenLogprob, Usage
from evalgate.core.errors import BadInput, CannotJudge, ProviderRefused
from evalgate.core.messages import Message, ToolCall
from evalgate.core.policy_file import Reliability
from evalgate.core.run import Session
from evalgate.core.vectors import pack
from evalgate.store.record import AutoCaller, RecordingCaller, RecordingWriter, new_session, salvage
from evalgate.store.recordings import Recordings, read_recordings, recording_files
from evalgate.store.replay import ReplayCaller
from evalgate.store.verify import mismatches

SESSION = Session("s1", "2026-11-01T00:00:00Z", interleaved=True, seed=3, origin="test")
ONCE = Reliability()


def request(name):
    return Request("chat", "p", "m", "r", None, (Message("user", name),), {"t": 2**60}, name.rjust(64, "0"))


def call(name, *attempts, text="yes"):
    attempts = attempts or (Attempt(1.0, usage=Usage(3)),)
    response = Response(text) if attempts[-1].error is None else None
    return Call(request(name), attempts, response, "live", replayed=False)


class Provider:
    """Answers by script: each request's attempts in order, as many as the rules allow."""

    def __init__(self, **scripts):
        self.scripts = {request(name).digest: list(attempts) for name, attempts in scripts.items()}
        self.asked = []

    async def __call__(self, asked, rules):
        self.asked.append(asked.digest)
        await asyncio.sleep(0)
        attempts = []
        script = self.scripts.setdefault(asked.digest, [])
        while True:
            attempt = script.pop(0) if script else Attempt(1.0)
            limit = rules.request_timeout_s
            if limit is not None and attempt.latency_s > limit:
                attempt = Attempt(limit, "timeout", billing="possible")
            attempts.append(attempt)
            if attempt.error is None or len(attempts) > rules.num_retries:
                response = Response(f"answer {len(self.asked)}") if attempt.error is None else None
                return Call(asked, tuple(attempts), response, "live", replayed=False)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


# The writer


def test_what_is_written_is_read_back(tmp_path):
    rich = Call(
        request("a"),
        (
            Attempt(0.1, "rate_limit", 429, "2026-11-01T09:00:00Z", retry_after_s=2.0, billing="free"),
            Attempt(
                0.5, None, 200, None, 0.2, None, Usage(1, 2, 3, 4, 5), "m-1", "fp", 0.25, "billed", wait_s=2.0
            ),
        ),
        Response(
            "é😀\n", (ToolCall("f", '{"a": 1}', "c1"), ToolCall("g", "")), "stop", (TokenLogprob("é", -1.5),)
        ),
        "live",
        replayed=False,
    )
    with RecordingWriter(tmp_path, SESSION, "evalgate 0.1") as writer:
        assert writer.write(rich) == "s1"
        assert writer.write(call("b", Attempt(1.0, "timeout"))) == "s1"
        assert files(tmp_path) == ["s1.jsonl.part"]
        assert recording_files(tmp_path) == ()
    assert files(tmp_path) == ["s1.jsonl"]
    recordings = read_recordings(recording_files(tmp_path))
    assert recordings.sessions == {"s1": SESSION}
    found = recordings.find(rich.request.digest)
    assert found.attempts == (rich.attempts[0], replace(rich.attempts[1], wait_s=0.0))
    assert found.response == rich.response
    assert recordings.find(request("b").digest).response is None


def test_a_vector_is_kept_in_six_characters_a_number_and_read_back(tmp_path):
    vector = pack([0.1 * n for n in range(-500, 500)])
    embedded = replace(call("a"), response=Response(None, vector=vector))
    with RecordingWriter(tmp_path, SESSION, "evalgate 0.1") as writer:
        writer.write(embedded)
    (_, written) = writer.path.read_text().splitlines()
    assert len(json.loads(written)["response"]["vector"]) < 6 * 1000
    found = read_recordings([writer.path]).find(embedded.request.digest)
    assert found.response == embedded.response


def test_the_request_stands_beside_its_digest(tmp_path):
    with RecordingWriter(tmp_path, SESSION, "test") as writer:
        writer.write(call("a"))
    written = json.loads(writer.path.read_text().splitlines()[1])
    assert written["request"] == {
        "provider": "p",
        "model": "m",
        "revision": "r",
        "quantization": None,
        "messages": [{"role": "user", "content": "a"}],
        "params": {"t": 2**60},
    }
    (odd,) = mismatches(writer.path)  # these tests make digests up
    assert odd.digest == request("a").digest


def test_without_texts_nothing_said_is_written(tmp_path):
    with RecordingWriter(tmp_path, SESSION, "test", texts="none") as writer:
        writer.write(call("question", text="answer"))
    content = writer.path.read_text().replace(request("question").digest, "")
    assert "answer" not in content
    assert "question" not in content
    found = read_recordings([writer.path]).find(request("question").digest)
    assert found.texts_withheld
    assert found.attempts[0].usage == Usage(3)


def test_finished_work_is_kept_when_the_work_is_broken_off(tmp_path):
    for number, error in enumerate((KeyboardInterrupt, RuntimeError)):
        session = replace(SESSION, id=f"s{number}")
        with pytest.raises(error), RecordingWriter(tmp_path, session, "test") as writer:  # noqa: PT012
            writer.write(call("a"))
            raise error
        assert len(read_recordings([writer.path])) == 1


def test_a_session_without_a_call_leaves_no_file(tmp_path):
    with RecordingWriter(tmp_path / "new" / "folder", SESSION, "test"):
        pass
    assert files(tmp_path / "new" / "folder") == []


def test_two_writers_never_share_a_file(tmp_path):
    with RecordingWriter(tmp_path, SESSION, "test") as writer:
        with pytest.raises(BadInput, match=r"s1\.jsonl\.part"), RecordingWriter(tmp_path, SESSION, "test"):
            pass
        writer.write(call("a"))
    with pytest.raises(BadInput, match="recorded already"), RecordingWriter(tmp_path, SESSION, "test"):
        pass
    assert files(tmp_path) == ["s1.jsonl"]
    assert len(read_recordings([writer.path])) == 1


def test_session_ids_are_new_and_name_files():
    ids = {new_session().id for _ in range(200)}
    assert len(ids) == 200
    with pytest.raises(BadInput, match="cannot name a file"):
        RecordingWriter(None, replace(SESSION, id="../s"), "test")


def test_a_digest_asked_twice_goes_to_a_session_beside_it(tmp_path):
    with RecordingWriter(tmp_path, SESSION, "test") as writer:
        held = [writer.write(call("a", text=text)) for text in ("first", "second", "third")]
        assert len(writer) == 3
    assert held == ["s1", "s1.2", "s1.3"]
    assert files(tmp_path) == ["s1.2.jsonl", "s1.3.jsonl", "s1.jsonl"]
    recordings = read_recordings(recording_files(tmp_path))
    assert recordings.sessions_of(request("a").digest) == ("s1", "s1.2", "s1.3")
    assert recordings.sessions["s1.2"] == replace(SESSION, id="s1.2")


def test_a_number_that_json_cannot_say_is_refused_before_it_is_written(tmp_path):
    with RecordingWriter(tmp_path, SESSION, "test") as writer:
        writer.write(call("a"))
        with pytest.raises(ValueError, match="JSON"):
            writer.write(call("b", Attempt(float("nan"))))
    assert len(read_recordings([writer.path])) == 1


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_store_record import SESSION, call
from evalgate.core.errors import CannotJudge
from evalgate.store.record import RecordingWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
written = 0
with RecordingWriter(Path({folder!r}), SESSION, "test") as writer:
    try:
        for number in range(100):
            writer.write(call(str(number)))
            written += 1
    except CannotJudge as error:
        print(written, error)
"""


def run_python(code, tmp_path):
    code = code.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_a_full_disk_loses_no_call_that_was_written(tmp_path):
    out, _ = run_python(FULL_DISK, tmp_path).communicate(timeout=60)
    written, said = out.split(" ", 1)
    assert "make room" in said
    assert 0 < int(written) == len(read_recordings([tmp_path / "s1.jsonl"]))


# Salvage


def part_of(tmp_path, *names):
    with RecordingWriter(tmp_path, SESSION, "test") as writer:
        for name in names:
            writer.write(call(name))
    return writer.path.rename(tmp_path / "s1.jsonl.part")


def test_salvage_cuts_a_torn_tail_and_keeps_whole_lines(tmp_path):
    part = part_of(tmp_path, "a", "b")
    part.write_bytes(part.read_bytes()[:-20])
    assert salvage(tmp_path) == (tmp_path / "s1.jsonl",)
    assert files(tmp_path) == ["s1.jsonl"]
    recordings = read_recordings(recording_files(tmp_path))
    assert len(recordings) == 1
    assert recordings.find(request("a").digest) is not None


def test_salvage_leaves_a_living_writer_alone(tmp_path):
    with RecordingWriter(tmp_path, SESSION, "test") as writer:
        writer.write(call("a"))
        assert salvage(tmp_path) == ()
        writer.write(call("b"))
    assert len(read_recordings([writer.path])) == 2


def test_salvage_overwrites_nothing_and_touches_nothing_it_cannot_name(tmp_path):
    part = part_of(tmp_path, "a")
    (tmp_path / "s1.jsonl").write_text("kept")
    (tmp_path / "other.jsonl.part").write_text('{"schema":"evalgate/recordings@2"}\n{}\n')
    (tmp_path / "odd.jsonl.part").write_text("a\nb\n")
    before = files(tmp_path)
    assert salvage(tmp_path) == ()
    assert files(tmp_path) == before
    assert part.exists()
    assert (tmp_path / "s1.jsonl").read_text() == "kept"
    assert salvage(tmp_path / "nowhere") == ()


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_store_record import SESSION, call
from evalgate.store.record import RecordingWriter
with RecordingWriter(Path({folder!r}), SESSION, "test") as writer:
    for number in range(10**9):
        writer.write(call(str(number)))
        print(number, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 60, 200, 700])
def test_kill_9_loses_no_acknowledged_line(tmp_path, acknowledged):
    process = run_python(KILLED, tmp_path)
    for _ in range(acknowledged):
        last = process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    heard = [*process.stdout]
    process.communicate(timeout=60)
    last = int((heard[-1] if heard else last).strip())
    assert last >= acknowledged - 1
    assert salvage(tmp_path) == (tmp_path / "s1.jsonl",)
    recordings = read_recordings(recording_files(tmp_path))
    assert all(recordings.find(request(str(number)).digest) for number in range(last + 1))


# The callers


def record(tmp_path, provider, work, recordings=None):
    async def go():
        with RecordingWriter(tmp_path, SESSION, "test") as writer:
            caller = RecordingCaller(provider, writer)
            if recordings is not None:
                caller = AutoCaller(ReplayCaller(recordings), caller)
            return await work(caller)

    return asyncio.run(go())


def test_a_call_is_written_then_handed_out_under_its_session(tmp_path):
    async def work(caller):
        made = await caller(request("a"), ONCE)
        assert "answer 1" in (tmp_path / "s1.jsonl.part").read_text()
        return made

    made = record(tmp_path, Provider(), work)
    assert (made.session, made.replayed, made.response) == ("s1", False, Response("answer 1"))


def test_one_digest_at_once_or_later_is_one_call(tmp_path):
    provider = Provider()

    async def work(caller):
        together = await asyncio.gather(*(caller(request(name), ONCE) for name in "abcab" * 20))
        return [*together, await caller(request("a"), ONCE)]

    calls = record(tmp_path, provider, work)
    assert sorted(provider.asked) == sorted(request(name).digest for name in "abc")
    assert len({id(each) for each in calls}) == 3
    assert len(read_recordings([tmp_path / "s1.jsonl"])) == 3


def test_many_concurrent_calls_give_whole_lines(tmp_path):
    async def work(caller):
        await asyncio.gather(*(caller(request(str(number)), ONCE) for number in range(500)))

    record(tmp_path, Provider(), work)
    assert len(read_recordings([tmp_path / "s1.jsonl"])) == 500


def test_who_waits_makes_the_call_when_the_first_is_cancelled_or_refused(tmp_path):
    for number, error in enumerate((asyncio.CancelledError, ProviderRefused)):
        provider = Provider()
        asked = []

        async def flaky(request, rules, provider=provider, asked=asked, error=error):
            asked.append(request)
            await asyncio.sleep(0)
            if len(asked) == 1:
                raise error("first")
            return await provider(request, rules)

        async def work(caller):
            return await asyncio.gather(
                *(caller(request("a"), ONCE) for _ in range(3)), return_exceptions=True
            )

        first, second, third = record(tmp_path / str(number), flaky, work)
        assert isinstance(first, error)
        assert second is third
        assert len(asked) == 2


def test_cancelling_who_waits_leaves_the_call_alone(tmp_path):
    async def work(caller):
        first, second = (asyncio.ensure_future(caller(request("a"), ONCE)) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        return await first

    assert record(tmp_path, Provider(), work).response is not None


def test_other_rules_get_the_same_attempts_as_they_would_have_had_them(tmp_path):
    provider = Provider(a=[Attempt(8.0), Attempt(1.0)], b=[Attempt(1.0, "server_error"), Attempt(2.0)])
    patient, hasty = Reliability(request_timeout_s=20.0), Reliability(request_timeout_s=5.0, num_retries=1)

    async def work(caller):
        return [await caller(request(name), rules) for name in "ab" for rules in (patient, hasty)]

    slow, resumed, failed, retried = record(tmp_path, provider, work)
    assert [each.latency_s for each in slow.attempts] == [8.0]
    # The slow call does not get a second chance: it times out here too, and only its retry is made.
    assert [(each.latency_s, each.error) for each in resumed.attempts] == [(5.0, "timeout"), (1.0, None)]
    assert [each.error for each in failed.attempts] == ["server_error"]
    assert [each.error for each in retried.attempts] == ["server_error", None]
    assert (slow.session, resumed.session) == ("s1", "s1.2")
    replayed = ReplayCaller(read_recordings(recording_files(tmp_path)))
    for made, rules in ((slow, patient), (resumed, hasty), (failed, patient), (retried, hasty)):
        again = asyncio.run(replayed(made.request, rules))
        assert again == replace(made, replayed=True)


def test_fewer_retries_in_the_same_session_need_no_call(tmp_path):
    provider = Provider(a=[Attempt(1.0, "server_error"), Attempt(2.0)])

    async def work(caller):
        return [await caller(request("a"), Reliability(num_retries=retries)) for retries in (1, 0)]

    retried, failed = record(tmp_path, provider, work)
    assert (len(retried.attempts), len(failed.attempts)) == (2, 1)
    assert (failed.response, failed.replayed) == (None, False)
    assert len(provider.asked) == 1


def test_auto_replays_what_is_recorded_and_calls_the_rest(tmp_path):
    async def old(caller):
        await caller(request("a"), ONCE)
        await caller(request("b"), Reliability(request_timeout_s=5.0))

    record(tmp_path / "old", Provider(b=[Attempt(9.0)]), old)
    recordings = read_recordings(recording_files(tmp_path / "old"))
    provider = Provider()
    rules = Reliability(request_timeout_s=5.0, num_retries=1)

    async def work(caller):
        return [await caller(request(name), rules) for name in "abc"]

    known, resumed, made = record(tmp_path / "new", provider, work, recordings)
    assert known.replayed
    assert [each.error for each in resumed.attempts] == ["timeout", None]
    assert not resumed.replayed
    assert not made.replayed
    assert provider.asked == [request("b").digest, request("c").digest]
    both = Recordings.union(recordings, read_recordings([tmp_path / "new" / "s1.jsonl"]))
    for each in (resumed, made):
        again = asyncio.run(ReplayCaller(both)(each.request, rules))
        assert again == replace(each, replayed=True)


def test_a_recording_without_text_is_called_again_by_auto(tmp_path):
    with RecordingWriter(tmp_path, replace(SESSION, id="s0"), "test", texts="none") as writer:
        writer.write(call("a"))

    async def work(caller):
        return await caller(request("a"), ONCE)

    made = record(tmp_path / "new", Provider(), work, read_recordings([writer.path]))
    assert made.response == Response("answer 1")


def test_a_lone_surrogate_in_an_answer_is_replaced_before_it_is_handed_out(tmp_path):
    async def odd(asked, rules):
        said = Response("x\ud83dy", (ToolCall("f", "\ude00", "i"),), "stop", (TokenLogprob("\ud83d", -1.0),))
        return Call(asked, (Attempt(1.0),), said, "live", replayed=False)

    async def work(caller):
        return await caller(request("a"), ONCE)

    made = record(tmp_path, odd, work)
    assert made.response.text == "x\ufffdy"
    assert read_recordings([tmp_path / "s1.jsonl"]).find(made.request.digest).response == made.response


def test_a_disk_that_cannot_be_written_is_not_a_verdict(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot record"), RecordingWriter(tmp_path / "file", SESSION, "test"):
        pass
    with RecordingWriter(tmp_path, SESSION, "test") as writer:
        writer.write(call("a"))
        os.close(writer._file)
        writer._file = os.open(writer._part, os.O_RDONLY)
        with pytest.raises(CannotJudge, match="are kept"):
            writer.write(call("b"))
