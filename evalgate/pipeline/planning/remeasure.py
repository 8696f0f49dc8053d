"""Which cases are called anew: so that times can be compared, and to see if recordings still hold.

A candidate that needs new calls is timed today; its baseline was timed when it was recorded. Cases on which
that is so are drawn in the recording session's own order, which is what makes the draw random and lets
:mod:`evalgate.scoring.timed` see that it is.
"""

from collections.abc import Sequence
from math import ceil

from evalgate.core.draw import drawn_order
from evalgate.core.policy import Policy
from evalgate.core.suite import Suite
from evalgate.pipeline.measuring.walk import Walked, walk
from evalgate.store.recordings import Recordings

DEFAULT = 400
"""Cases called anew where nobody says how many: a rise of the P95 by 20 % shows on about so many."""


def to_remeasure(
    suite: Suite, policies: Sequence[Policy], known: Recordings, count: int | None, session: str
) -> frozenset[str]:
    """Return the cases that both sides are to be called on anew in ``session``.

    For each proposal at most ``count`` of the cases on which it differs from the baseline and no session
    holds both sides. Without ``count``, at most :data:`DEFAULT`, and only where a call is missing anyway.
    The cases of a stream depend on each other: all of them where there are no more, else none.
    """
    baseline, most = suite.baseline, DEFAULT if count is None else count
    if count == 0 or baseline is None or baseline not in policies:
        return frozenset()
    if suite.ordered and len(suite.cases) > most:
        return frozenset()
    before = walk(suite, baseline, known, succeeding=True)
    found: set[str] = set()
    for policy in policies:
        if policy is baseline:
            continue
        after = walk(suite, policy, known, succeeding=True)
        if count is None and not after.missing:
            continue
        apart = [case.id for case in suite.cases if _apart(case.id, before, after, known)]
        found.update(drawn_order(session, apart)[:most])
    if found and suite.ordered:
        return frozenset(case.id for case in suite.cases)
    return frozenset(found)


def to_refresh(suite: Suite, share: float, session: str) -> frozenset[str]:
    """Return a random ``share`` of the cases (at least one), to be called anew in ``session``.

    Of a stream it is all of them or none, as they depend on each other.
    """
    count = ceil(share * len(suite.cases) - 1e-9)
    if count <= 0 or (suite.ordered and share < 1):
        return frozenset()
    return frozenset(drawn_order(session, (case.id for case in suite.cases))[:count])


def _apart(case_id: str, before: Walked, after: Walked, known: Recordings) -> bool:
    """Whether the calls that differ on a case are recorded in part, or in sessions that cannot be compared.

    Where none of them is recorded, they are all made now, side by side.
    """
    odd = before.by_case.get(case_id, set()) ^ after.by_case.get(case_id, set())
    held = [set(known.sessions_of(digest)) for digest in odd]
    if not any(held):
        return False
    return not any(known.sessions[session].interleaved for session in set.intersection(*held))
