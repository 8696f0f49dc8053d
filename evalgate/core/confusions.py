"""Which label was read where which one was expected, on both sides."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Confusions:
    """Both sides' confusion matrices of a suite with labels, over cases and trials, unweighted.

    ``baseline[row][column]`` counts the cases that expect label ``expected[row]`` and were answered with
    ``read[column]``: a label, ``(none)`` for an answer that names none or several, ``(failed)`` for none.
    """

    expected: tuple[str, ...]
    read: tuple[str, ...]
    baseline: tuple[tuple[int, ...], ...]
    candidate: tuple[tuple[int, ...], ...]
