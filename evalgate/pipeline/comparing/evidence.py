"""What a reader of a report wants to see behind a judgement, computed from its runs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from evalgate.core.budgets import Rules
from evalgate.core.comparison import Change, Comparison
from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.report_data import (
    ComparisonData,
    PolicyPoint,
    QuantilePair,
    SliceTable,
    SmallestEffect,
)
from evalgate.core.run import Run
from evalgate.core.verdict import Judgement
from evalgate.pricing.levers import decompose
from evalgate.scoring.compare import compare, compare_absolute
from evalgate.scoring.methods.mcnemar import exact_p
from evalgate.scoring.power import smallest_effect
from evalgate.scoring.quantiles import latency_quantiles, token_quantiles
from evalgate.scoring.token_times import TokenMetric

SHARES = (0.5, 0.95, 0.99)
# A key with more values than this (a customer's number) is no slice anybody reads, and dear to measure.
MOST_VALUES = 40
_NOTHING = Unmeasured("there is no baseline to compare with")


def evidence(
    judgement: Judgement, runs: Sequence[Run], comparison: Comparison, points: tuple[PolicyPoint, ...]
) -> ComparisonData:
    """Return what stands behind ``judgement``; ``runs`` is baseline and candidate, or one run alone."""
    baseline, candidate = (runs[0] if len(runs) == 2 else None), runs[-1]
    alpha = comparison.alpha
    return ComparisonData(
        judgement=judgement,
        baseline=baseline,
        candidate=candidate,
        points=points,
        latencies=tuple(_quantiles(*(latency_quantiles(run, SHARES, alpha) for run in runs))),
        first_tokens=_tokens(runs, "ttft_p95", alpha),
        tokens=_tokens(runs, "tpot_p95", alpha),
        waterfall=_NOTHING if baseline is None else decompose(baseline, candidate),
        slices=tuple(_slices(runs, comparison)),
        smallest=() if baseline is None else tuple(_smallest(comparison)),
        exact_p=_NOTHING if baseline is None else _exact_p(comparison, baseline.manifest.rules),
    )


def points(suite: str, comparisons: Iterable[Comparison]) -> tuple[PolicyPoint, ...]:
    """Return every policy that was measured on ``suite``, the baseline first."""
    found: dict[str, PolicyPoint] = {}
    for comparison in comparisons:
        if comparison.suite != suite:
            continue
        accuracy, cost = comparison.find("accuracy"), comparison.find("cost_per_correct")
        if accuracy is None or cost is None:
            continue
        if comparison.baseline is not None:
            before = PolicyPoint(comparison.baseline, accuracy.baseline, cost.baseline)
            found.setdefault(comparison.baseline, before)
        found[comparison.candidate] = PolicyPoint(comparison.candidate, accuracy.candidate, cost.candidate)
    return tuple(found.values())


def _quantiles(*sides: tuple[Measured, ...]) -> Iterator[QuantilePair]:
    before = sides[0] if len(sides) == 2 else (_NOTHING,) * len(SHARES)
    for share, left, right in zip(SHARES, before, sides[-1], strict=True):
        yield QuantilePair(share, left, right)


def _tokens(runs: Sequence[Run], metric: TokenMetric, alpha: float) -> tuple[QuantilePair, ...]:
    pairs = tuple(_quantiles(*(token_quantiles(run, metric, SHARES, alpha) for run in runs)))
    unknown = all(isinstance(pair.candidate, Unmeasured) for pair in pairs)
    return () if unknown and all(isinstance(pair.baseline, Unmeasured) for pair in pairs) else pairs


def _slices(runs: Sequence[Run], comparison: Comparison) -> Iterator[SliceTable]:
    gated = comparison.slice_by
    if gated is not None:
        yield SliceTable(gated, gated=True, changes=comparison.slices)
    rules = runs[0].manifest.rules
    for key, values in _keys(runs[-1]).items():
        if key == gated:
            continue
        if values > MOST_VALUES:
            yield SliceTable(key, gated=False, changes=(), left_out=values)
        else:
            yield SliceTable(key, gated=False, changes=_inside(runs, replace(rules, slice_by=key)))


def _inside(runs: Sequence[Run], rules: Rules) -> tuple[Change, ...]:
    if len(runs) == 2:
        return compare(runs[0], runs[1], rules).slices
    return compare_absolute(runs[0], rules).slices


def _keys(run: Run) -> dict[str, int]:
    """Every key of the cases' slices, in order of appearance, and how many values it has."""
    pairs = Counter(pair for graded in run.results for pair in graded.slices.items())
    return dict(Counter(key for key, _ in pairs))


def _smallest(comparison: Comparison) -> Iterator[SmallestEffect]:
    for metric in ("accuracy", "cost_per_correct", "latency_p95"):
        change = comparison.find(metric)
        if change is not None:
            size = smallest_effect(change, comparison.alpha)
            yield SmallestEffect(metric, size, relative=change.scale == "relative")


def _exact_p(comparison: Comparison, rules: Rules) -> float | Unmeasured:
    accuracy = comparison.find("accuracy")
    if accuracy is not None and accuracy.clusters != accuracy.n:
        return Unmeasured("cases of one group are not independent, which the exact test assumes")
    judged_as_a_whole = rules.trials_pass is not None and rules.trials_pass.of is not None
    if comparison.trials != 1 and not judged_as_a_whole:
        return Unmeasured("cases with several trials are no single tosses, which the exact test assumes")
    return exact_p(comparison.cases.broke, comparison.cases.fixed)
