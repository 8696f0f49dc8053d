import asyncio
from dataclasses import replace

import pytest

from evalgate.core.calls import Attempt, Request, Response, Usage
from evalgate.core.errors import CannotJudge, ExitCode, MissingRecordings
from evalgate.core.policy_file import Reliability
from evalgate.core.retry import DEFAULT_TIMEOUT_S, backoff_s
from evalgate.core.run import Session
from evalgate.store.recordings import Recorded, Recordings
from evalgate.store.replay import MissingCall, ReplayCaller, with_waits

DIGEST = "d" * 64
REQUEST = Request("chat", "p", "m", None, None, (), {}, DIGEST)
YES = Response("yes")
USED = Usage(10, output_tokens=2)
NEW, OLD = Session("new", "2026-11-02T00:00:00Z"), Session("old", "2026-11-01T00:00:00Z")


def recorded(*attempts, session="new", response=YES, texts_withheld=False):
    answered = response if attempts[-1].error is None else None
    return Recorded(DIGEST, session, attempts, answered, texts_withheld)


def ask(*logs, prefer=None, **rules):
    recordings = Recordings.of({NEW.id: NEW, OLD.id: OLD}, logs)
    return asyncio.run(ReplayCaller(recordings, prefer)(REQUEST, Reliability(**rules)))


def missing(*logs, **rules):
    with pytest.raises(MissingCall) as caught:
        ask(*logs, **rules)
    return caught.value


def test_one_success_in_time_is_served_as_recorded_without_a_copy():
    log = recorded(Attempt(1.0, usage=USED))
    call = ask(log, request_timeout_s=1.0)
    assert call.attempts is log.attempts
    assert call.response is YES
    assert call.request is REQUEST
    assert (call.session, call.replayed) == ("new", True)


def test_nothing_recorded_is_missing():
    error = missing()
    assert isinstance(error, MissingRecordings)
    assert error.exit_code == ExitCode.CANNOT_JUDGE
    assert (error.digest, error.reason, error.known) == (DIGEST, "it was never recorded", ())
    assert DIGEST[:12] in str(error)


def test_retries_are_followed_and_their_waits_computed():
    log = recorded(
        Attempt(1.0, "rate_limit", 429, retry_after_s=9.0), Attempt(1.0, "connection"), Attempt(2.0)
    )
    rules = Reliability(num_retries=2, backoff_s=1.0)
    call = ask(log, num_retries=2, backoff_s=1.0)
    waits = [0.0, backoff_s(rules, DIGEST, 1, 9.0), backoff_s(rules, DIGEST, 2)]
    assert [attempt.wait_s for attempt in call.attempts] == waits
    assert waits[1] >= 9.0
    assert call.response is YES
    assert call.latency_s == pytest.approx(4.0 + sum(waits))
    assert with_waits(log.attempts, DIGEST, rules) == call.attempts


def test_fewer_retries_stop_early_and_serve_no_answer():
    call = ask(recorded(Attempt(1.0, "server_error", 500), Attempt(2.0)), num_retries=0)
    assert call.attempts == (Attempt(1.0, "server_error", 500),)
    assert call.response is None


def test_an_error_that_is_not_retried_is_a_failure_whatever_the_rules():
    call = ask(recorded(Attempt(1.0, "content_filter", 400)), num_retries=5)
    assert call.response is None
    assert len(call.attempts) == 1


@pytest.mark.parametrize("error", [None, "server_error", "timeout"])
def test_a_longer_attempt_times_out_at_the_limit_possibly_billed(error):
    long = Attempt(
        9.0, error, 200, "2026-11-01T09:00:00Z", 1.0, usage=USED, reported_cost_usd=1.0, billing="billed"
    )
    call = ask(recorded(long), request_timeout_s=5.0)
    at = "2026-11-01T09:00:00Z"
    assert call.attempts == (
        Attempt(5.0, "timeout", at=at, usage=USED, reported_cost_usd=1.0, billing="possible"),
    )
    assert call.response is None


def test_an_attempt_that_now_times_out_is_retried_into_the_unknown():
    error = missing(recorded(Attempt(9.0)), request_timeout_s=5.0, num_retries=1)
    assert "ends after attempt 1" in error.reason
    assert error.known == (Attempt(5.0, "timeout", billing="possible"),)


def test_an_attempt_beyond_the_log_is_missing():
    error = missing(recorded(Attempt(1.0, "connection")), num_retries=1)
    assert "ends after attempt 1" in error.reason
    assert error.known == (Attempt(1.0, "connection"),)


def test_a_recorded_timeout_says_nothing_to_a_more_patient_policy():
    error = missing(
        recorded(Attempt(1.0, "connection"), Attempt(5.0, "timeout")), request_timeout_s=9.0, num_retries=1
    )
    assert "attempt 2 was given up after 5 s" in error.reason
    assert error.known == (Attempt(1.0, "connection"),)
    assert "given up" in missing(recorded(Attempt(5.0, "timeout"))).reason


def test_a_recorded_timeout_is_final_for_an_equally_or_less_patient_policy():
    exact = Attempt(5.0, "timeout", usage=USED, billing="possible")
    assert ask(recorded(exact), request_timeout_s=5.0).attempts == (exact,)
    early = Attempt(4.9995, "timeout")
    assert ask(recorded(early), request_timeout_s=5.0).attempts == (early,)
    assert ask(recorded(exact), request_timeout_s=3.0).attempts[0].latency_s == 3.0


def test_without_a_timeout_only_what_live_calls_give_up_after_is_final():
    final = Attempt(DEFAULT_TIMEOUT_S, "timeout")
    assert ask(recorded(final)).attempts == (final,)
    slow = recorded(Attempt(DEFAULT_TIMEOUT_S + 100.0))
    assert ask(slow).response is YES


def test_the_preferred_session_is_served_else_the_newest():
    new, old = recorded(Attempt(1.0)), recorded(Attempt(2.0), session="old")
    assert ask(old, new).session == "new"
    assert ask(old, new, prefer="old").session == "old"
    assert ask(old, new, prefer="other").session == "new"


def test_another_session_is_served_when_the_first_does_not_tell():
    new, old = recorded(Attempt(5.0, "timeout")), recorded(Attempt(7.0), session="old")
    call = ask(old, new, request_timeout_s=20.0)
    assert (call.session, call.response) == ("old", YES)
    assert "given up" in missing(recorded(Attempt(4.0, "timeout"), session="old"), new).reason


def test_the_secondary_recordings_finish_what_the_primary_does_not_tell():
    primary = Recordings.of({OLD.id: OLD}, [recorded(Attempt(5.0, "timeout"), session="old")])
    secondary = Recordings.of({NEW.id: NEW}, [recorded(Attempt(7.0))])
    caller = ReplayCaller(Recordings.union(primary, secondary))
    assert asyncio.run(caller(REQUEST, Reliability(request_timeout_s=5.0))).session == "old"
    assert asyncio.run(caller(REQUEST, Reliability(request_timeout_s=9.0))).session == "new"


def test_a_recording_without_its_text_cannot_be_served():
    log = recorded(Attempt(1.0), response=Response(None), texts_withheld=True)
    error = missing(log)
    assert isinstance(error, CannotJudge)
    assert "texts: none" in str(error)
    failed = recorded(Attempt(1.0, "content_filter"), texts_withheld=True)
    assert ask(failed).response is None


BY_BATCH = Attempt(7200.0, turnaround_s=7200.0, usage=USED)


def test_a_batch_s_answer_is_served_where_nobody_waits():
    recordings = Recordings.of({NEW.id: NEW}, [recorded(BY_BATCH)])
    patient = replace(REQUEST, batch=True)
    call = asyncio.run(ReplayCaller(recordings)(patient, Reliability(request_timeout_s=20, num_retries=2)))
    assert (call.attempts, call.response) == ((BY_BATCH,), YES)


def test_a_batch_s_answer_says_nothing_of_a_call_at_once():
    assert "a batch API answered it" in missing(recorded(BY_BATCH)).reason
    old = recorded(Attempt(1.5), session="old")
    assert ask(recorded(BY_BATCH), old).session == "old"
