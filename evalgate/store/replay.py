"""Answers from recordings: the recorded attempts as a policy's own retry rules would have met them."""

from collections.abc import Sequence
from dataclasses import replace

from evalgate.core.calls import Attempt, Call, Request
from evalgate.core.errors import MissingRecordings
from evalgate.core.policy_file import Reliability
from evalgate.core.retry import DEFAULT_TIMEOUT_S, Stop, backoff_s, next_step, timed_out
from evalgate.store.recordings import Recorded, Recordings

# The clock that stops an attempt and the clock that times it are not one: a timeout recorded a hair early
# is still the whole timeout.
_CLOCK_SLACK_S = 0.001


class MissingCall(MissingRecordings):
    """One call that the recordings cannot answer.

    ``known`` are the attempts that they do settle under the asker's rules: whoever makes the call goes on
    from there, instead of giving a slow call another chance.
    """

    def __init__(self, digest: str, reason: str, known: tuple[Attempt, ...] = ()) -> None:
        """Name the call and say why it is missing."""
        super().__init__(f"call {digest[:12]}: {reason}; run `evalgate record`, or use --mode auto")
        self.digest = digest
        self.reason = reason
        self.known = known


class ReplayCaller:
    """A Caller that only reads: no call is made, whatever is asked.

    It takes the first log that answers under the asker's rules: from the session ``prefer``, then from the
    newest session to the oldest.
    """

    __slots__ = ("_prefer", "_recordings")

    def __init__(self, recordings: Recordings, prefer: str | None = None) -> None:
        """Answer from ``recordings``, best from the session ``prefer``."""
        self._recordings = recordings
        self._prefer = prefer

    def holds(self, digest: str) -> bool:
        """Tell whether there is any recording of a call, be it one that does not settle it."""
        return self._recordings.find(digest, self._prefer) is not None

    async def __call__(self, request: Request, rules: Reliability) -> Call:
        """Return the recorded call as ``rules`` would have had it.

        Raises:
            MissingCall: no recording settles what would have happened.

        """
        recorded = self._recordings.find(request.digest, self._prefer)
        if recorded is None:
            raise MissingCall(request.digest, "it was never recorded")
        try:
            return replay(recorded, request, rules)
        except MissingCall as missing:
            return self._replay_another(recorded, request, rules, missing)

    def _replay_another(
        self, first: Recorded, request: Request, rules: Reliability, missing: MissingCall
    ) -> Call:
        for recorded in self._recordings.logs_of(request.digest, self._prefer):
            if recorded is not first:
                try:
                    return replay(recorded, request, rules)
                except MissingCall:
                    continue
        raise missing


def replay(recorded: Recorded, request: Request, rules: Reliability) -> Call:
    """Return the recorded call as ``rules`` would have had it.

    Raises:
        MissingCall: the log does not settle what would have happened, or its text was not kept.

    """
    attempts = recorded.attempts
    timeout_s = rules.request_timeout_s
    only = attempts[0]
    by_batch = attempts[-1].turnaround_s is not None
    if by_batch and not request.batch:
        why = "a batch API answered it, so nobody knows how long a call at once takes"
        raise MissingCall(recorded.digest, why)
    if by_batch:
        pass  # the provider retried as it saw fit, and nobody waited
    elif only.error is not None or (timeout_s is not None and only.latency_s > timeout_s):
        attempts = follow(attempts, recorded.digest, rules)
    response = recorded.response if attempts[-1].error is None else None
    if response is not None and recorded.texts_withheld:
        raise MissingCall(
            recorded.digest, f"session {recorded.session} recorded it without its text (texts: none)"
        )
    return Call(request, attempts, response, recorded.session, replayed=True)


def follow(log: Sequence[Attempt], digest: str, rules: Reliability) -> tuple[Attempt, ...]:
    """Return the attempts that ``rules`` would have made, with their waits, as far as ``log`` tells.

    A longer attempt times out at the rules' timeout, where it may have been billed. A recorded timeout is
    a lower bound: under rules that wait longer nobody knows what would have come.

    Raises:
        MissingCall: the log ends, or is cut short by its own timeout, before the rules stop.

    """
    done: list[Attempt] = []
    wait_s = 0.0
    for recorded in log:
        if _is_censored(recorded, rules.request_timeout_s):
            raise MissingCall(
                digest,
                f"attempt {len(done) + 1} was given up after {recorded.latency_s:g} s, "
                "sooner than this policy would",
                tuple(done),
            )
        attempt = _timed_out_at(recorded, rules.request_timeout_s)
        done.append(attempt if attempt.wait_s == wait_s else replace(attempt, wait_s=wait_s))
        step = next_step(rules, digest, done)
        if isinstance(step, Stop):
            return tuple(done)
        wait_s = step.wait_s
    raise MissingCall(
        digest, f"its recording ends after attempt {len(done)}, this policy tries again", tuple(done)
    )


def with_waits(attempts: Sequence[Attempt], digest: str, rules: Reliability) -> tuple[Attempt, ...]:
    """Return ``attempts`` with the waits that ``rules`` put before each of them."""
    waits = [0.0] + [
        backoff_s(rules, digest, failed, attempt.retry_after_s)
        for failed, attempt in enumerate(attempts[:-1], 1)
    ]
    return tuple([replace(attempt, wait_s=wait) for attempt, wait in zip(attempts, waits, strict=True)])


def _is_censored(attempt: Attempt, timeout_s: float | None) -> bool:
    if attempt.error != "timeout":
        return False
    patience_s = DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s
    return attempt.latency_s < patience_s - _CLOCK_SLACK_S


def _timed_out_at(attempt: Attempt, timeout_s: float | None) -> Attempt:
    return attempt if timeout_s is None or attempt.latency_s <= timeout_s else timed_out(attempt, timeout_s)
