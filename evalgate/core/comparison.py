"""Candidate against baseline: every number the gate judges, and nothing it has to compute itself."""

from dataclasses import dataclass
from math import inf
from statistics import NormalDist

from evalgate.core.budgets import Scale
from evalgate.core.labels import JudgeStatus
from evalgate.core.metrics import Metric, Unit
from evalgate.core.numbers import Measured
from evalgate.core.prompt_cache_file import CacheState
from evalgate.core.suite_file import Inference
from evalgate.core.verdict import CaseCounts, Flip


@dataclass(frozen=True, slots=True)
class Change:
    """One metric on all cases (``slice`` None) or on one slice: both sides and the change between them.

    ``change`` is candidate minus baseline (``scale`` absolute) or their ratio minus one (relative).
    ``baseline`` and ``candidate`` carry one-arm intervals, by which absolute limits are judged.
    ``n`` counts cases, ``clusters`` independent units among them, ``affected`` cases on which the sides
    differ in anything this metric sees.

    ``gated`` False means that a relative limit on this metric cannot be judged, for ``not_gated_because``.
    ``undecided_because`` says why the interval, however narrow, supports no verdict, and
    ``mismeasured_because`` why the numbers themselves cannot be trusted (times taken by a busy evalgate).
    ``nothing_because`` says why there is nothing on the candidate's side that a limit could be about.
    ``failed_right`` is ``change`` with failed cases counted right instead of wrong; None without failures.
    ``p_no_worse`` is the one-sided p-value of "not worse than before" (accuracy and score only).
    ``sd`` is the standard deviation of one independent unit's contribution to ``change``, on the logarithm
    of the ratio where ``scale`` is relative: ``sd / sqrt(clusters)`` is the standard error. ``trial_sd``
    is the noise of a single trial in it, known only where cases have several: of ``sd**2``, the part
    ``trial_sd**2 / trials`` would vanish with ever more of them. ``other_state`` is set for a cost that
    rests on predicted prompt caches.
    """

    metric: Metric
    slice: str | None
    scale: Scale
    unit: Unit
    baseline: Measured
    candidate: Measured
    change: Measured
    method: str
    level: float
    n: int
    clusters: int
    trials: int
    affected: int
    losses: int | None = None
    gains: int | None = None
    gated: bool = True
    not_gated_because: str = ""
    undecided_because: str = ""
    mismeasured_because: str = ""
    failed_right: Measured | None = None
    p_no_worse: float | None = None
    nothing_because: str = ""
    sd: float | None = None
    trial_sd: float | None = None
    assumptions: tuple[str, ...] = ()
    other_state: "OtherState | None" = None


@dataclass(frozen=True, slots=True)
class OtherState:
    """A change in cost priced in ``state`` of provider prompt caches, measured again in the other one.

    ``declared`` says that the suite chose ``state``, so that the other one is shown and decides nothing.
    """

    state: CacheState
    declared: bool
    change: Change


@dataclass(frozen=True, slots=True)
class Comparison:
    """One candidate against one baseline on one suite, measured but not yet judged.

    ``baseline`` is None when there is nothing to compare with: then only absolute limits can be judged.
    ``identical`` says that no call, path, answer, cost or time differs between the sides. ``changes`` holds
    every metric over all cases, ``slices`` every metric in every slice by ``slice_by``.
    ``drifted_because`` says why the recordings behind it hold no longer; empty as long as they do.
    ``batched`` counts the candidate's cases that a batch API serves. ``without_cleanup`` is cost per correct
    without what a human pays to repair wrong answers; None where no such price is set. ``judge`` is None
    where no model graded.
    """

    suite: str
    baseline: str | None
    candidate: str
    alpha: float
    inference: Inference
    trials: int
    identical: bool
    affected: int
    ungraded: int
    changes: tuple[Change, ...]
    slices: tuple[Change, ...]
    slice_by: str | None
    cases: CaseCounts
    flips: tuple[Flip, ...]
    without_cleanup: Change | None = None
    batched: int = 0
    judge: JudgeStatus | None = None
    drifted_because: str = ""

    def find(self, metric: Metric, slice_value: str | None = None) -> Change | None:
        """Return the change of ``metric`` over all cases, or in one slice; None when it was not measured."""
        pool = self.changes if slice_value is None else self.slices
        return next((each for each in pool if each.metric == metric and each.slice == slice_value), None)


@dataclass(frozen=True, slots=True)
class LookComparison:
    """One look at the cases measured so far, out of ``cases_total``.

    The same runs compared three times: ``plain`` at the rules' own level, which is what is shown, and at the
    stricter levels by which this look may end in a pass (``to_pass``) or a fail (``to_fail``).
    """

    plain: Comparison
    to_pass: Comparison
    to_fail: Comparison
    cases_total: int
    last: bool


def units_to_resolve(sd: float, gap: float, alpha: float, power: float = 0.8) -> float:
    """Return how many independent units tell a true difference ``gap`` from none.

    The one-sided level is ``alpha`` and the chance of success ``power``:
    ``((z_alpha + z_power) sd / gap)**2``, the normal-theory sample size of a paired comparison; infinite
    for a gap of nothing.
    """
    normal = NormalDist()
    reach = (normal.inv_cdf(1 - alpha) + normal.inv_cdf(power)) * sd
    return (reach / gap) ** 2 if reach < 1e100 * gap else inf
