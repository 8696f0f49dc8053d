"""Every threshold of a router at once: of each case only which of two answers it gets depends on it.

Sorted by the router's score, a threshold sends a head of the cases to weak and the tail to strong, so sums
over the mix are differences of running sums, and a thousand thresholds cost little more than one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.sweep import SweepPoint
from evalgate.scoring.accuracy import quality_of
from evalgate.scoring.answer_length import answer_length_of
from evalgate.scoring.columns import Columns
from evalgate.scoring.cost import NONE_CORRECT, cost_of, spend_of
from evalgate.scoring.failures import failure_rate_of
from evalgate.scoring.format_failures import format_failures_of
from evalgate.scoring.geomean import geomean_of
from evalgate.scoring.methods.arrays import Bools, Floats, Ints
from evalgate.scoring.methods.exceedance import SLOW_SHARE
from evalgate.scoring.methods.fieller import ratio_interval_of_moments
from evalgate.scoring.methods.harrell_davis import harrell_davis_ranked
from evalgate.scoring.methods.one_arm import quantile_ranks, wilson_interval
from evalgate.scoring.methods.special import stdtrit
from evalgate.scoring.p95 import LEAST_CALLS, p95_of
from evalgate.scoring.setting import Setting
from evalgate.scoring.token_columns import mixed
from evalgate.scoring.turnaround import interactive
from evalgate.scoring.units import units_of


def threshold_curve(
    weak: Columns, strong: Columns, scores: Floats, thresholds: Sequence[float], setting: Setting
) -> tuple[SweepPoint, ...]:
    """Return the metrics of "strong where ``score >= threshold``", for every threshold.

    ``weak`` and ``strong`` hold the same cases, all sent to one side; ``scores`` is one number a case. Each
    number and interval is that of the mixed run measured on its own.
    """
    order = np.argsort(scores, kind="stable")
    to_weak = np.searchsorted(scores[order], np.array(thresholds), side="left")
    curve = _Curve(weak, strong, order, to_weak, setting)
    columns: dict[Metric, Sequence[Measured]] = {
        "accuracy": curve.accuracy(),
        "cost_per_correct": curve.cost_per_correct(),
        "latency_p95": curve.latency_p95(),
        "latency_geomean": curve.latency_geomean(),
        "failure_rate": curve.lacking(failure_rate_of, *(~side.failed for side in (weak, strong))),
        "format_failure_rate": curve.lacking(
            format_failures_of, *(~side.answers.unreadable for side in (weak, strong))
        ),
        "answer_length": curve.answer_length(),
    }
    if any(not np.array_equal(side.score, side.correct) for side in (weak, strong)):
        columns["score"] = curve.each(lambda mixed: quality_of(mixed, "score", setting))
    shares = 1 - to_weak / max(len(scores), 1)
    return tuple(
        SweepPoint((float(value),), {name: found[at] for name, found in columns.items()}, float(shares[at]))
        for at, value in enumerate(thresholds)
    )


class _Curve:
    """The mixes of one router: ``order`` sorts its cases by score, ``to_weak`` is how many go to weak."""

    def __init__(self, weak: Columns, strong: Columns, order: Ints, to_weak: Ints, setting: Setting) -> None:
        self.weak, self.strong = weak, strong
        self.order, self.to_weak, self.setting = order, to_weak, setting
        self.n = len(order)
        # Groups, weights and repeats have intervals that are no running sums; they are measured one by one.
        self.plain = self.n > 1 and units_of(weak).plain and weak.trials == strong.trials == 1
        self.batched = bool(weak.batched.any() or strong.batched.any())

    def mixed(self, to_weak: int) -> Columns:
        """The columns of the mixed run."""
        sent = np.ones((self.n, 1), dtype=np.bool_)
        sent[self.order[:to_weak]] = False
        weak, strong = self.weak, self.strong
        return replace(
            weak,
            present=np.where(sent, strong.present, weak.present),
            correct=np.where(sent, strong.correct, weak.correct),
            score=np.where(sent, strong.score, weak.score),
            cost_usd=np.where(sent, strong.cost_usd, weak.cost_usd),
            latency_s=np.where(sent, strong.latency_s, weak.latency_s),
            failed=np.where(sent, strong.failed, weak.failed),
            lag_s=np.where(sent, strong.lag_s, weak.lag_s),
            batch_window_s=np.where(sent, strong.batch_window_s, weak.batch_window_s),
            batch_timed=np.where(sent, strong.batch_timed, weak.batch_timed),
            cost_unknown=weak.cost_unknown or strong.cost_unknown,
            tokens=mixed(sent, strong.tokens, weak.tokens),
            answers=weak.answers.mixed(sent, strong.answers),
        )

    def each(self, metric: Callable[[Columns], Measured]) -> list[Measured]:
        """Measure every distinct mix on its own."""
        known: dict[int, Measured] = {}
        for count in self.to_weak.tolist():
            if count not in known:
                known[count] = metric(self.mixed(count))
        return [known[count] for count in self.to_weak.tolist()]

    def sums(self, of_weak: Floats, of_strong: Floats) -> Floats:
        """The sum of one number a case over every mix."""
        head = np.concatenate(([0.0], np.cumsum(of_weak[self.order])))
        tail = np.concatenate((np.cumsum(of_strong[self.order][::-1])[::-1], [0.0]))
        return np.asarray(head[self.to_weak] + tail[self.to_weak])

    def accuracy(self) -> list[Measured]:
        graded = int(self.weak.graded.sum())
        odd = any(not np.isin(side.correct, (0.0, 1.0)).all() for side in (self.weak, self.strong))
        if not self.plain or odd or not graded or self.setting.inference == "suite":
            return self.each(lambda mixed: quality_of(mixed, "accuracy", self.setting))
        right = self.sums(*(side.correct[:, 0] * side.graded for side in (self.weak, self.strong)))
        return [
            self.setting.estimate(each / graded, wilson_interval(each, graded, self.setting.alpha), "wilson")
            for each in right.tolist()
        ]

    def lacking(
        self, alone: Callable[[Columns, Setting], Measured], of_weak: Bools, of_strong: Bools
    ) -> list[Measured]:
        """The share of cases without what ``of_weak`` and ``of_strong`` tell of; ``alone`` for one mix."""
        if not self.plain or self.setting.inference == "suite":
            return self.each(lambda mixed: alone(mixed, self.setting))
        found: list[Measured] = []
        for each in self.sums(*(side[:, 0].astype(np.float64) for side in (of_weak, of_strong))).tolist():
            low, high = wilson_interval(each, self.n, self.setting.alpha)
            found.append(self.setting.estimate(1 - each / self.n, (1 - high, 1 - low), "wilson"))
        return found

    def answer_length(self) -> list[Measured]:
        sides = [side.answers for side in (self.weak, self.strong)]
        counted = all(np.isfinite(side.tokens).all() for side in sides)
        if not self.plain or any(side.failed.any() for side in (self.weak, self.strong)):
            return self.each(lambda mixed: answer_length_of(mixed, self.setting))
        weak, strong = ((side.tokens if counted else side.characters)[:, 0] for side in sides)
        middle = float(np.concatenate((weak, strong)).mean())
        total = self.sums(weak - middle, strong - middle)
        squares = self.sums((weak - middle) ** 2, (strong - middle) ** 2) - total**2 / self.n
        means, level = total / self.n + middle, self.setting
        scatter = np.zeros((2, 2))
        found: list[Measured] = []
        for mean, square in zip(means.tolist(), squares.tolist(), strict=True):
            scatter[0, 0] = max(square, 0.0)
            limits = ratio_interval_of_moments((mean, 1.0), scatter, self.n, level.alpha)
            found.append(level.estimate(mean, limits, "fieller"))
        return found

    def cost_per_correct(self) -> list[Measured]:
        costs = [spend_of(side, self.setting) for side in (self.weak, self.strong)]
        if not self.plain or not all(np.isfinite(cost).all() and (cost >= 0).all() for cost, _ in costs):
            return self.each(lambda mixed: cost_of(mixed, self.setting))
        (weak_cost, weak_right), (strong_cost, strong_right) = costs
        cost, right = self.sums(weak_cost, strong_cost), self.sums(weak_right, strong_right)
        # Squares of what is centred lose no digits to cancellation.
        middle = float(np.concatenate((weak_cost, strong_cost)).mean())
        weak_off, strong_off = weak_cost - middle, strong_cost - middle
        off = self.sums(weak_off, strong_off)
        cost2 = self.sums(weak_off**2, strong_off**2) - off**2 / self.n
        both = self.sums(weak_off * weak_right, strong_off * strong_right) - off * right / self.n
        right2 = self.sums(weak_right**2, strong_right**2) - right**2 / self.n
        found: list[Measured] = []
        for at in range(len(self.to_weak)):
            if right[at] <= 0:
                found.append(Unmeasured(NONE_CORRECT))
                continue
            means = (float(cost[at] / self.n), float(right[at] / self.n))
            scatter = np.array([[cost2[at], both[at]], [both[at], right2[at]]])
            limits = ratio_interval_of_moments(means, scatter, self.n, self.setting.alpha)
            found.append(self.setting.estimate(float(cost[at] / right[at]), limits, "fieller"))
        return found

    def latency_p95(self) -> list[Measured]:
        if self.batched or not self.plain or not self._timed() or self.n < LEAST_CALLS:
            return self.each(lambda mixed: p95_of(interactive(mixed), self.setting))
        share = 1 - SLOW_SHARE
        times = np.concatenate((self.weak.latency_s[:, 0], self.strong.latency_s[:, 0]))
        rank = np.empty(self.n, dtype=np.intp)
        rank[self.order] = np.arange(self.n)
        ranks, of_strong = np.concatenate((rank, rank)), np.repeat([False, True], self.n)
        by_time = np.argsort(times, kind="stable")
        times, ranks, of_strong = times[by_time], ranks[by_time], of_strong[by_time]
        low, high = quantile_ranks(self.n, share, self.setting.alpha)
        known: dict[int, Measured] = {}
        for count in self.to_weak.tolist():
            if count in known:
                continue
            # A case is served by the strong model exactly when its score is not among the lowest.
            ranked = times[(ranks >= count) == of_strong]
            limits = (
                float(ranked[low - 1]) if low >= 1 else -math.inf,
                float(ranked[high - 1]) if high <= self.n else math.inf,
            )
            value = harrell_davis_ranked(ranked, share)
            known[count] = self.setting.estimate(value, limits, "order_statistic")
        return [known[count] for count in self.to_weak.tolist()]

    def latency_geomean(self) -> list[Measured]:
        slow = (self.weak.latency_s > 0).all() and (self.strong.latency_s > 0).all()
        if self.batched or not self.plain or not self._timed() or not slow:
            return self.each(lambda mixed: geomean_of(interactive(mixed), self.setting))
        weak, strong = (np.log(side.latency_s[:, 0]) for side in (self.weak, self.strong))
        middle = float(np.concatenate((weak, strong)).mean())
        total = self.sums(weak - middle, strong - middle)
        squares = self.sums((weak - middle) ** 2, (strong - middle) ** 2) - total**2 / self.n
        centre = total / self.n + middle
        sd = np.sqrt(np.maximum(squares, 0.0) / (self.n - 1))
        half = float(stdtrit(self.n - 1, 1 - self.setting.alpha)) * sd / math.sqrt(self.n)
        return [
            self.setting.estimate(
                math.exp(value), (math.exp(value - reach), math.exp(value + reach)), "t_of_logs"
            )
            for value, reach in zip(centre.tolist(), half.tolist(), strict=True)
        ]

    def _timed(self) -> bool:
        return all(
            bool((np.isfinite(side.latency_s) & (side.latency_s >= 0)).all())
            for side in (self.weak, self.strong)
        )


def with_pareto(points: Sequence[SweepPoint]) -> tuple[SweepPoint, ...]:
    """Return the points, those marked that no other beats in both accuracy and cost per correct."""
    known: list[tuple[float, float, int]] = []
    for at, point in enumerate(points):
        accuracy, cost = point.metrics.get("accuracy"), point.metrics.get("cost_per_correct")
        if isinstance(accuracy, Estimate) and isinstance(cost, Estimate):
            known.append((cost.value, -accuracy.value, at))
    best: set[int] = set()
    reached = math.inf
    for _, short_of, at in sorted(known):
        if short_of < reached:
            best.add(at)
            reached = short_of
    return tuple(replace(point, pareto=at in best) for at, point in enumerate(points))
