"""The retry law, shared by live calls and replay so that both sides of a comparison obey one rule.

Error kinds of an :class:`~evalgate.core.calls.Attempt`: ``timeout``, ``connection`` (refused, reset, DNS),
``rate_limit`` (429), ``server_error`` (5xx), ``overloaded`` (408, 409, 529), ``bad_response`` (a reply that
cannot be read as an answer), ``content_filter``, ``context_window``, ``bad_request`` (any other 4xx).

Whatever a policy allows, a call ends after ``MOST_ATTEMPTS`` attempts, after ``LONGEST_CALL_S`` seconds, and
when a server failed ``SAME_FAILURES`` times with the same body: a deterministic failure stays one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from evalgate.core.calls import Attempt
from evalgate.core.policy_file import Reliability

RETRYABLE = frozenset({"timeout", "connection", "rate_limit", "server_error", "overloaded", "bad_response"})

# What request_timeout_s is where a policy leaves it out: long enough for any reasoning model, and a call
# that hangs still ends.
DEFAULT_TIMEOUT_S = 600.0
MOST_ATTEMPTS = 6
LONGEST_CALL_S = 600.0
SAME_FAILURES = 4


_OVERLOADED_STATUSES = frozenset({408, 409, 529})


def kind_of_status(status: int) -> str:
    """Return the kind of error that an HTTP status of 400 or more means, as far as it alone tells."""
    if status == 429:
        return "rate_limit"
    if status in _OVERLOADED_STATUSES:
        return "overloaded"
    return "server_error" if status >= 500 else "bad_request"


@dataclass(frozen=True, slots=True)
class Stop:
    """No further attempt is made: the last one succeeded, cannot be retried, or was the last allowed."""


@dataclass(frozen=True, slots=True)
class Again:
    """Make another attempt after waiting ``wait_s`` seconds."""

    wait_s: float


def next_step(rules: Reliability, digest: str, attempts: Sequence[Attempt]) -> Stop | Again:
    """Decide what follows the attempts so far (at least one) of the call named ``digest``."""
    last = attempts[-1]
    if last.error is None or last.error not in RETRYABLE or len(attempts) > rules.num_retries:
        return Stop()
    if len(attempts) >= MOST_ATTEMPTS or _keeps_failing_alike(attempts):
        return Stop()
    if sum(each.wait_s + each.latency_s for each in attempts) >= LONGEST_CALL_S:
        return Stop()
    return Again(wait_s=backoff_s(rules, digest, len(attempts), last.retry_after_s))


def timed_out(attempt: Attempt, timeout_s: float) -> Attempt:
    """Return a longer ``attempt`` as it goes under a policy that gives up after ``timeout_s`` seconds.

    It may be billed for the whole answer: a server that works on a question does not stop because nobody
    listens, or charges for what it has done until then.
    """
    return Attempt(
        latency_s=timeout_s,
        error="timeout",
        at=attempt.at,
        usage=attempt.usage,
        reported_cost_usd=attempt.reported_cost_usd,
        billing="possible",
    )


def backoff_s(rules: Reliability, digest: str, failed: int, retry_after_s: float | None = None) -> float:
    """Return the seconds to wait after ``failed`` failed attempts.

    Exponential with full jitter: uniform in ``[0, min(max, base * 2**(failed - 1))]``, as in Brooker,
    "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015). The jitter is drawn from the digest and
    the attempt, so a replay waits exactly as long every time. A provider's Retry-After is a lower bound.
    """
    ceiling = min(rules.max_backoff_s, rules.backoff_s * 2.0 ** min(failed - 1, 60))
    if rules.backoff_jitter == "full":
        seed = hashlib.sha256(f"{digest}:{failed}".encode()).digest()
        ceiling *= int.from_bytes(seed[:8], "big") / 2**64
    return max(ceiling, min(retry_after_s or 0.0, rules.max_retry_after_s))


def _keeps_failing_alike(attempts: Sequence[Attempt]) -> bool:
    last = attempts[-SAME_FAILURES:]
    first = last[0]
    return (
        len(last) == SAME_FAILURES
        and first.body_digest is not None
        and first.status is not None
        and first.status >= 500
        and all((each.status, each.body_digest) == (first.status, first.body_digest) for each in last)
    )
