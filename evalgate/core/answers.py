"""What became of the answers themselves: how many flipped, how long and how readable they are."""

from dataclasses import dataclass

from evalgate.core.numbers import Measured


@dataclass(frozen=True, slots=True)
class Move:
    """A number on both sides, and how it moved: by how much, or by which share of the baseline's."""

    baseline: Measured
    candidate: Measured
    change: Measured


@dataclass(frozen=True, slots=True)
class Recovery:
    """Candidate accuracy over baseline accuracy, on ``n`` cases.

    ``key`` and ``slice`` name a slice of the cases; both are None for all of them.
    """

    key: str | None
    slice: str | None
    n: int
    baseline: Measured
    candidate: Measured
    recovery: Measured


@dataclass(frozen=True, slots=True)
class AnswerChanges:
    """Two policies' answers, set against each other case by case.

    ``changed`` is the share of cases whose answer reads otherwise, right or wrong. ``flips`` holds how often
    the baseline flips against itself, how often the candidate does against it, and what is beyond the first.
    ``length`` counts ``length_unit``, and moves by a share. ``overall`` is the recovery in all cases,
    ``slices`` that of each slice, the worst first; ``left_out`` names keys with too many values to list.
    ``requantized`` says that a deployment is served in another number format.
    """

    changed: Measured
    flips: Move
    format_failures: Move
    length: Move
    length_unit: str
    overall: Recovery
    slices: tuple[Recovery, ...]
    left_out: tuple[str, ...]
    requantized: bool
