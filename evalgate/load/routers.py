"""Routers: where the score comes from, and whether the threshold can be reached."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy import Router, TextClassifier
from evalgate.core.policy_file import ClassifierRouter, ColumnRouter, FunctionRouter, PolicyFile, RouterFile
from evalgate.core.written import Written
from evalgate.load.documents import Document, read_json
from evalgate.load.findings import Findings
from evalgate.load.functions import as_score
from evalgate.load.paths import resolve

Finite = Annotated[float, Field(allow_inf_nan=False)]


class TextClassifierFile(Written):
    """A router's text classifier as JSON: what the trainer writes and people commit.

    ``terms`` maps each lower-cased word n-gram of the lengths ``ngrams`` (shortest, longest) to its
    ``[idf, coefficient]``.
    """

    format: Literal["evalgate/text-classifier@1"]
    ngrams: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    sublinear_tf: bool
    intercept: Finite
    terms: dict[str, tuple[Finite, Finite]]
    provenance: dict[str, Any]


def read_classifier(path: Path, shown: str) -> TextClassifier:
    """Return the classifier in a JSON file.

    Raises:
        BadInput: the file is not a text classifier of a known format.

    """
    written: TextClassifierFile = read_json(path, TextClassifierFile, shown)
    if written.ngrams[0] > written.ngrams[1]:
        message = (
            f"the shortest n-gram ({written.ngrams[0]}) is longer than the longest ({written.ngrams[1]})"
        )
        raise BadInput([Problem(message, "write [shortest, longest]", shown, key="ngrams")])
    return TextClassifier(
        weights=written.terms,
        intercept=written.intercept,
        word_ngrams=written.ngrams,
        sublinear_tf=written.sublinear_tf,
        provenance=written.provenance,
    )


def load_router(spec: RouterFile, folder: Path, findings: Findings) -> Router:
    """Return the router with its score's source; files are found from the policy's ``folder``.

    Raises:
        BadInput: the classifier or the function cannot be loaded; the problem may have no place yet.

    """
    match spec:
        case ClassifierRouter(model=model):
            path = resolve(model, folder, findings.root)
            return Router(spec, classifier=read_classifier(path, findings.shown(path)))
        case FunctionRouter(path=import_path):
            return Router(spec, function=as_score(findings.import_function(import_path)))
        case ColumnRouter():
            return Router(spec)


def source_key(spec: RouterFile) -> str:
    """Return the key that names where the score comes from."""
    match spec:
        case ClassifierRouter():
            return "model"
        case FunctionRouter():
            return "path"
        case ColumnRouter():
            return "column"


def score_range(spec: RouterFile) -> tuple[float, float]:
    """Return the lowest and highest score a router can give."""
    return (0.0, 1.0) if isinstance(spec, ClassifierRouter) else spec.range


def check_threshold(document: Document[PolicyFile]) -> Iterator[Problem]:
    """Yield a range that is none, or a threshold that lies outside it.

    Both ends are allowed: at the low end everything goes to strong, at the high end only the highest score.
    """
    spec = document.value.router
    if spec is None:
        return
    low, high = score_range(spec)
    if low >= high:
        message = f"the lowest score {low:g} is not below the highest {high:g}"
        yield document.problem(("router", "range"), message, "write [lowest, highest]")
    elif not low <= spec.threshold <= high:
        yield document.problem(
            ("router", "threshold"),
            f"{spec.threshold:g} is outside the router's scores, {low:g} to {high:g}",
            f"write a number from {low:g} to {high:g}; to send everything to one deployment write "
            f"use: {spec.weak if spec.threshold > high else spec.strong} instead of router",
        )
