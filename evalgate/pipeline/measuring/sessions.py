"""Which recording session each case is replayed from.

Times are compared only inside one session, so a case is replayed from the newest session that holds what
both sides need of it; where no session holds both, each call comes from its own newest.
"""

from collections.abc import Iterable, Mapping
from functools import reduce

from evalgate.core.outcome import Graded
from evalgate.store.recordings import Recordings

CaseTrial = tuple[str, int]


def preferred_sessions(
    recordings: Recordings, baseline: Iterable[Graded], candidate: Iterable[Graded]
) -> Mapping[CaseTrial, str]:
    """Return the session to replay a case and trial from, for those not already there on both sides."""
    preferred: dict[CaseTrial, str] = {}
    for base, cand in zip(baseline, candidate, strict=True):
        steps = [step for step in base.outcome.steps + cand.outcome.steps if step.recorded]
        if len({step.session for step in steps}) < 2:
            continue
        held = [recordings.sessions_of(step.digest) for step in steps]
        common = reduce(lambda left, right: tuple(s for s in left if s in right), held)
        if common:
            preferred[base.outcome.case_id, base.outcome.trial] = common[0]
    return preferred
