"""The metrics that a budget may limit: one row each, read by all who limit, judge or show one.

A new metric is a row here, a field of :class:`evalgate.core.budgets.BudgetsFile`, and what measures it in
``scoring``.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Metric = Literal[
    "accuracy",
    "score",
    "cost_per_correct",
    "latency_p95",
    "latency_geomean",
    "failure_rate",
    "ttft_p95",
    "tpot_p95",
    "turnaround",
    "false_hit_rate",
    "near_miss_rate",
    "hit_rate",
    "positive_hit_rate",
    "latency_p95_under_load",
    "throughput",
    "flip_rate",
    "format_failure_rate",
    "answer_length",
]
LimitName = Literal["max_drop", "max_rise", "min", "max"]
Unit = Literal["share", "usd", "s", "rps", "length"]

_LEVEL_UNITS: Mapping[Unit, tuple[str, ...]] = {
    "share": ("%",),
    "usd": ("usd",),
    "s": ("s", "ms", "min", "h"),
    "rps": ("rps",),
    # Tokens of one model and characters of another are no common ruler: only a move is limited.
    "length": (),
}


class MetricTerms(NamedTuple):
    """What a metric is called, counted in and better for.

    ``name`` is how a sentence says it, ``heading`` how a table does. A share moves in points, all else in
    percent of the baseline's. ``of`` is what a share is a share of. A ``paired`` metric is known of two
    policies together only.
    """

    name: str
    unit: Unit
    better: Literal["higher", "lower"]
    heading: str
    of: str = "cases"
    paired: bool = False

    @property
    def limits(self) -> Mapping[str, LimitName]:
        """The limit that each unit of an allowance means: a move is limited in one, a level in another."""
        move: LimitName = "max_drop" if self.better == "higher" else "max_rise"
        level: LimitName = "min" if self.better == "higher" else "max"
        levels = dict.fromkeys(_LEVEL_UNITS[self.unit], level)
        return {"pp" if self.unit == "share" else "%": move, **levels}


def _row(
    name: str, unit: Unit, better: Literal["higher", "lower"], heading: str = "", of: str = "cases"
) -> MetricTerms:
    return MetricTerms(name, unit, better, heading or name, of)


METRICS: Mapping[Metric, MetricTerms] = {
    "accuracy": _row("accuracy", "share", "higher"),
    "score": _row("score", "share", "higher"),
    "cost_per_correct": _row("cost per correct", "usd", "lower"),
    "latency_p95": _row("P95 latency", "s", "lower"),
    "latency_geomean": _row("mean latency", "s", "lower"),
    "failure_rate": _row("failure rate", "share", "lower"),
    "ttft_p95": _row("P95 time to first token", "s", "lower", "P95 to first token"),
    "tpot_p95": _row("P95 time per output token", "s", "lower", "P95 per token"),
    "turnaround": _row("batch turnaround", "s", "lower"),
    "false_hit_rate": _row("false-hit rate", "share", "lower", of="hits"),
    "near_miss_rate": _row("near-miss rate", "share", "lower", of="near-misses"),
    "hit_rate": _row("hit rate", "share", "higher"),
    "positive_hit_rate": _row("positive-hit rate", "share", "higher"),
    "latency_p95_under_load": _row("P95 latency under load", "s", "lower", "P95 under load"),
    "throughput": _row("throughput", "rps", "higher"),
    "flip_rate": _row("flip rate", "share", "lower")._replace(paired=True),
    "format_failure_rate": _row("format-failure rate", "share", "lower", "format failures"),
    "answer_length": _row("answer length", "length", "lower"),
}
