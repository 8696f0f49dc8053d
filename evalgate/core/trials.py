"""From the trials of one case to what the case counts for accuracy."""

from math import comb
from typing import NamedTuple


class TrialsPass(NamedTuple):
    """What a case's trials must show: at least ``right`` of ``of`` right, or (``of`` None) ``pass^right``.

    ``pass^k`` is the chance that k trials are all right.
    """

    right: int
    of: int | None

    def __str__(self) -> str:
        """Return the rule as a suite writes it."""
        return f"pass^{self.right}" if self.of is None else f"{self.right} of {self.of}"

    @property
    def sentence(self) -> str:
        """Say what a case counts by this rule."""
        if self.of is None:
            return f"a case counts the chance that {self.right} of its trials are all right (pass^k)"
        return f"a case is right when {self.right} of its {self.of} trials are"


def trial_values(trials: int, rule: TrialsPass | None) -> tuple[float, ...]:
    """Return what a case counts with 0, 1, … ``trials`` of its trials correct: a number in 0..1 each.

    Without a rule, the share of correct trials. ``4 of 5``: 1 from four correct trials on, else 0.
    ``pass^k``: the chance that k trials drawn from these are all correct, ``C(c, k) / C(n, k)``, which is
    unbiased for the chance that k new ones are (Yao et al. 2024, tau-bench, section 3).

    Raises:
        ValueError: the rule needs more trials.

    """
    if rule is not None and trials < rule.right:
        raise ValueError(f"the rule needs {rule.right} trials, and there are {trials}")
    counts = range(trials + 1)
    match rule:
        case None:
            return tuple(right / trials for right in counts)
        case TrialsPass(right=needed, of=None):
            return tuple(comb(right, needed) / comb(trials, needed) for right in counts)
        case TrialsPass(right=needed):
            return tuple(float(right >= needed) for right in counts)


def pass_k_variances(trials: int, needed: int) -> tuple[float, ...]:
    """Return, by the number of correct trials, an unbiased estimate of the variance of ``pass^needed``.

    The variance of the estimate ``U`` is ``E[U^2] - p^(2k)``, and ``C(c, 2k) / C(n, 2k)`` is unbiased for
    ``p^(2k)`` as ``U`` is for ``p^k``. One alone may be negative; their sum over cases is what counts.

    Raises:
        ValueError: there are fewer than ``2 * needed`` trials.

    """
    squares = trial_values(trials, TrialsPass(2 * needed, None))
    values = trial_values(trials, TrialsPass(needed, None))
    return tuple(value**2 - square for value, square in zip(values, squares, strict=True))
