"""Routers: where the score comes from, and whether the threshold can be reached."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from evalgate.core.errors import BadInput, Problem
from evalgate.core.policy import Router, TextClassifier
from evalgate.core.policy_file import PolicyFile
from evalgate.core.router_file import (
    ClassifierRouter,
    ColumnRouter,
    DifficultyRouter,
    FunctionRouter,
    RouterFile,
)
from evalgate.core.routing import TrainedOn
from evalgate.core.written import Written
from evalgate.load.code.functions import as_score
from evalgate.load.findings import Findings
from evalgate.load.syntax.documents import Document, read_json
from evalgate.load.syntax.paths import resolve

Finite = Annotated[float, Field(allow_inf_nan=False)]


class RouterSplit(Written):
    """What a router was trained on, so that nobody gates it on that: part of its file.

    ``cases`` maps each suite to its case ids with the digests of their questions; ``share`` is the part of
    the suites' cases that was taken, chosen by ``seed``.
    """

    seed: int
    share: Annotated[float, Field(gt=0, le=1)]
    cases: dict[str, dict[str, str]]
    groups: dict[str, list[str]] = {}


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
    split: RouterSplit | None = None


class DifficultyClassifierFile(Written):
    """Two text classifiers over the same terms: the need for more than easy, and the need for hard.

    ``terms`` maps each n-gram to its ``[idf, coefficient for more, coefficient for hard]``.
    """

    format: Literal["evalgate/difficulty-classifier@1"]
    ngrams: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    sublinear_tf: bool
    intercepts: tuple[Finite, Finite]
    terms: dict[str, tuple[Finite, Finite, Finite]]
    provenance: dict[str, Any]
    split: RouterSplit | None = None


def read_classifier(path: Path, shown: str, spec: ClassifierRouter | DifficultyRouter) -> Router:
    """Return the router with the classifier in its JSON file.

    Raises:
        BadInput: the file is not a text classifier of a known format.

    """
    if isinstance(spec, ClassifierRouter):
        written: TextClassifierFile = read_json(path, TextClassifierFile, shown)
        classifier = _classifier(written, written.terms, written.intercept, shown)
        return Router(spec, classifier=classifier, trained_on=_trained_on(written.split))
    graded: DifficultyClassifierFile = read_json(path, DifficultyClassifierFile, shown)
    more, hard = graded.intercepts
    return Router(
        spec,
        classifier=_classifier(
            graded, {t: (idf, own) for t, (idf, own, _) in graded.terms.items()}, more, shown
        ),
        hard_classifier=_classifier(
            graded, {t: (idf, own) for t, (idf, _, own) in graded.terms.items()}, hard, shown
        ),
        trained_on=_trained_on(graded.split),
    )


def _classifier(
    written: TextClassifierFile | DifficultyClassifierFile,
    weights: Mapping[str, tuple[float, float]],
    intercept: float,
    shown: str,
) -> TextClassifier:
    if written.ngrams[0] > written.ngrams[1]:
        message = (
            f"the shortest n-gram ({written.ngrams[0]}) is longer than the longest ({written.ngrams[1]})"
        )
        raise BadInput([Problem(message, "write [shortest, longest]", shown, key="ngrams")])
    return TextClassifier(
        weights=weights,
        intercept=intercept,
        word_ngrams=written.ngrams,
        sublinear_tf=written.sublinear_tf,
        provenance=written.provenance,
    )


def _trained_on(split: RouterSplit | None) -> TrainedOn | None:
    if split is None:
        return None
    return TrainedOn(split.cases, {suite: tuple(groups) for suite, groups in split.groups.items()})


def load_router(spec: RouterFile, folder: Path, findings: Findings) -> Router:
    """Return the router with its score's source; files are found from the policy's ``folder``.

    Raises:
        BadInput: the classifier or the function cannot be loaded; the problem may have no place yet.

    """
    match spec:
        case ClassifierRouter(model=model) | DifficultyRouter(model=model):
            path = resolve(model, folder, findings.root)
            return read_classifier(path, findings.shown(path), spec)
        case FunctionRouter(path=import_path):
            return Router(spec, function=as_score(findings.import_function(import_path)))
        case ColumnRouter():
            return Router(spec)


def source_key(spec: RouterFile) -> str:
    """Return the key that names where the score comes from."""
    match spec:
        case ClassifierRouter() | DifficultyRouter():
            return "model"
        case FunctionRouter():
            return "path"
        case ColumnRouter():
            return "column"


def score_range(spec: ClassifierRouter | ColumnRouter | FunctionRouter) -> tuple[float, float]:
    """Return the lowest and highest score a router can give."""
    return (0.0, 1.0) if isinstance(spec, ClassifierRouter) else spec.range


def check_threshold(document: Document[PolicyFile]) -> Iterator[Problem]:
    """Yield a range that is none, or a threshold that lies outside it.

    Both ends are allowed: at the low end everything goes to strong, at the high end only the highest score.
    """
    spec = document.value.router
    if spec is None or isinstance(spec, DifficultyRouter):
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
