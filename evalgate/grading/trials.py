"""From the trials of one case to what the case counts for accuracy."""

from math import comb

from evalgate.core.suite_file import TrialsPass


def trial_values(trials: int, rule: TrialsPass | None) -> tuple[float, ...]:
    """Return what a case counts with 0, 1, … ``trials`` of its trials correct: a number in 0..1 each.

    Without a rule, the share of correct trials. ``4 of 5``: 1 from four correct trials on, else 0.
    ``pass^k``: the chance that k trials drawn from these are all correct, ``C(c, k) / C(n, k)``, which is
    unbiased for the chance that k new ones are (Yao et al. 2024, tau-bench, section 3).
    """
    counts = range(trials + 1)
    match rule:
        case None:
            return tuple(right / trials for right in counts)
        case TrialsPass(right=needed, of=None):
            return tuple(comb(right, needed) / comb(trials, needed) for right in counts)
        case TrialsPass(right=needed):
            return tuple(float(right >= needed) for right in counts)
