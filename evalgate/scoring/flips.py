"""Which cases broke, which were fixed, and the 2x2 of both sides."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from evalgate.core.outcome import Failure, Graded
from evalgate.core.verdict import CaseCounts, Flip
from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.arrays import Bools, Ints
from evalgate.scoring.pairs import Pairs

_LONGEST = 200


def case_counts(pairs: Pairs) -> CaseCounts:
    """Return the 2x2 of correctness over the graded cases; a case with several trials by their majority."""
    before, after = right_cases(pairs.baseline), right_cases(pairs.candidate)
    graded = pairs.baseline.graded & pairs.candidate.graded
    return CaseCounts(
        total=pairs.n,
        both_right=int((before & after & graded).sum()),
        both_wrong=int((~before & ~after & graded).sum()),
        fixed=int((~before & after & graded).sum()),
        broke=int((before & ~after & graded).sum()),
        failed=int((pairs.baseline.failed | pairs.candidate.failed).any(axis=1).sum()),
    )


def one_side_counts(columns: Columns) -> CaseCounts:
    """Return the counts of a candidate without baseline: right and wrong stand under ``both_``."""
    right = right_cases(columns)
    return CaseCounts(
        total=columns.n,
        both_right=int((right & columns.graded).sum()),
        both_wrong=int((~right & columns.graded).sum()),
        fixed=0,
        broke=0,
        failed=int(columns.failed.any(axis=1).sum()),
    )


def right_cases(columns: Columns) -> Bools:
    """Return the cases that count at least half: of their trials, or as the suite's rule counts them."""
    return np.asarray(columns.right() >= 0.5)


def flips(pairs: Pairs, baseline: Sequence[Graded], candidate: Sequence[Graded]) -> tuple[Flip, ...]:
    """Return every case whose correctness differs, broken ones first, each in the suite's order."""
    before, after = right_cases(pairs.baseline), right_cases(pairs.candidate)
    graded = pairs.baseline.graded & pairs.candidate.graded
    kinds: tuple[tuple[Literal["broke", "fixed"], Bools], ...] = (
        ("broke", before & ~after & graded),
        ("fixed", ~before & after & graded),
    )
    found = []
    for kind, rows in kinds:
        for row in np.flatnonzero(rows):
            left = _typical(baseline, pairs.before_at[row], right=kind == "broke")
            right = _typical(candidate, pairs.after_at[row], right=kind == "fixed")
            found.append(
                Flip(
                    case_id=pairs.baseline.name(int(row)),
                    kind=kind,
                    baseline=_shown(left),
                    candidate=_shown(right),
                    target=left.target,
                )
            )
    return tuple(found)


def _typical(results: Sequence[Graded], positions: Ints, *, right: bool) -> Graded:
    """The first trial that stands for the case: one that is right, or wrong, as the case is."""
    trials = [results[int(position)] for position in positions if position >= 0]
    return next((each for each in trials if each.grade and each.grade.correct == right), trials[0])


def _shown(graded: Graded) -> str:
    result = graded.outcome.result
    if isinstance(result, Failure):
        return f"failed: {result.reason}"
    if graded.grade is not None and graded.grade.label is not None:
        return graded.grade.label
    text = result.text or ", ".join(call.name for call in result.tool_calls)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
