"""Scoring text with TF-IDF and logistic regression, without the library that trained them.

The same numbers as scikit-learn's ``TfidfVectorizer(lowercase=True, norm="l2")`` with its default token
pattern, followed by a binary ``LogisticRegression``.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator

from evalgate.core.policy import TextClassifier

_TOKENS = re.compile(r"\b\w\w+\b")


def classifier_score(classifier: TextClassifier) -> Callable[[str], float]:
    """Return the function from a text to the probability that it needs the strong model.

    Terms are weighted ``tf * idf`` with ``tf`` the count, or ``1 + ln(count)`` when sublinear; the vector is
    divided by its L2 norm over known terms. A text without any known term scores by the intercept alone.
    """
    weights, intercept, sublinear = classifier.weights, classifier.intercept, classifier.sublinear_tf
    shortest, longest = classifier.word_ngrams

    def score(text: str) -> float:
        tokens = _TOKENS.findall(text.lower())
        terms = tokens if longest == 1 else list(_ngrams(tokens, shortest, longest))
        squares = product = 0.0
        for term, count in Counter(terms).items():
            pair = weights.get(term)
            if pair is not None:
                idf, coefficient = pair
                value = (1.0 + math.log(count) if sublinear else count) * idf
                squares += value * value
                product += value * coefficient
        return _logistic(intercept + product / math.sqrt(squares) if squares > 0 else intercept)

    return score


def _ngrams(tokens: list[str], shortest: int, longest: int) -> Iterator[str]:
    for length in range(shortest, longest + 1):
        if length == 1:
            yield from tokens
        else:
            yield from map(" ".join, zip(*(tokens[start:] for start in range(length)), strict=False))


def _logistic(value: float) -> float:
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    power = math.exp(value)
    return power / (1.0 + power)
