"""Laws of the store: what was recorded is what is replayed, and what was acknowledged is never lost."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalgate.core.budgets import Rules
from evalgate.core.calls import Attempt, Call, Request, Response, TokenLogprob, Usage
from evalgate.core.digest import DigestFrame
from evalgate.core.errors import BadInput
from evalgate.core.messages import Message, ToolCall
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import (
    Answer,
    CacheTrace,
    Cost,
    Failure,
    Grade,
    Graded,
    Outcome,
    RouteTrace,
    Step,
)
from evalgate.core.policy_file import Price, Reliability
from evalgate.core.retry import RETRYABLE, Again, next_step
from evalgate.core.run import Manifest, Run, Session
from evalgate.core.vectors import pack
from evalgate.store.recordings import Recordings, read_recordings, recording_files
from evalgate.store.replay import MissingCall, ReplayCaller
from evalgate.store.runs import read_run, write_run
from evalgate.store.verify import mismatches
from evalgate.store.writer import write_calls

SESSION = Session("s", "2026-11-01T00:00:00Z")
ERRORS = sorted(RETRYABLE | {"content_filter", "context_window", "bad_request"})


def maybe(strategy):
    return st.none() | strategy


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
seconds = st.floats(0, 100, allow_nan=False)
counts = maybe(st.integers(0, 2**62))
usages = maybe(st.builds(Usage, counts, counts, counts, counts, counts))
tool_calls = st.lists(st.builds(ToolCall, texts, texts, maybe(texts)), max_size=2).map(tuple)
responses = st.builds(
    Response,
    maybe(texts),
    tool_calls,
    maybe(texts),
    maybe(st.lists(st.builds(TokenLogprob, texts, st.floats(-99, 0)), max_size=2).map(tuple)),
    maybe(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=3).map(pack)),
)
rules = st.builds(
    Reliability,
    num_retries=st.integers(0, 4),
    request_timeout_s=maybe(st.sampled_from([1.0, 2.0, 5.0, 50.0])),
    backoff_jitter=st.sampled_from(["full", "none"]),
)


def attempts(error):
    return st.builds(
        Attempt,
        seconds,
        error,
        maybe(st.integers(100, 599)),
        maybe(texts),
        maybe(seconds),
        maybe(seconds),
        usages,
        maybe(texts),
        maybe(texts),
        maybe(seconds),
        maybe(st.sampled_from(["billed", "free", "possible"])),
    )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)


@st.composite
def requests(draw):
    """A request as the program makes it; what is said may be anything a Python string can hold."""
    said = st.text(st.characters(exclude_categories=[]), max_size=12)
    turns = st.builds(Message, texts, maybe(said), maybe(said), tool_calls, maybe(said))
    messages = tuple(draw(st.lists(turns, max_size=3)))
    params = draw(st.dictionaries(texts, json_values | said, max_size=3))
    names = (draw(texts), draw(texts), draw(maybe(texts)), draw(maybe(texts)))
    trial, sample = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    kind = draw(st.sampled_from(["chat", "embed", "function"]))
    identity = dict(zip(("provider", "model", "revision", "quantization"), names, strict=True))
    digest = DigestFrame(kind, identity, params).digest(messages, trial, sample)
    return Request(kind, *names, messages, params, digest, trial, sample)


@st.composite
def live_calls(draw, asked=None):
    """A call exactly as a live caller under some rules would have made it, with those rules."""
    request = draw(requests()) if asked is None else asked
    by = draw(rules)
    made = []
    wait_s = 0.0
    while True:
        attempt = draw(attempts(maybe(st.sampled_from([error for error in ERRORS if error != "timeout"]))))
        limit_s = by.request_timeout_s
        if limit_s is not None and (attempt.latency_s > limit_s or draw(st.integers(0, 5)) == 0):
            attempt = replace(attempt, latency_s=limit_s, error="timeout", billing="possible")
        made.append(replace(attempt, wait_s=wait_s))
        step = next_step(by, request.digest, made)
        if not isinstance(step, Again):
            response = draw(responses) if made[-1].error is None else None
            return Call(request, tuple(made), response, "s", replayed=False), by
        wait_s = step.wait_s


def recorded(folder, calls):
    write_calls(folder / "s.jsonl", SESSION, calls, "laws")
    return read_recordings(recording_files(folder))


def replay(recordings, request, by):
    return asyncio.run(ReplayCaller(recordings)(request, by))


@settings(deadline=None)
@given(live_calls())
def test_a_replay_with_the_recorded_rules_is_the_recorded_call(made):
    call, by = made
    with tempfile.TemporaryDirectory() as folder:
        recordings = recorded(Path(folder), [call])
        assert replay(recordings, call.request, by) == replace(call, replayed=True)
        assert list(mismatches(Path(folder) / "s.jsonl")) == []


@settings(deadline=None)
@given(live_calls(), rules)
def test_a_replay_never_serves_an_error_nor_waits_longer_than_its_timeout(made, other):
    call, _ = made
    recordings = Recordings.of({"s": SESSION}, recorded_of(call))
    try:
        again = replay(recordings, call.request, other)
    except MissingCall as missing:
        known = missing.known
    else:
        known = again.attempts[:-1]
        check_served(call, again, other)
    assert all(attempt.error is not None for attempt in known)
    assert len(known) <= other.num_retries


def check_served(call, again, other):
    assert (again.response is None) == (again.attempts[-1].error is not None)
    assert again.response is None or again.response is call.response
    assert 1 <= len(again.attempts) <= other.num_retries + 1
    if other.request_timeout_s is not None:
        assert all(attempt.latency_s <= other.request_timeout_s for attempt in again.attempts)


@settings(deadline=None)
@given(live_calls(), st.integers(0, 4))
def test_fewer_retries_never_need_more_attempts(made, fewer):
    call, by = made
    less = by.model_copy(update={"num_retries": min(fewer, by.num_retries)})
    recordings = Recordings.of({"s": SESSION}, recorded_of(call))
    again = replay(recordings, call.request, less)
    assert again.attempts == call.attempts[: len(again.attempts)]
    assert len(again.attempts) <= less.num_retries + 1


def recorded_of(call):
    with tempfile.TemporaryDirectory() as folder:
        written = recorded(Path(folder), [call])
        found = written.find(call.request.digest)
    # The very objects, so that a replay's answer can be told by identity.
    return [replace(found, response=call.response)]


@settings(deadline=None, max_examples=40)
@given(st.lists(live_calls(), max_size=3, unique_by=lambda made: made[0].request.digest))
def test_recordings_are_read_back_as_written(many):
    calls = [call for call, _ in many]
    with tempfile.TemporaryDirectory() as folder:
        recordings = recorded(Path(folder), calls)
    assert len(recordings) == len(calls)
    for call in calls:
        found = recordings.find(call.request.digest)
        assert found.response == call.response
        assert found.attempts == tuple(replace(attempt, wait_s=0.0) for attempt in call.attempts)


def simple(name, error=None):
    request = Request("chat", "p", "m", None, None, (Message("user", name),), {}, name.rjust(64, "0"))
    response = None if error else Response(f"{name} é😀")
    return Call(request, (Attempt(1.5, error),), response, "s", replayed=False)


def test_a_file_cut_at_any_byte_reads_as_torn(tmp_path):
    recorded(tmp_path, [simple("a"), simple("b", "timeout"), simple("c")])
    content = (tmp_path / "s.jsonl").read_bytes()
    ends = [end for end in range(len(content)) if content[end : end + 1] == b"\n"]
    path = tmp_path / "cut.jsonl"
    for cut in range(len(content) + 1):
        path.write_bytes(content[:cut])
        whole = max(0, sum(cut >= end for end in ends) - 1)
        if cut and any(cut in (end, end + 1) for end in ends):
            assert len(read_recordings([path])) == whole
        else:
            with pytest.raises(BadInput) as caught:
                read_recordings([path])
            (problem,) = caught.value.problems
            assert problem.line == (1 if cut < ends[0] else whole + 2) or cut == 0


runs = st.builds(
    Run,
    st.builds(
        Manifest,
        suite=texts,
        policy=texts,
        policy_digest=texts,
        suite_digest=texts,
        mode=st.sampled_from(["replay", "auto", "live"]),
        trials=st.integers(1, 9),
        ordered=st.booleans(),
        labels=st.lists(texts, max_size=2).map(tuple),
        rules=st.builds(Rules, st.just(()), cleanup_usd_per_wrong=seconds),
        prices=st.dictionaries(
            texts, st.builds(Price, input_per_1m=seconds, cache_write_per_1m=maybe(seconds)), max_size=2
        ),
        sessions=st.lists(
            st.builds(Session, texts, texts, st.booleans(), maybe(st.integers(0, 2**62))), max_size=2
        ).map(tuple),
        policy_summary=st.lists(texts, max_size=2).map(tuple),
        requests_per_month=maybe(st.integers(1, 10**9)),
        evalgate_version=texts,
    ),
    st.lists(
        st.builds(
            Graded,
            st.builds(
                Outcome,
                texts,
                st.integers(0, 9),
                st.builds(Answer, texts, tool_calls, maybe(texts)) | st.builds(Failure, texts, texts),
                maybe(texts),
                seconds,
                st.lists(
                    st.builds(
                        Step,
                        st.sampled_from(["generate", "fallback"]),
                        texts,
                        texts,
                        texts,
                        st.lists(attempts(maybe(st.sampled_from(ERRORS))), max_size=2).map(tuple),
                    ),
                    max_size=2,
                ).map(tuple),
                maybe(st.builds(CacheTrace, texts, st.booleans(), maybe(texts))),
                maybe(st.builds(RouteTrace, seconds, st.booleans(), texts)),
            ),
            st.builds(Cost, seconds, seconds, seconds) | st.builds(Unmeasured, texts),
            maybe(st.builds(Grade, seconds, st.booleans(), texts, maybe(texts), maybe(st.booleans()))),
            st.dictionaries(texts, texts, max_size=2),
            maybe(texts),
            seconds,
            maybe(texts),
        ),
        max_size=3,
        unique_by=lambda graded: (graded.outcome.case_id, graded.outcome.trial),
    ).map(tuple),
)


@settings(deadline=None)
@given(runs)
def test_a_run_is_read_back_as_written_and_written_the_same_again(run):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.run.jsonl", Path(folder) / "b.run.jsonl"
        write_run(run, first)
        back = read_run(first)
        assert back == run
        write_run(back, second)
        assert first.read_bytes() == second.read_bytes()
