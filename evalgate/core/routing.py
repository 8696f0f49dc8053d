"""What a router is trained on, what it was trained on, and how good it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from evalgate.core.cases import Case, question_text
from evalgate.core.numbers import Measured, Unmeasured


def question_digest(case: Case) -> str:
    """Return the name of a case's question in a router's split: 16 hex digits of its text's SHA-256.

    Case and blank space at the ends count for nothing, because to a router such questions are one.
    """
    return sha256(question_text(case).strip().casefold().encode(errors="replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """The cases that a router has seen, by suite: ids with their question's digest, and groups."""

    cases: Mapping[str, Mapping[str, str]]
    groups: Mapping[str, tuple[str, ...]]


def leaked_cases(trained_on: TrainedOn, suite: str, cases: Sequence[Case]) -> list[str]:
    """Return the ids of cases that a router has seen: the case, its question (in any suite), or its group."""
    questions = {digest for seen in trained_on.cases.values() for digest in seen.values()}
    ids = trained_on.cases.get(suite, {})
    groups = frozenset(trained_on.groups.get(suite, ()))
    return [
        case.id
        for case in cases
        if case.id in ids or case.group in groups or question_digest(case) in questions
    ]


@dataclass(frozen=True, slots=True)
class RoutingCase:
    """One case with how often each deployment is right, cheapest first: a share of its trials."""

    suite: str
    case: Case
    right: tuple[float, ...]

    @property
    def cluster(self) -> str:
        """Return what the case must not be separated from: its group, or its question."""
        named = f"group {self.case.group}" if self.case.group is not None else question_digest(self.case)
        return f"{self.suite} {named}"


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Cases of like predictions: the mean prediction, and how often it came true."""

    predicted: float
    happened: float
    cases: int


@dataclass(frozen=True, slots=True)
class ChosenThreshold:
    """The threshold for a wanted strong share, the share that it reaches, and its accuracy there."""

    threshold: float
    strong_share: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class RouterQuality:
    """One score out of fold: both ends, the recovered gap, and whether its probabilities come true.

    ``cpt_50`` and ``cpt_80`` are the strong shares that recover half and four fifths of the gap.
    ``calibration_error`` is the mean distance of prediction and frequency, over cases.
    """

    name: str
    weak_accuracy: float
    strong_accuracy: float
    apgr: Measured
    cpt_50: float | Unmeasured
    cpt_80: float | Unmeasured
    calibration: tuple[CalibrationBin, ...]
    calibration_error: float
    chosen: ChosenThreshold | None = None


@dataclass(frozen=True, slots=True)
class RouterReport:
    """What training a router gave: who it chooses between, on how many cases, and how well.

    ``accuracies`` holds each deployment's share of right answers on the training cases, cheapest first.
    ``classes`` counts the training cases of each difficulty (empty for a weak-or-strong router).
    """

    kind: str
    trained: int
    held_out: int
    folds: int
    accuracies: tuple[tuple[str, float], ...]
    classes: tuple[tuple[str, int], ...]
    heads: tuple[RouterQuality, ...]
