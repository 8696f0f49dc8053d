import asyncio
import json
from dataclasses import replace

import pytest

from evalgate.core.calls import Attempt, Call, Request, Response, TokenLogprob, Usage
from evalgate.core.errors import BadInput, CannotJudge, ProviderRefused
from evalgate.core.messages import Message, ToolCall
from evalgate.core.policy_file import Reliability
from evalgate.core.run import Session
from evalgate.store.encode import call_bytes
from evalgate.store.local.session import SessionWriter
from evalgate.store.local.store import LocalStore
from evalgate.store.local.stored import StoredCalls
from evalgate.store.record import AutoCaller, RecordingCaller
from evalgate.store.recordings import Recordings, read_recordings, recording_files
from evalgate.store.replay import ReplayCaller
from evalgate.store.verify import mismatches
from evalgate.store.writer import new_session, write_calls, write_lines

SESSION = Session("s1", "2026-11-01T00:00:00Z", interleaved=True, seed=3, origin="test")
ONCE = Reliability()
DIGEST = "ab" * 32


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


# Recordings files


def write(tmp_path, *calls, session=SESSION):
    path = tmp_path / f"{session.id}.jsonl"
    write_calls(path, session, calls, "evalgate 0.1")
    return path


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
    write(tmp_path, rich, call("b", Attempt(1.0, "timeout")))
    assert files(tmp_path) == ["s1.jsonl"]
    recordings = read_recordings(recording_files(tmp_path))
    assert recordings.sessions == {"s1": SESSION}
    found = recordings.find(rich.request.digest)
    assert found.attempts == (rich.attempts[0], replace(rich.attempts[1], wait_s=0.0))
    assert found.response == rich.response
    assert recordings.find(request("b").digest).response is None


def test_the_request_stands_beside_its_digest(tmp_path):
    path = write(tmp_path, call("a"))
    written = json.loads(path.read_text().splitlines()[1])
    assert written["request"] == {
        "provider": "p",
        "model": "m",
        "revision": "r",
        "quantization": None,
        "messages": [{"role": "user", "content": "a"}],
        "params": {"t": 2**60},
    }
    (odd,) = mismatches(path)  # these tests make digests up
    assert odd.digest == request("a").digest


def test_without_texts_nothing_said_is_written(tmp_path):
    path = tmp_path / "s1.jsonl"
    line = call_bytes(call("question", text="answer"), "s1", "none")
    write_lines(path, [SESSION], [line], "test", "none")
    content = path.read_text().replace(request("question").digest, "")
    assert "answer" not in content
    assert "question" not in content
    found = read_recordings([path]).find(request("question").digest)
    assert found.texts_withheld
    assert found.attempts[0].usage == Usage(3)


def test_a_file_is_whole_or_not_there_and_replaces_nothing(tmp_path):
    def breaks_off():
        yield call("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_calls(tmp_path / "s1.jsonl", SESSION, breaks_off(), "test")
    with pytest.raises(ValueError, match="JSON"):
        write(tmp_path, call("b", Attempt(float("nan"))))
    assert files(tmp_path) == []
    path = write(tmp_path, call("a"))
    before = path.read_bytes()
    with pytest.raises(BadInput, match="there already"):
        write(tmp_path, call("b"))
    assert path.read_bytes() == before
    assert files(tmp_path) == ["s1.jsonl"]


def test_a_folder_that_cannot_be_made_is_not_a_verdict(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotJudge, match="cannot be written"):
        write(tmp_path / "file", call("a"))


def test_session_ids_are_new():
    assert len({new_session().id for _ in range(200)}) == 200


# The callers


def store_of(folder):
    return folder / "store.sqlite3"


def stored(folder):
    calls = StoredCalls(store_of(folder))
    return Recordings(calls.sessions, (calls,))


def record(tmp_path, provider, work, recordings=None):
    async def go():
        with LocalStore(store_of(tmp_path)) as store:
            caller = RecordingCaller(provider, SessionWriter(store, SESSION, "test"))
            if recordings is not None:
                caller = AutoCaller(ReplayCaller(recordings), caller, store)
            return await work(caller)

    return asyncio.run(go())


def test_a_call_is_kept_and_handed_out_under_its_session(tmp_path):
    async def work(caller):
        return await caller(request("a"), ONCE)

    made = record(tmp_path, Provider(), work)
    assert stored(tmp_path).find(made.request.digest).response == made.response
    assert stored(tmp_path).sessions == {"s1": SESSION}
    assert (made.session, made.replayed, made.response) == ("s1", False, Response("answer 1"))


def test_one_digest_at_once_or_later_is_one_call(tmp_path):
    provider = Provider()

    async def work(caller):
        together = await asyncio.gather(*(caller(request(name), ONCE) for name in "abcab" * 20))
        return [*together, await caller(request("a"), ONCE)]

    calls = record(tmp_path, provider, work)
    assert sorted(provider.asked) == sorted(request(name).digest for name in "abc")
    assert len({id(each) for each in calls}) == 3
    assert len(stored(tmp_path)) == 3


def test_many_concurrent_calls_give_whole_lines(tmp_path):
    async def work(caller):
        await asyncio.gather(*(caller(request(str(number)), ONCE) for number in range(500)))

    record(tmp_path, Provider(), work)
    assert len(stored(tmp_path)) == 500


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
    replayed = ReplayCaller(stored(tmp_path))
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
    recordings = stored(tmp_path / "old")
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
    both = Recordings.union(recordings, stored(tmp_path / "new"))
    for each in (resumed, made):
        again = asyncio.run(ReplayCaller(both)(each.request, rules))
        assert again == replace(each, replayed=True)


def test_a_recording_without_text_is_called_again_by_auto(tmp_path):
    line = call_bytes(call("a"), "s1", "none")
    write_lines(tmp_path / "s1.jsonl", [SESSION], [line], "test", "none")

    async def work(caller):
        return await caller(request("a"), ONCE)

    made = record(tmp_path / "new", Provider(), work, read_recordings([tmp_path / "s1.jsonl"]))
    assert made.response == Response("answer 1")


def test_a_lone_surrogate_in_an_answer_is_replaced_before_it_is_handed_out(tmp_path):
    async def odd(asked, rules):
        said = Response("x\ud83dy", (ToolCall("f", "\ude00", "i"),), "stop", (TokenLogprob("\ud83d", -1.0),))
        return Call(asked, (Attempt(1.0),), said, "live", replayed=False)

    async def work(caller):
        return await caller(request("a"), ONCE)

    made = record(tmp_path, odd, work)
    assert made.response.text == "x\ufffdy"
    assert stored(tmp_path).find(made.request.digest).response == made.response


def test_a_digest_asked_twice_goes_to_a_session_beside_it(tmp_path):
    with LocalStore(store_of(tmp_path)) as store:
        writer = SessionWriter(store, SESSION, "test")
        held = [writer.write(call("a", text=text)) for text in ("first", "second", "third")]
    assert held == ["s1", "s1.2", "s1.3"]
    recordings = stored(tmp_path)
    assert recordings.sessions_of(request("a").digest) == ("s1", "s1.2", "s1.3")
    assert recordings.sessions["s1.2"] == replace(SESSION, id="s1.2")


def test_a_number_that_json_cannot_say_is_refused_before_it_is_kept(tmp_path):
    with LocalStore(store_of(tmp_path)) as store:
        writer = SessionWriter(store, SESSION, "test")
        writer.write(call("a"))
        with pytest.raises(ValueError, match="JSON"):
            writer.write(call("b", Attempt(float("nan"))))
    assert len(stored(tmp_path)) == 1


def test_texts_that_may_not_be_kept_are_not_kept(tmp_path):
    with LocalStore(store_of(tmp_path)) as store:
        asked = replace(call("question", text="answer"), request=replace(request("question"), digest=DIGEST))
        SessionWriter(store, SESSION, "test", texts="none").write(asked)
    assert stored(tmp_path).find(DIGEST).texts_withheld
    content = store_of(tmp_path).read_bytes()
    assert b"answer" not in content
    assert b'"content"' not in content
