"""How a hit of the policy's cache is judged: by ``same_answer``, and by grades."""

from evalgate.core.cases import Case
from evalgate.core.outcome import Grade, HitKind


def judge_hit(
    case: Case, source: Case, grades: tuple[Grade | None, Grade | None], fresh: Grade | None
) -> HitKind:
    """Return what a hit did that served ``case`` the answer to ``source``.

    ``grades`` are those of the served answer and of the same answer when it was stored, ``fresh`` that of a
    fresh answer to ``case``, as far as known. An answer that grades wrong counts as a false hit unless a
    fresh one is known to be wrong too: what nobody looked up excuses nothing.
    """
    if case.same_answer != source.same_answer:
        return "merged"
    served, stored = grades
    if served is None:
        return "unlabelled" if case.same_answer is None else "right"
    if served.correct:
        return "right"
    if fresh is not None and not fresh.correct:
        return "neutral"
    return "stale" if case.same_answer is not None and stored is not None and stored.correct else "wrong"
