"""How far a judge can be trusted: against people, against itself, and between the two sides."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from evalgate.core.errors import RunsNotComparable
from evalgate.core.judge_check import Agreement, JudgeCheck
from evalgate.core.labels import HumanLabel
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.outcome import Graded
from evalgate.core.run import Run
from evalgate.scoring.human import LabelKey, label_key, label_means
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.methods.one_arm import wilson_interval
from evalgate.scoring.methods.ppi import Judged, labels_needed
from evalgate.scoring.methods.sequential import case_order
from evalgate.scoring.methods.special import ndtri
from evalgate.scoring.pairs import Pairs, labels_of, pair
from evalgate.scoring.setting import Setting


def judge_check(
    baseline: Run, candidate: Run, again: Iterable[Graded] = (), budget: float | None = None
) -> JudgeCheck:
    """Return how the judge of two runs fares, by the labels that the runs carry.

    The same run twice checks it on one policy. ``again`` holds answers of the runs with the grades of other
    times that the judge was asked about them.

    Raises:
        RunsNotComparable: the runs are of different suites, cases or trials, or no judge graded them.

    """
    pairs, setting = pair(baseline, candidate), Setting(baseline.manifest.rules.alpha)
    human, labels = pairs.human, labels_of(baseline, candidate)
    if human is None or labels is None:
        raise RunsNotComparable(f"no judge graded suite {baseline.manifest.suite!r}, so none can be checked")
    judged = pairs.candidate.correct[:, 0] - pairs.baseline.correct[:, 0]
    differing = Judged(
        judged=judged[human.differ],
        human=np.where(human.labelled, human.after - human.before, 0.0)[human.differ],
        labelled=human.labelled[human.differ],
        total=max(pairs.n, 1),
    )
    answers = _labelled_answers((*baseline.results, *candidate.results), labels)
    targets = sorted({target for target, _, _ in answers if target is not None})
    return JudgeCheck(
        agreement=agreement([(judge, person) for _, judge, person in answers], setting),
        by_target={
            name: agreement([(j, p) for target, j, p in answers if target == name], setting)
            for name in targets
        },
        flicker=flicker((*baseline.results, *candidate.results), again, setting),
        bias=_bias(pairs, setting),
        labelled=int(human.labelled.sum()),
        differing=int(human.differ.sum()),
        next=_next(pairs),
        labels_needed=None if budget is None else labels_needed(differing, budget, setting.alpha),
    )


def agreement(graded: Sequence[tuple[bool, bool]], setting: Setting) -> Agreement:
    """Return agreement from pairs of (judge says right, person says right).

    Kappa is Cohen's (Educational and Psychological Measurement 20, 1960, 37-46), its standard error that of
    Fleiss, Cohen, Everitt (Psychological Bulletin 72, 1969, 323-327).
    """
    table = np.zeros((2, 2))
    for judge, person in graded:
        table[int(judge), int(person)] += 1
    return Agreement(
        labelled=len(graded),
        kappa=_kappa(table, setting),
        sensitivity=_share(table[1, 1], table[:, 1].sum(), "no answer that people found right", setting),
        specificity=_share(table[0, 0], table[:, 0].sum(), "no answer that people found wrong", setting),
    )


def flicker(first: Iterable[Graded], again: Iterable[Graded], setting: Setting) -> Measured:
    """Return the share of answers, among those judged ``again``, whose grades disagree.

    Equal answers to a case have one grade in ``first``, because the judge is asked about them once.
    """
    grades = _votes(first)
    others = _votes(again)
    repeated = [[grades[key][0], *votes] for key, votes in others.items() if key in grades]
    odd = sum(any(votes) and not all(votes) for votes in repeated)
    return _share(float(odd), float(len(repeated)), "no answer was judged more than once", setting)


def _votes(results: Iterable[Graded]) -> Mapping[LabelKey, list[bool]]:
    votes: dict[LabelKey, list[bool]] = {}
    for graded in results:
        key = label_key(graded)
        if key is not None and graded.grade is not None:
            votes.setdefault(key, []).append(graded.grade.correct)
    return votes


def _kappa(table: Floats, setting: Setting) -> Measured:
    n = float(table.sum())
    if n == 0:
        return Unmeasured("nobody has labelled an answer of these runs")
    p = table / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    seen, chance = float(np.trace(p)), float(rows @ columns)
    if chance == 1:
        return Unmeasured("judge and people gave every answer the same grade; kappa needs both kinds")
    kappa = (seen - chance) / (1 - chance)
    # Weights of Fleiss, Cohen and Everitt, equation 13: diagonal cells, then the rest, then the correction.
    cells = np.add.outer(columns, rows)  # [i, j] is the column share of i plus the row share of j
    diagonal = float((np.diag(p) * (1 - np.diag(cells) * (1 - kappa)) ** 2).sum())
    off = (1 - kappa) ** 2 * float((p * cells**2).sum() - (np.diag(p) * np.diag(cells) ** 2).sum())
    variance = (diagonal + off - (kappa - chance * (1 - kappa)) ** 2) / (n * (1 - chance) ** 2)
    half = ndtri(1 - setting.alpha) * math.sqrt(max(variance, 0.0))
    return setting.estimate(kappa, (max(kappa - half, -1.0), min(kappa + half, 1.0)), "kappa")


def _share(count: float, total: float, otherwise: str, setting: Setting) -> Measured:
    if total == 0:
        return Unmeasured(otherwise)
    limits = wilson_interval(count, int(total), setting.alpha)
    return setting.estimate(count / total, limits, "wilson")


def _labelled_answers(
    results: Iterable[Graded], labels: Iterable[HumanLabel]
) -> list[tuple[str | None, bool, bool]]:
    """Target, judge and people, once for each distinct labelled answer."""
    means = label_means(labels)
    found: dict[LabelKey, tuple[str | None, bool, bool]] = {}
    for graded in results:
        key = label_key(graded)
        if key in means and graded.grade is not None and key is not None:
            found.setdefault(key, (graded.target, graded.grade.correct, means[key] >= 0.5))
    return list(found.values())


def _bias(pairs: Pairs, setting: Setting) -> Measured:
    human = pairs.human
    assert human is not None
    known = human.labelled
    if int(known.sum()) < 2:
        return Unmeasured("fewer than two cases have both of their differing answers labelled")
    error = (pairs.candidate.correct[:, 0] - human.after) - (pairs.baseline.correct[:, 0] - human.before)
    error = error[known]
    half = ndtri(1 - setting.alpha) * float(error.std(ddof=1)) / math.sqrt(len(error))
    value = float(error.mean())
    return setting.estimate(value, (value - half, value + half), "normal")


def _next(pairs: Pairs) -> tuple[str, ...]:
    """Cases to label: differing answers that lack a label, in an order that depends on nothing but the ids.

    Only a random part of them corrects without bias; picking those that the judge graded differently
    would not.
    """
    human = pairs.human
    assert human is not None
    open_rows = np.flatnonzero(human.differ & ~human.labelled)
    return case_order({pairs.baseline.name(int(row)): None for row in open_rows}, seed=0)
