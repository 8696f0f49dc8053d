"""Judging what the policy's cache served, while a suite is replayed."""

from collections.abc import Callable
from dataclasses import replace

from evalgate.core.cases import Case
from evalgate.core.outcome import Grade, Graded, Hit
from evalgate.grading.hit import judge_hit

Regrade = Callable[[], Grade | None]


class HitJudge:
    """What one pass through a policy's cache served so far, by which later hits on it are judged."""

    def __init__(self) -> None:
        """Start with nothing served."""
        self._served: dict[tuple[int, str], tuple[Case, Graded]] = {}

    def judged(self, case: Case, graded: Graded, fresh: Regrade) -> Graded:
        """Return ``graded`` with its hit judged, if the cache answered.

        ``fresh`` makes the grade of a fresh answer; it is called only where the served one is wrong.
        """
        trial, trace = graded.outcome.trial, graded.outcome.cache
        if trace is None:
            return graded
        self._served[trial, case.id] = case, graded
        if trace.source is None:
            return graded
        known = self._served.get((trial, trace.source))
        if known is None:
            # The source could not be graded for want of a judge's recording, which ends the run.
            return graded
        source, stored = known
        wrong = graded.grade is not None and not graded.grade.correct
        new = fresh() if wrong else None
        kind = judge_hit(case, source, (graded.grade, stored.grade), new)
        asked = stored.outcome.cache.question if stored.outcome.cache is not None else ""
        return replace(graded, hit=Hit(kind, (asked, trace.question), None if new is None else new.correct))
