"""The verb ``train-router``: from recorded outcomes of two or more deployments to a router in a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import fmean

import numpy as np

from evalgate.core.cases import question_text
from evalgate.core.numbers import Estimate
from evalgate.core.progress import Progress
from evalgate.core.routing import RouterQuality, RouterReport, RoutingCase
from evalgate.core.suite import Suite
from evalgate.load.places import find_project
from evalgate.load.project import gather
from evalgate.load.suites import Selection
from evalgate.pipeline.project.settings import TrainSettings
from evalgate.pipeline.router_examples import (
    check_examples,
    class_counts,
    deployments_in_order,
    recorded_outcomes,
    targets_of,
)
from evalgate.scoring.routing import RoutedOutcomes, router_quality
from evalgate.training.folds import fold_of, split_cases
from evalgate.training.router_file import router_json, split_json
from evalgate.training.text_classifier import Fitted, Target, fit

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class TrainedRouter:
    """What was made: the router's file, what is said of it, and the cases that it has not seen."""

    content: str
    report: RouterReport
    held_out: tuple[RoutingCase, ...]


def train_router(settings: TrainSettings, progress: Progress) -> TrainedRouter:
    """Learn who is needed from who was right; replays recordings and calls nobody.

    Raises:
        BadInput: something a person wrote is wrong, or there is too little to learn from.
        CannotJudge: recordings are missing, or scikit-learn is.

    """
    selection = Selection(settings.start, baseline=settings.policy, proposals=False, training=True)
    gathered = gather(find_project(settings.start), settings.suites, selection, calling=False)
    gathered.findings.raise_if_any()
    project = gathered.project
    order = deployments_in_order(project.suites, settings.order, difficulty=settings.difficulty)
    progress.start("replaying", len(project.suites) * len(order))
    every = [each for suite in project.suites for each in recorded_outcomes(project, suite, order, progress)]
    progress.done()
    learned, held_out = split_cases(every, settings.share, settings.seed)
    targets = targets_of(learned, difficulty=settings.difficulty)
    strata = np.sum([target.helps for target in targets.values()], axis=0).tolist()
    folds = fold_of(learned, strata, settings.folds, settings.seed)
    check_examples(targets, folds)
    fitted = fit([question_text(each.case) for each in learned], list(targets.values()), folds)
    report = RouterReport(
        kind="difficulty" if settings.difficulty else "classifier",
        trained=len(learned),
        held_out=len(held_out),
        folds=settings.folds,
        accuracies=tuple(
            (alias, fmean(each.right[at] for each in learned)) for at, alias in enumerate(order)
        ),
        classes=class_counts(learned) if settings.difficulty else (),
        heads=_qualities(learned, fitted, targets, settings.strong_share),
    )
    split = split_json(learned, settings.share, settings.seed)
    content = router_json(fitted, split, _provenance(project.suites, order, report))
    return TrainedRouter(content, report, held_out)


def _qualities(
    cases: Sequence[RoutingCase], fitted: Fitted, targets: Mapping[str, Target], wanted: float | None
) -> tuple[RouterQuality, ...]:
    """Judge each head out of fold, by what going up to the dearest deployment gains.

    The first head decides whether to leave the cheapest, the second whether to leave the one below the
    dearest.
    """
    right = np.array([each.right for each in cases])
    clusters = [each.cluster for each in cases]
    below = (0, -2)
    return tuple(
        router_quality(
            name,
            RoutedOutcomes(fitted.out_of_fold[:, column], right[:, below[column]], right[:, -1], clusters),
            target.helps,
            ALPHA,
            wanted,
        )
        for column, (name, target) in enumerate(targets.items())
    )


def _provenance(suites: Sequence[Suite], order: Sequence[str], report: RouterReport) -> dict[str, object]:
    policy = suites[0].baseline
    assert policy is not None
    return {
        "trainer": f"evalgate {version('evalgate-harness')}",
        "suites": {suite.name: suite.digest for suite in suites},
        "cases": report.trained,
        "folds": report.folds,
        "deployments": {alias: list(policy.deployments[alias].identity) for alias in order},
        "accuracies": {alias: round(share, 6) for alias, share in report.accuracies},
        "apgr_out_of_fold": {
            head.name: round(head.apgr.value, 6) if isinstance(head.apgr, Estimate) else None
            for head in report.heads
        },
    }
