"""The three ticket classifiers, served in-process: what ``--mode live`` calls for this suite.

Each model is a linear classifier over TF-IDF views of the text, stored by ``train.py`` in ``models/``.
Scoring needs numpy only. A view is all word n-grams, or all character n-grams inside words.
"""

import re
from collections import Counter
from copy import copy
from itertools import pairwise
from pathlib import Path

import numpy as np

from evalgate.core.calls import Usage
from evalgate.core.functions import FunctionReply, FunctionRequest

MODELS = Path(__file__).parent / "models"
_WORD = re.compile(r"\b\w\w+\b")


def answer(request: FunctionRequest) -> FunctionReply:
    """Name the team for one ticket. One token is counted per four characters, as a gateway would bill."""
    label = LOADED[request.model].classify(request.input)
    usage = Usage(input_tokens=-(-len(request.input) // 4), output_tokens=-(-len(label) // 4))
    return FunctionReply(text=label, usage=usage)


def words(text: str) -> list[str]:
    """Return the words of a text, lower-cased."""
    return _WORD.findall(text.lower())


def words_and_pairs(text: str) -> list[str]:
    """Return the words of a text and every two neighbours."""
    single = words(text)
    return single + [f"{a} {b}" for a, b in pairwise(single)]


def characters(text: str) -> list[str]:
    """Return the character n-grams of 2 to 5 inside each word, with a space as its border."""
    grams = []
    for word in text.lower().split():
        padded = f" {word} "
        size = len(padded)
        for length in range(2, 6):
            if size <= length:
                grams.append(padded)
                break
            grams += [padded[at : at + length] for at in range(size - length + 1)]
    return grams


ANALYZERS = {"words": words, "words_and_pairs": words_and_pairs, "characters": characters}


class View:
    """One TF-IDF view: its terms, their idf, and their weights for each label."""

    def __init__(self, analyzer: str, terms: list[str], idf: np.ndarray, weights: np.ndarray) -> None:
        self.grams = ANALYZERS[analyzer]
        self.rows = {term: row for row, term in enumerate(terms)}
        self.idf = idf
        self.weights = weights

    def rounded(self, scale: np.ndarray) -> "View":
        """Return the view with weights that are whole multiples of each label's ``scale``."""
        coarse = copy(self)
        coarse.weights = np.round(self.weights / scale) * scale
        return coarse

    def logits(self, text: str) -> np.ndarray | float:
        """Return the view's share of the score of each label: sublinear tf, idf, L2 norm, weights."""
        rows = self.rows
        counts = Counter([row for gram in self.grams(text) if (row := rows.get(gram)) is not None])
        if not counts:
            return 0.0
        index = np.fromiter(counts.keys(), dtype=np.intp, count=len(counts))
        tf = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        vector = (1.0 + np.log(tf)) * self.idf[index]
        return vector @ self.weights[index] / np.sqrt(vector @ vector)


class Model:
    """A linear classifier over one or more views."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as stored:
            self.labels = [str(label) for label in stored["labels"]]
            self.intercept = stored["intercept"].astype(np.float64)
            self.views = [
                View(
                    str(analyzer),
                    stored[f"terms{at}"].tobytes().decode().split("\n"),
                    stored[f"idf{at}"].astype(np.float64),
                    stored[f"weights{at}"].astype(np.float64) * stored[f"scale{at}"],
                )
                for at, analyzer in enumerate(stored["analyzers"])
            ]

    def quantized(self, bits: int) -> "Model":
        """Return the model with its weights rounded to signed integers of ``bits``, one scale a label."""
        largest = np.max([np.abs(view.weights).max(axis=0) for view in self.views], axis=0)
        scale = largest / (2 ** (bits - 1) - 1)
        coarse = copy(self)
        coarse.views = [view.rounded(scale) for view in self.views]
        return coarse

    def classify(self, text: str) -> str:
        """Return the label with the highest score."""
        score = self.intercept.copy()
        for view in self.views:
            score += view.logits(text)
        return self.labels[int(score.argmax())]


# Read when this module is imported, so that no ticket pays for it with its latency.
LOADED = {path.stem: Model(path) for path in sorted(MODELS.glob("*.npz"))}
LOADED |= {f"strong-int{bits}": LOADED["strong"].quantized(bits) for bits in (4, 8)}
