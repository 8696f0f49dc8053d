"""McNemar's exact test: are cases that broke and cases that were fixed equally likely?"""


def exact_p(broke: int, fixed: int) -> float:
    """Return the two-sided p-value: twice the smaller tail of Binomial(broke + fixed, 1/2), at most 1.

    McNemar (Psychometrika 12, 1947, 153-157) in its exact form. It holds for independent cases.
    """
    flips = broke + fixed
    term = tail = 1
    for count in range(min(broke, fixed)):
        term = term * (flips - count) // (count + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << flips))
