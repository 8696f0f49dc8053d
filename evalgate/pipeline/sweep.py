"""The verb ``sweep``: every metric over one or two numbers of a policy, from recordings alone."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from evalgate.core.errors import BadInput, MissingRecordings, Problem
from evalgate.core.policy import Policy
from evalgate.core.progress import Progress
from evalgate.core.run import Run
from evalgate.core.suite import Project, Suite
from evalgate.core.sweep import Sweep, SweepPoint
from evalgate.load.project import load_project
from evalgate.pipeline.comparing.bench import Bench
from evalgate.pipeline.measuring.prompt_caching import prompt_caches
from evalgate.pipeline.measuring.recorded import committed_and_local
from evalgate.pipeline.measuring.turned import Knob, knob, turned
from evalgate.pipeline.project.settings import SweepRange, SweepSettings
from evalgate.pricing.prices import resolve_prices
from evalgate.scoring.columns import columns_of
from evalgate.scoring.compare import compare_absolute
from evalgate.scoring.setting import Setting
from evalgate.scoring.sweep import threshold_curve, with_pareto

_THRESHOLD = "router.threshold"


def sweep(settings: SweepSettings, progress: Progress) -> tuple[Sweep, ...]:
    """Return the curve of a policy on each suite that judges its family; nothing is called.

    Raises:
        BadInput: something a person wrote is wrong, or the policy has no such number.
        MissingRecordings: no point of the range is recorded.

    """
    project = load_project(settings.start, settings.suites, (settings.policy,))
    swept = [
        _of_suite(project, suite, suite.proposals[0], settings, progress)
        for suite in project.suites
        if suite.proposals
    ]
    return tuple(swept)


def _of_suite(
    project: Project, suite: Suite, policy: Policy, settings: SweepSettings, progress: Progress
) -> Sweep:
    knobs = [knob(policy, each.key) for each in settings.ranges]
    production = _in_production(suite, knobs)
    grids = [
        _grid(each, one, production[at] if production else each.value)
        for at, (each, one) in enumerate(zip(knobs, settings.ranges, strict=True))
    ]
    prices = {policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)}
    bench = Bench(project, suite, prices, committed_and_local(project, suite), "replay", keep=False)
    points = _thresholds(bench, policy, knobs[0], grids[0]) if _separable(suite, policy, knobs) else None
    if points is None:
        points = _one_by_one(bench, policy, knobs, list(itertools.product(*grids)), progress)
    if all(point.missing for point in points):
        raise MissingRecordings(points[0].missing)
    stands = tuple(each.value for each in knobs)
    marked = (
        replace(point, in_policy=point.values == stands, in_production=point.values == production)
        for point in points
    )
    return Sweep(
        suite=suite.name,
        policy=policy.name,
        keys=tuple(each.key for each in knobs),
        points=with_pareto(tuple(marked)),
        level=1 - 2 * suite.rules.alpha,
        cases=len(suite.cases),
    )


def _in_production(suite: Suite, knobs: Sequence[Knob]) -> tuple[float, ...]:
    """What the baseline holds at the same keys; empty where it has not all of them."""
    if suite.baseline is None:
        return ()
    try:
        return tuple(knob(suite.baseline, each.key).value for each in knobs)
    except BadInput:
        return ()


def _grid(key: Knob, wanted: SweepRange, production: float) -> list[float]:
    """The values of one key, ascending, with what the policy and production hold, where that lies between."""
    values = np.linspace(wanted.low, wanted.high, wanted.steps).tolist()
    if key.whole:
        if wanted.low != int(wanted.low) or wanted.high != int(wanted.high):
            cure = f"write whole numbers, as in {key.key}={math.floor(wanted.low)}..{math.ceil(wanted.high)}"
            raise BadInput([Problem(f"{key.key} is a whole number", cure)])
        values = [float(round(each)) for each in values]
    held = {each for each in (key.value, production) if wanted.low <= each <= wanted.high}
    # A value that differs by the last bit of a float is the same point.
    return sorted({*held, *(each for each in values if not any(map(partial(math.isclose, each), held)))})


def _separable(suite: Suite, policy: Policy, knobs: Sequence[Knob]) -> bool:
    """Tell whether what a case gets at a threshold depends on nothing but its own score."""
    shared = (policy.cache is not None and suite.ordered) or bool(prompt_caches(policy))
    return [each.key for each in knobs] == [_THRESHOLD] and not shared


def _thresholds(
    bench: Bench, policy: Policy, key: Knob, values: Sequence[float]
) -> tuple[SweepPoint, ...] | None:
    """Every threshold from two runs, all weak and all strong; None where those are not recorded."""
    try:
        weak, strong = (bench.measured(turned(policy, {key: end})) for end in (math.inf, -math.inf))
    except MissingRecordings:
        return None
    columns = columns_of(weak), columns_of(strong)
    scores = _scores(weak, columns[0].case_ids)
    return threshold_curve(*columns, scores, values, _setting(bench.suite))


def _scores(run: Run, case_ids: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = {each.outcome.case_id: each.outcome.route for each in run.results}
    scores = []
    for case_id in case_ids:
        route = found[case_id]
        assert route is not None
        scores.append(route.score)
    return np.array(scores, dtype=np.float64)


def _setting(suite: Suite) -> Setting:
    rules = suite.rules
    return Setting(rules.alpha, None, rules.cleanup_usd_per_wrong, rules.inference)


def _one_by_one(
    bench: Bench,
    policy: Policy,
    knobs: Sequence[Knob],
    points: Sequence[tuple[float, ...]],
    progress: Progress,
) -> tuple[SweepPoint, ...]:
    progress.start(f"{bench.suite.name}: {len(points)} points", len(points))
    found = []
    for values in points:
        found.append(_point(bench, policy, dict(zip(knobs, values, strict=True))))
        progress.advance()
    progress.done()
    return tuple(found)


def _point(bench: Bench, policy: Policy, values: Mapping[Knob, float]) -> SweepPoint:
    at = tuple(values.values())
    try:
        run = bench.measured(turned(policy, values))
    except MissingRecordings as missing:
        return SweepPoint(at, {}, missing=str(missing))
    metrics = {change.metric: change.candidate for change in compare_absolute(run).changes}
    routes = [route for graded in run.results if (route := graded.outcome.route) is not None]
    share = sum(route.strong for route in routes) / len(routes) if routes else None
    return SweepPoint(at, metrics, share)
