"""TF-IDF and logistic regression, fitted, calibrated and judged out of fold; scikit-learn is imported here.

What comes out are the numbers that :mod:`evalgate.serving.classifier` multiplies, so that a replay needs none
of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evalgate.core.errors import CannotJudge

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NGRAMS = (1, 2)
# Beyond this many terms, the rest changes APGR on 14,000 questions by 0.002 and triples the file.
MOST_TERMS = 50_000
# With fewer texts, leaving out every term that stands in one of them leaves too little.
_FEW_TEXTS = 100
# Of fewer cases than this where going up harms, nothing is learned.
_FEWEST_HARMS = 20


@dataclass(frozen=True, slots=True)
class Target:
    """What a head learns: where going up helps, and where it harms (the weak one is right more often)."""

    helps: Flags
    harms: Flags


@dataclass(frozen=True, slots=True)
class Head:
    """One calibrated logistic regression over shared terms: the probability is ``logistic(x @ w + b)``."""

    coefficients: Floats
    intercept: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """Terms with their idf, a head for each target, and every case's probabilities out of fold.

    ``out_of_fold`` has a row a case and a column a head.
    """

    terms: tuple[str, ...]
    idf: Floats
    heads: tuple[Head, ...]
    out_of_fold: Floats


def fit(texts: Sequence[str], targets: Sequence[Target], folds: Sequence[int]) -> Fitted:
    """Fit a head for each of ``targets``, on all texts.

    What is gained by going up is the chance that it helps less the chance that it harms. Two regressions
    learn the two; near the base rates a step of a logit moves a probability ``p`` by ``p * (1 - p)``, and
    weighed so, their difference is one linear score. Its probability is calibrated to where it helps.

    Raises:
        CannotJudge: scikit-learn is not installed.

    """
    fold = np.asarray(folds)
    raw = np.empty((len(texts), len(targets)))
    for held_out in range(int(fold.max()) + 1):
        learn, judge = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        vectorizer, vectors = _vectors([texts[int(at)] for at in learn])
        unseen = vectorizer.transform([texts[int(at)] for at in judge])
        for column, target in enumerate(targets):
            coefficients, intercept = _gain(vectors, Target(target.helps[learn], target.harms[learn]))
            raw[judge, column] = unseen @ coefficients + intercept
    vectorizer, vectors = _vectors(texts)
    heads, probabilities = [], np.empty_like(raw)
    for column, target in enumerate(targets):
        probabilities[:, column] = _calibrated_out_of_fold(raw[:, column], target.helps, fold)
        slope, shift = _platt(raw[:, column], target.helps)
        coefficients, intercept = _gain(vectors, target)
        heads.append(Head(coefficients * slope, intercept * slope + shift))
    return Fitted(tuple(vectorizer.get_feature_names_out()), vectorizer.idf_, tuple(heads), probabilities)


def _vectors(texts: Sequence[str]) -> tuple[Any, Any]:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  an extra, and slow
    except ImportError as error:
        raise CannotJudge(
            "training a router needs scikit-learn, which is not installed\n"
            "    install evalgate with its extra router; a policy that uses the router needs no extra"
        ) from error
    vectorizer = TfidfVectorizer(
        ngram_range=NGRAMS,
        sublinear_tf=True,
        min_df=2 if len(texts) >= _FEW_TEXTS else 1,
        max_features=MOST_TERMS,
    )
    return vectorizer, vectorizer.fit_transform(texts)


def _gain(vectors: Any, target: Target) -> tuple[Floats, float]:
    """Return coefficients and intercept of the score of what is gained by going up."""
    helps = _regression(vectors, target.helps)
    coefficients, intercept = helps.coef_[0], float(helps.intercept_[0])
    if target.harms.sum() < _FEWEST_HARMS:
        return coefficients, intercept
    harms = _regression(vectors, target.harms)
    moved = [float(flags.mean() * (1 - flags.mean())) for flags in (target.helps, target.harms)]
    weight = moved[1] / moved[0]
    return coefficients - weight * harms.coef_[0], intercept - weight * float(harms.intercept_[0])


def _regression(vectors: Any, target: Flags) -> Any:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  an extra, and slow

    return LogisticRegression(max_iter=1000).fit(vectors, target)


def _calibrated_out_of_fold(raw: Floats, target: Flags, fold: npt.NDArray[np.int64]) -> Floats:
    """Calibrate each fold by what is known of the others, so that no case had a say in its own."""
    found = np.empty_like(raw)
    for held_out in range(int(fold.max()) + 1):
        others = fold != held_out
        slope, shift = _platt(raw[others], target[others])
        found[~others] = 1 / (1 + np.exp(-(slope * raw[~others] + shift)))
    return found


def _platt(raw: Floats, target: Flags) -> tuple[float, float]:
    """Return slope and shift of ``logistic(slope * raw + shift)`` by maximum likelihood (Platt, 1999).

    The targets are Platt's, a little inside 0 and 1, so that a perfect separation has a finite slope.
    Newton's method on two numbers; a slope below 0 would turn the ranking round and becomes 0.
    """
    positives = int(target.sum())
    negatives = len(target) - positives
    aim = np.where(target, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, shift = 1.0, 0.0
    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(slope * raw + shift, -500, 500)))
        off, weight = chance - aim, np.maximum(chance * (1 - chance), 1e-12)
        a, b, c = float((weight * raw**2).sum()), float((weight * raw).sum()), float(weight.sum())
        g, h = float((off * raw).sum()), float(off.sum())
        determinant = a * c - b * b + 1e-12
        step = ((c * g - b * h) / determinant, (a * h - b * g) / determinant)
        slope, shift = slope - step[0], shift - step[1]
        if abs(step[0]) + abs(step[1]) < 1e-10:
            break
    if slope > 0:
        return slope, shift
    share = positives / len(target)
    return 0.0, float(np.log(share / (1 - share)))
