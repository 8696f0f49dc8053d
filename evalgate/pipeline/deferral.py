"""The verb ``deferral``: replay a cascade at many thresholds; it shows and never gates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evalgate.core.comparison import Comparison
from evalgate.core.deferral import DeferralCurve, DeferralPoint
from evalgate.core.errors import BadInput, Problem
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.outcome import Graded
from evalgate.core.policy import Policy
from evalgate.core.policy_file import Price
from evalgate.core.progress import Progress
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.load.project import load_project
from evalgate.pipeline.comparing.bench import manifest_of
from evalgate.pipeline.measuring.judging import SuiteJudge
from evalgate.pipeline.measuring.measure import measure
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.measuring.walk import asking_everybody
from evalgate.pricing.prices import resolve_prices
from evalgate.scoring.compare import compare_absolute
from evalgate.store.replay import ReplayCaller


def deferral(
    start: Path, suites: Sequence[str], policies: Sequence[str], points: int, progress: Progress
) -> tuple[DeferralCurve, ...]:
    """Return the curve of every cascade among the policies, at ``points`` thresholds beside its own.

    Raises:
        BadInput: something a person wrote is wrong, or no policy has a cascade.
        CannotJudge: recordings are missing.

    """
    project = load_project(start, suites, policies)
    asked = [
        (suite, policy)
        for suite in project.suites
        for policy in (suite.baseline, *suite.proposals)
        if policy is not None and policy.cascade is not None
    ]
    if not asked:
        cure = "name one that has, with --policy; docs/levers/cascade.md tells how to write it"
        raise BadInput([Problem("none of these policies has a cascade", cure)])
    return tuple(_Bench(project, suite, policy).curve(points, progress) for suite, policy in asked)


class _Bench:
    """One cascade on one suite, with everything that replaying it needs."""

    def __init__(self, project: Project, suite: Suite, policy: Policy) -> None:
        self._suite, self._policy = suite, policy
        recordings = committed_and_local(project, suite)
        self._caller = ReplayCaller(recordings)
        self._sessions = tuple(recordings.sessions[name] for name in sorted(recordings.sessions))
        self._prices: Mapping[str, Price] = resolve_prices(
            policy.deployments.values(), project.prices, project.price_at
        )

    def curve(self, points: int, progress: Progress) -> DeferralCurve:
        policy = self._policy
        assert policy.cascade is not None
        everybody = asking_everybody(policy)
        assert everybody is not None
        progress.start(f"{self._suite.name}: replaying {policy.name}", points + 2)
        results = self._measured(everybody)
        progress.advance()
        own = policy.cascade.spec.escalate_below
        rows = []
        for below in sorted({*_thresholds(results, points), own}):
            rows.append(self._point(below, chosen=below == own))
            progress.advance()
        progress.done()
        return DeferralCurve(self._suite.name, policy.name, tuple(rows))

    def _point(self, below: float, *, chosen: bool) -> DeferralPoint:
        policy = self._policy
        assert policy.cascade is not None
        spec = policy.cascade.spec.model_copy(update={"escalate_below": below})
        results = self._measured(replace(policy, cascade=replace(policy.cascade, spec=spec)))
        manifest = manifest_of(self._suite, policy, self._prices, self._sessions, mode="replay")
        found = compare_absolute(Run(manifest, results))
        return DeferralPoint(
            escalate_below=below,
            escalation_rate=_escalated(results) / len(results),
            accuracy=_value(found, "accuracy"),
            cost_per_correct=_value(found, "cost_per_correct"),
            latency_p95=_value(found, "latency_p95"),
            chosen=chosen,
        )

    def _measured(self, policy: Policy) -> tuple[Graded, ...]:
        judge = SuiteJudge(self._suite, {})
        return measure(self._suite, policy, self._prices, lambda _: self._caller, judge)


def _thresholds(results: Sequence[Graded], points: int) -> set[float]:
    """Return thresholds at equal steps of the escalation rate, from nobody to everybody."""
    first = sorted(
        stage.confidence
        for graded in results
        for stage in graded.outcome.stages[:1]
        if stage.confidence is not None
    )
    if not first:
        return set()
    ranks = {round(step * (len(first) - 1) / max(points - 1, 1)) for step in range(points)}
    # Above the surest answer everybody is escalated; the next number up is the smallest such threshold.
    return {first[rank] for rank in ranks} | {math.nextafter(first[-1], math.inf)}


def _escalated(results: Sequence[Graded]) -> int:
    return sum(any(step.role == "escalate" for step in graded.outcome.steps) for graded in results)


def _value(found: Comparison, metric: Metric) -> Measured:
    change = found.find(metric)
    return Unmeasured("it was not measured") if change is None else change.candidate
