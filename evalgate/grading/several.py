"""Several graders of one answer, as one grade."""

from collections.abc import Sequence
from math import fsum

from evalgate.core.outcome import Grade
from evalgate.core.suite import Grader


def weighted(parts: Sequence[tuple[Grader, Grade]], correct_at: float) -> Grade:
    """Return the mean of the parts' scores by their weights; the reason names every part.

    The label is the first one that a part read; what one part cannot read is unreadable.
    """
    weights = [grader.spec.weight for grader, _ in parts]
    total = fsum(weights)
    # Divided before summing: weights may be as large as numbers get.
    score = fsum(part.score * (weight / total) for (_, part), weight in zip(parts, weights, strict=True))
    if all(part.score == 1 for _, part in parts):
        score = 1.0
    reason = "; ".join(f"{grader.spec.kind} {part.score:.2g} ({part.reason})" for grader, part in parts)
    label = next((part.label for _, part in parts if part.label is not None), None)
    score = min(1.0, score)
    read = [part.readable for _, part in parts if part.readable is not None]
    return Grade(score, score >= correct_at, reason, label, readable=all(read) if read else None)
