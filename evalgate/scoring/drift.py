"""Whether answers flipped more often, against their recording, than they do from trial to trial."""

from collections.abc import Sequence

from evalgate.core.outcome import Graded
from evalgate.core.run import Run
from evalgate.scoring.methods.special import bdtr

DRIFT_ALPHA = 0.01
"""A nightly check that cried wolf once a fortnight would be switched off."""


def drifted_because(*runs: Run) -> str:
    """Return why recordings that a run was replayed from hold no longer; empty where all of them do."""
    marked = {session.id: session.drifted for run in runs for session in run.manifest.sessions}
    if not any(marked.values()):
        return ""
    used = {step.session for run in runs for graded in run.results for step in graded.outcome.steps}
    return next((why for session, why in sorted(marked.items()) if why and session in used), "")


def flipped(recorded: Sequence[Graded], anew: Sequence[Graded]) -> tuple[int, int]:
    """Return how many cases could be compared, and how many of them are correct on one side only.

    Of several trials the first counts: trials of a case are not independent.
    """
    after = {each.outcome.case_id: each for each in anew if each.outcome.trial == 0}
    pairs = [
        (each.grade.correct, other.grade.correct)
        for each in recorded
        if each.outcome.trial == 0
        and (other := after.get(each.outcome.case_id)) is not None
        and each.grade is not None
        and other.grade is not None
    ]
    return len(pairs), sum(before != now for before, now in pairs)


def drift_p(flips: int, cases: int, rate: float) -> float:
    """Return the chance of at least so many flips, if each case flips with probability ``rate``."""
    return 1.0 if flips == 0 else 1.0 - bdtr(flips - 1, cases, rate)
